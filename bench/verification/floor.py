"""What cannot be avoided: parse, canonicalize, digest and check one signature value, with nothing around it."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from lxml import etree

from bench.measuring import Call
from keystore import TrustedCertificate

_DS = "{http://www.w3.org/2000/09/xmldsig#}"


def bare_steps(message: bytes, signer: TrustedCertificate, *others: TrustedCertificate) -> Call:
    """Parse, three canonical forms, three digests and a signature check: no structure, no rule, no record.

    For each of `others` there is one more check, under a key that did not sign.
    """
    key, value = _key_of(signer), _value_of(message)
    other_keys = [_key_of(other) for other in others]
    scheme, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())

    def call() -> object:
        root = etree.fromstring(message)
        header, body = root[0], root[1]
        security = header[0]
        timestamp, signature = security[1], security[2]
        for element in (body, timestamp):
            hashlib.sha256(_canonical(element)).digest()
        digest = hashlib.sha256(_canonical(signature[0])).digest()
        key.verify(value, digest, scheme, prehashed)
        for other in other_keys:
            try:
                other.verify(value, digest, scheme, prehashed)
            except InvalidSignature:
                continue
            raise AssertionError("the key of somebody else verified the signature")
        return root

    return call


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _key_of(entry: TrustedCertificate) -> rsa.RSAPublicKey:
    key = entry.public_key
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def _value_of(message: bytes) -> bytes:
    return base64.b64decode(etree.fromstring(message).findtext(f".//{_DS}SignatureValue") or "")
