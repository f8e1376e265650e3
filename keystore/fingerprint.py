"""Fingerprints the way people compare them, and one entry described for a person.

Two people on the phone read a fingerprint aloud in short groups; a partner's mail shows it as colon pairs. Both
spellings are given, of SHA-256 and of SHA-1 (which many stacks still print).
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keystore.certificate import TrustedCertificate

_GROUP = 4


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One digest of a certificate."""

    algorithm: str
    """`SHA-256` or `SHA-1`."""
    digest: bytes

    @property
    def colon_pairs(self) -> tuple[str, str]:
        """Two lines of equal length, pairs of upper-case digits with colons, as OpenSSL, keytool and browsers print."""
        pairs = [f"{octet:02X}" for octet in self.digest]
        half = len(pairs) // 2
        return ":".join(pairs[:half]), ":".join(pairs[half:])

    @property
    def spoken(self) -> tuple[str, ...]:
        """Groups of four lower-case digits, to be read aloud one after the other."""
        digits = self.digest.hex()
        return tuple(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))


@dataclass(frozen=True, slots=True)
class Description:
    """What a person wants to know of a certificate before trusting it."""

    subject: str
    issuer: str
    self_signed: bool
    """Subject and issuer are the same; nothing is said about the signature."""
    serial: str
    """Hexadecimal colon pairs; a negative one begins with a minus."""
    not_before: datetime
    not_after: datetime
    key: str
    """Such as `RSA 2048 bits`, `EC secp256r1`, `Ed25519`."""
    key_id: str
    sha256: Fingerprint
    sha1: Fingerprint
    subject_key_identifier: str
    """Lower-case hexadecimal digits, empty where there is none."""


def describe(entry: TrustedCertificate) -> Description:
    """The description of the certificate of `entry`."""
    return Description(
        subject=entry.subject,
        issuer=entry.issuer,
        self_signed=entry.subject_name is not None and entry.subject_name == entry.issuer_name,
        serial=serial_text(entry.serial),
        not_before=entry.not_before,
        not_after=entry.not_after,
        key=_key(entry),
        key_id=entry.key_id,
        sha256=Fingerprint("SHA-256", bytes.fromhex(entry.thumbprint)),
        sha1=Fingerprint("SHA-1", entry.thumbprint_sha1),
        subject_key_identifier=entry.subject_key_identifier.hex(),
    )


def serial_text(serial: int) -> str:
    """A serial number as certificates are shown with: pairs of hexadecimal digits (X.509's tools write them so)."""
    digits = f"{abs(serial):x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    pairs = ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
    return f"-{pairs}" if serial < 0 else pairs


def _key(entry: TrustedCertificate) -> str:
    key = entry.public_key
    if key is None:
        return "of a kind that signs no message here"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return "Ed25519"
