"""Certificates made while the tests run; none of their keys is worth anything."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keystore import Alias, State, TrustedCertificate

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""The instant at which most tests happen."""


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@cache
def signing_key(which: str) -> CertificateIssuerPrivateKeyTypes:
    """The same key for the same word: `rsa-2048`, `rsa-1024`, `ed25519`, else a P-256 key."""
    if which.startswith("rsa-"):
        return rsa.generate_private_key(65537, int(which.split("-")[1]))
    if which.startswith("ed25519"):
        return ed25519.Ed25519PrivateKey.generate()
    if which == "secp256k1":
        return ec.generate_private_key(ec.SECP256K1())
    return ec.generate_private_key(ec.SECP256R1())


def issue(
    common_name: str = "acme",
    *,
    key: str = "",
    public_key: CertificatePublicKeyTypes | None = None,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    serial: int = 5,
    not_before: datetime = NOON - timedelta(days=100),
    not_after: datetime = NOON + timedelta(days=100),
    extensions: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """A certificate over the key named `key` (by default one of its own), signed by that key.

    The same arguments give the same certificate, byte by byte.
    """
    private = signing_key(key or common_name)
    own = subject or name(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer or own)
        .public_key(public_key or private.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return builder.sign(private, None)
    deterministic = True if isinstance(private, ec.EllipticCurvePrivateKey) else None
    return builder.sign(private, hashes.SHA256(), ecdsa_deterministic=deterministic)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def with_bytes_changed(certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
    """The DER of `certificate` with `old` replaced: what no issuer would make, and the wild holds all the same."""
    der = der_of(certificate)
    assert len(old) == len(new)
    assert old in der
    return der.replace(old, new)


def entry(alias: str, certificate: x509.Certificate | None = None, state: State = State.TRUSTED) -> TrustedCertificate:
    return TrustedCertificate(Alias(alias), certificate or issue(alias), state)
