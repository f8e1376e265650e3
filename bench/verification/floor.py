"""What cannot be avoided: parse, canonicalize, digest and check one signature value, with nothing around it."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from lxml import etree

from bench.measuring import Call
from keystore import TrustedCertificate

_DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_HUGE: Final = etree.XMLParser(resolve_entities=False, huge_tree=True)
ALL: Final = "floor: all four"
PARSE: Final = "floor: parse"
CANONICALIZE: Final = "floor: C14N"
DIGEST: Final = "floor: digests"
CHECK: Final = "floor: signature check"


def floor(message: bytes, signer: TrustedCertificate) -> dict[str, Call]:
    """Each step alone, and all of them: no structure, no rule, no record.

    A parse, the canonical forms of Body, Timestamp and SignedInfo, their digests, and one signature check.
    """
    key = signer.public_key
    assert isinstance(key, rsa.RSAPublicKey)
    public: rsa.RSAPublicKey = key
    scheme, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())
    value = base64.b64decode(etree.fromstring(message, _HUGE).findtext(f".//{_DS}SignatureValue") or "")
    parts = _parts(etree.fromstring(message, _HUGE))
    forms = [_canonical(part) for part in parts]
    digest = hashlib.sha256(forms[-1]).digest()

    def parse() -> etree._Element:
        return etree.fromstring(message, _HUGE)

    def canonicalize() -> list[bytes]:
        return [_canonical(part) for part in parts]

    def digests() -> list[bytes]:
        return [hashlib.sha256(form).digest() for form in forms]

    def check() -> None:
        public.verify(value, digest, scheme, prehashed)

    def everything() -> object:
        root = etree.fromstring(message, _HUGE)
        made = [hashlib.sha256(_canonical(part)).digest() for part in _parts(root)]
        public.verify(value, made[-1], scheme, prehashed)
        return root

    return {ALL: everything, PARSE: parse, CANONICALIZE: canonicalize, DIGEST: digests, CHECK: check}


def failing_checks(message: bytes, strangers: Sequence[TrustedCertificate]) -> Call:
    """One check of the signature value under the key of each of `strangers`, who did not make it."""
    scheme, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())
    root = etree.fromstring(message, _HUGE)
    value = base64.b64decode(root.findtext(f".//{_DS}SignatureValue") or "")
    signed_info = root.find(f".//{_DS}SignedInfo")
    assert signed_info is not None
    digest = hashlib.sha256(_canonical(signed_info)).digest()
    keys = [stranger.public_key for stranger in strangers]

    def check() -> int:
        failed = 0
        for key in keys:
            try:
                key.verify(value, digest, scheme, prehashed)  # type: ignore[union-attr,call-arg,arg-type] # all RSA keys
            except InvalidSignature:
                failed += 1
        if failed != len(keys):
            raise AssertionError("a stranger's key verified the message")
        return failed

    return check


def _parts(root: etree._Element) -> list[etree._Element]:
    """Body, Timestamp and SignedInfo of a message of this benchmark."""
    security = root[0][0]
    return [root[1], security[1], security[2][0]]


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
