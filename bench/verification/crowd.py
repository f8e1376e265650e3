"""Many certificates of somebody else, made in a moment."""

import random
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keystore import TrustedCertificate

_FROM: Final = datetime(2024, 1, 1, tzinfo=UTC)
_TO: Final = datetime(2124, 1, 1, tzinfo=UTC)
_BITS: Final = 2048


def strangers(count: int) -> tuple[TrustedCertificate, ...]:
    """`count` entries with RSA keys that signed nothing.

    The modulus of each is an odd number and no product of primes: nobody has the private key, and a check under it
    costs what any other does. Making a thousand real keys would take minutes.
    """
    # The same ones in each run; nothing here is secret.
    numbers = random.Random(2048)  # noqa: S311 - see above
    authority = ec.generate_private_key(ec.SECP256R1())
    return tuple(_stranger(number, numbers, authority) for number in range(count))


def _stranger(number: int, numbers: random.Random, authority: ec.EllipticCurvePrivateKey) -> TrustedCertificate:
    modulus = numbers.getrandbits(_BITS) | 1 << _BITS - 1 | 1
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"stranger {number}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa.RSAPublicNumbers(65537, modulus).public_key())
        .serial_number(number + 1)
        .not_valid_before(_FROM)
        .not_valid_after(_TO)
        .sign(authority, hashes.SHA256())
    )
    return TrustedCertificate.from_pem(f"stranger-{number}", certificate.public_bytes(Encoding.PEM))
