"""Step 8 where no key of the keystore made the signature value: what is known of its unknown signer."""

from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.verify.algorithms import KeyFamily
from gateway.verify.budget import WorkBudget
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason
from gateway.verify.signature_value import SignedValue, applicable
from gateway.verify.verdict import EmbeddedCertificate
from keystore import HintKind, KeyHint, SigningKey, TrustedCertificate, TrustSnapshot, UnreadableKeyFile

_ECDSA_LENGTHS: Final = {64, 96, 128, 132}
"""Bytes of r and s, at full width, on curves of 256, 384, 512 and 521 bits (XMLDSIG 6.4.3)."""
_MAX_BITS: Final = 8192
_MAX_EXPONENT_BITS: Final = 64
"""Bounds on keys that a message brings along: their arithmetic is at its sender's choice."""


class UnknownSigner(NamedTuple):
    """What can be told of a signature value that no key of the keystore made."""

    reason: Reason
    detail: str
    embedded: EmbeddedCertificate | None = None
    """The certificate that the message carries, where it can be read."""


def unknown_signer(signed: SignedValue, key_info: KeyInfo, trust: TrustSnapshot, budget: WorkBudget) -> UnknownSigner:
    """Tell an unknown signer's good signature from a broken one, where no key of the keystore made the value."""
    hint = key_info.hint
    elsewhere = _elsewhere(signed, hint, trust)
    if elsewhere is not None:
        return UnknownSigner(Reason.UNKNOWN_KEY, elsewhere)
    embedded = _embedded(hint, signed, budget)
    if embedded is not None and embedded.signature_good:
        return UnknownSigner(
            Reason.UNKNOWN_KEY,
            "signed with a key that the keystore does not hold; the signature is good under the certificate that "
            f"the message carries: {_described(embedded)}",
            embedded,
        )
    key = key_info.public_key if _is_ordinary(key_info.public_key) else None
    if key is not None and applicable(signed.algorithm, key, signed.value) and signed.is_signed_by(key):
        return UnknownSigner(
            Reason.UNKNOWN_KEY,
            f"signed with a key that the keystore does not hold; the message carries the bare key: {hint.named}",
        )
    if embedded is not None or key is not None:
        reason, detail = (
            Reason.SIGNATURE_INVALID,
            "the signature value is wrong, even under the key that the message carries",
        )
    elif named := trust.named_by(hint):
        names = ", ".join(entry.alias for entry in named[:3])
        reason, detail = (
            Reason.SIGNATURE_INVALID,
            f"the message names {names}, and the signature value is wrong under it",
        )
    elif hint.kind in {HintKind.NONE, HintKind.UNRESOLVED}:
        reason, detail = (
            Reason.SIGNATURE_INVALID,
            "no trusted key verifies the signature, and the message names none: altered, or a foreign key",
        )
    else:
        reason, detail = (
            Reason.UNKNOWN_KEY,
            f"the keystore holds no key for {hint.named}, and no trusted key verifies the signature",
        )
    if reason is Reason.SIGNATURE_INVALID:
        detail += _impossible_length(signed)
    return UnknownSigner(reason, detail, embedded)


def _impossible_length(signed: SignedValue) -> str:
    """What to add where no ECDSA key makes a value of that length: it was encoded wrongly, and is not altered.

    Apache Santuario 2.1, under WSS4J 1.6, leaves out zeros that r and s both begin with: with P-521 in every fourth
    signature.
    """
    if signed.algorithm.family is not KeyFamily.EC or len(signed.value) in _ECDSA_LENGTHS:
        return ""
    return (
        f"; it has {len(signed.value)} bytes, and an ECDSA value has 64, 96, 128 or 132: "
        "some Java stacks leave out leading zeros"
    )


def _described(embedded: EmbeddedCertificate) -> str:
    """The certificate as an operator looks for it: whose, by whom, until when, and its fingerprints."""
    return (
        f"{printable(embedded.subject, 200)}, issued by {printable(embedded.issuer, 200)}, "
        f"valid from {embedded.not_before:%Y-%m-%d} until {embedded.not_after:%Y-%m-%d}, "
        f"SHA-256 {embedded.thumbprint}, SHA-1 {embedded.thumbprint_sha1}"
    )


def _elsewhere(signed: SignedValue, hint: KeyHint, trust: TrustSnapshot) -> str | None:
    """A sentence where an entry that is meant for other endpoints made the value."""
    for entry in trust.elsewhere_named_by(hint):
        key = entry.public_key
        if key is not None and applicable(signed.algorithm, key, signed.value):
            if not signed.is_signed_by(key):
                continue
            meant = ", ".join(sorted(entry.endpoints or ()))
            return f"signed with {entry.alias}, which the keystore holds for other endpoints only: {meant}"
    return None


def _is_ordinary(key: SigningKey | None) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        return key is not None
    return key.key_size <= _MAX_BITS and key.public_numbers().e.bit_length() <= _MAX_EXPONENT_BITS


def _embedded(hint: KeyHint, signed: SignedValue, budget: WorkBudget) -> EmbeddedCertificate | None:
    """The certificate of the message that made the value; where none did, the first that can be read."""
    first: EmbeddedCertificate | None = None
    for der in hint.certificates:
        if not budget.may_examine_certificate():
            break
        try:
            entry = TrustedCertificate.from_der("embedded", der)
            key = entry.public_key if _is_ordinary(entry.public_key) else None
            good = key is not None and applicable(signed.algorithm, key, signed.value) and signed.is_signed_by(key)
            described = EmbeddedCertificate(
                subject=entry.subject,
                issuer=entry.issuer,
                serial=entry.serial,
                not_before=entry.not_before,
                not_after=entry.not_after,
                key_id=entry.key_id,
                thumbprint=entry.thumbprint,
                thumbprint_sha1=entry.thumbprint_sha1.hex(),
                signature_good=good,
                der=der,
            )
        except (UnreadableKeyFile, ValueError, x509.ExtensionNotFound):
            continue
        if good:
            return described
        first = first or described
    return first
