"""The closed lists of algorithms (XMLDSIG 6, RFC 9231): what stands here may be admitted, anything else never is."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from cryptography.hazmat.primitives import hashes

from gateway.verify.policy import Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import DSIG_MORE

_DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_MORE_2021: Final = "http://www.w3.org/2021/04/xmldsig-more#"
_ENC: Final = "http://www.w3.org/2001/04/xmlenc#"


class KeyFamily(StrEnum):
    """A key is tried only with the algorithms of its own family."""

    RSA = "RSA"
    EC = "EC"
    ED25519 = "Ed25519"


@dataclass(frozen=True, slots=True, eq=False)
class SignatureAlgorithm:
    """One SignatureMethod; there is one object for each."""

    uri: str
    family: KeyFamily
    hash: hashes.HashAlgorithm | None
    """None where the signature scheme hashes by itself (Ed25519)."""
    pss: bool = False
    """RSASSA-PSS with MGF1 over the same hash and a salt as long as the hash (RFC 9231, 2.3.10)."""

    @property
    def uses_sha1(self) -> bool:
        """Whether the scheme rests on SHA-1."""
        return isinstance(self.hash, hashes.SHA1)


class Canonicalization(StrEnum):
    """The canonicalizations that are admitted, all without comments; the values are their URIs."""

    EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
    INCLUSIVE_1_0 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    INCLUSIVE_1_1 = "http://www.w3.org/2006/12/xml-c14n11"


class AttachmentTransform(StrEnum):
    """The transforms of the SwA profile that sign an attachment; the values are their URIs (WSS-SwA 1.1.1, 5.4)."""

    CONTENT = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"
    COMPLETE = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Complete-Signature-Transform"


ATTACHMENT_CIPHERTEXT: Final = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Ciphertext-Transform"
ENVELOPED_SIGNATURE: Final = _DSIG + "enveloped-signature"
WITH_COMMENTS: Final = "WithComments"
"""What their forms that keep comments end with (C14N 1.0 and 1.1, 2.1; XML-EXC-C14N, 4): behind the number sign, which
the inclusive ones lack otherwise."""
RSA_PSS: Final = DSIG_MORE + "rsa-pss"
"""RSASSA-PSS with parameters (RFC 9231, 2.3.9)."""
MGF1: Final = DSIG_MORE + "MGF1"
STR_TRANSFORM: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"
MANIFEST_TYPE: Final = _DSIG + "Manifest"

_SHA1, _SHA256, _SHA384, _SHA512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()  # noqa: S303 - by policy only

_SIGNATURES: Final = {
    algorithm.uri: algorithm
    for algorithm in (
        SignatureAlgorithm(_DSIG + "rsa-sha1", KeyFamily.RSA, _SHA1),
        SignatureAlgorithm(_MORE + "rsa-sha256", KeyFamily.RSA, _SHA256),
        SignatureAlgorithm(_MORE + "rsa-sha384", KeyFamily.RSA, _SHA384),
        SignatureAlgorithm(_MORE + "rsa-sha512", KeyFamily.RSA, _SHA512),
        SignatureAlgorithm(DSIG_MORE + "sha1-rsa-MGF1", KeyFamily.RSA, _SHA1, pss=True),
        SignatureAlgorithm(DSIG_MORE + "sha256-rsa-MGF1", KeyFamily.RSA, _SHA256, pss=True),
        SignatureAlgorithm(DSIG_MORE + "sha384-rsa-MGF1", KeyFamily.RSA, _SHA384, pss=True),
        SignatureAlgorithm(DSIG_MORE + "sha512-rsa-MGF1", KeyFamily.RSA, _SHA512, pss=True),
        SignatureAlgorithm(_MORE + "ecdsa-sha1", KeyFamily.EC, _SHA1),
        SignatureAlgorithm(_MORE + "ecdsa-sha256", KeyFamily.EC, _SHA256),
        SignatureAlgorithm(_MORE + "ecdsa-sha384", KeyFamily.EC, _SHA384),
        SignatureAlgorithm(_MORE + "ecdsa-sha512", KeyFamily.EC, _SHA512),
        SignatureAlgorithm(_MORE_2021 + "eddsa-ed25519", KeyFamily.ED25519, None),
    )
}
_PSS_WITH_PARAMETERS: Final = {
    digest: SignatureAlgorithm(RSA_PSS, KeyFamily.RSA, hash_algorithm, pss=True)
    for digest, hash_algorithm in (
        (_DSIG + "sha1", _SHA1),
        (_ENC + "sha256", _SHA256),
        (_MORE + "sha384", _SHA384),
        (_ENC + "sha512", _SHA512),
    )
}
"""By the URI of the digest: the parameters that are admitted are those of the identifiers without any."""


@dataclass(frozen=True, slots=True)
class DigestAlgorithm:
    """One DigestMethod."""

    uri: str
    begin: "Callable[..., hashlib._Hash]"
    """Begins a digest, with the octets that it is given."""
    size: int
    """Length of a digest in bytes."""
    is_sha1: bool = False

    def digest(self, octets: bytes) -> bytes:
        """The digest of `octets`."""
        return self.begin(octets).digest()

    def digest_of(self, pieces: Iterable[bytes]) -> bytes:
        """The digest of what the pieces come to one after the other."""
        digest = self.begin()
        for piece in pieces:
            digest.update(piece)
        return digest.digest()


_DIGESTS: Final = {
    algorithm.uri: algorithm
    for algorithm in (
        DigestAlgorithm(_DSIG + "sha1", partial(hashlib.sha1, usedforsecurity=False), 20, is_sha1=True),
        DigestAlgorithm(_ENC + "sha256", hashlib.sha256, 32),
        DigestAlgorithm(_MORE + "sha384", hashlib.sha384, 48),
        DigestAlgorithm(_ENC + "sha512", hashlib.sha512, 64),
    )
}
_CANONICALIZATIONS: Final = {str(c): (c, False) for c in Canonicalization} | {
    f"{str(c).rstrip('#')}#{WITH_COMMENTS}": (c, True) for c in Canonicalization
}


def signature_algorithm(uri: str | None, policy: Policy) -> SignatureAlgorithm:
    """The SignatureMethod of that URI.

    Raises:
        Rejection: `algorithm-not-allowed`.
    """
    algorithm = _SIGNATURES.get(uri or "")
    if algorithm is None:
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, f"signature algorithm {_shown(uri)} is not admitted")
    if algorithm.uses_sha1 and not policy.allow_sha1:
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, f"signature algorithm {_shown(uri)} rests on SHA-1")
    return algorithm


def pss_algorithm(digest: DigestAlgorithm) -> SignatureAlgorithm:
    """RSASSA-PSS with parameters, for this hash, MGF1 over the same and a salt of its length."""
    return _PSS_WITH_PARAMETERS[digest.uri]


def digest_algorithm(uri: str | None, policy: Policy) -> DigestAlgorithm:
    """The DigestMethod of that URI.

    Raises:
        Rejection: `algorithm-not-allowed`.
    """
    algorithm = _DIGESTS.get(uri or "")
    if algorithm is None:
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, f"digest algorithm {_shown(uri)} is not admitted")
    if algorithm.is_sha1 and not policy.allow_sha1:
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "a digest uses SHA-1")
    return algorithm


def canonicalization(uri: str | None) -> tuple[Canonicalization, bool] | None:
    """The canonicalization of that URI, and whether it keeps comments; None where it is none of the admitted ones."""
    return _CANONICALIZATIONS.get(uri or "")


def _shown(uri: str | None) -> str:
    return printable(uri or "") or "(none)"
