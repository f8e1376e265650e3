"""What cannot be avoided: parse, canonicalize, digest and check one signature value, with nothing around it."""

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from lxml import etree

from bench.verifiers import Call
from keystore import TrustedCertificate

_DS = "{http://www.w3.org/2000/09/xmldsig#}"


def signature_check(message: bytes, signer: TrustedCertificate) -> Call:
    """One RSA signature check, the cost that a further trusted key may add."""
    key, value, digest = _parts(message, signer)
    scheme, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())
    return lambda: key.verify(value, digest, scheme, prehashed)


def bare_steps(message: bytes, signer: TrustedCertificate) -> Call:
    """Parse, three canonical forms, three digests and one signature check: no structure, no rule, no record."""
    key, value, _ = _parts(message, signer)
    scheme, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())

    def call() -> object:
        root = etree.fromstring(message)
        header, body = root[0], root[1]
        security = header[0]
        timestamp, signature = security[1], security[2]
        for element in (body, timestamp):
            hashlib.sha256(_canonical(element)).digest()
        key.verify(value, hashlib.sha256(_canonical(signature[0])).digest(), scheme, prehashed)
        return root

    return call


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _parts(message: bytes, signer: TrustedCertificate) -> tuple[rsa.RSAPublicKey, bytes, bytes]:
    signature = etree.fromstring(message).find(f".//{_DS}Signature")
    assert signature is not None
    key = signer.public_key
    assert isinstance(key, rsa.RSAPublicKey)
    value = base64.b64decode(signature.findtext(f"{_DS}SignatureValue") or "")
    return key, value, hashlib.sha256(_canonical(signature[0])).digest()
