"""The identities of certificates and keys: who is meant, independent of any name.

A certificate is told apart by its `Thumbprint`, a key by its `KeyId`; an `Alias` is what people call an entry.
"""

import hashlib
import re
from typing import Self

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystore.errors import AliasInvalid

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class KeyId(str):
    """SHA-256 of a SubjectPublicKeyInfo in DER (RFC 5280, 4.1), 64 lower-case hexadecimal digits."""

    __slots__ = ()

    @classmethod
    def of(cls, public_key: CertificatePublicKeyTypes) -> Self:
        """The identity of `public_key`."""
        info = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(hashlib.sha256(info).hexdigest())


class Thumbprint(str):
    """SHA-256 of a certificate in DER, 64 lower-case hexadecimal digits.

    The thumbprint in WS-Security messages is SHA-1 (`TrustedCertificate.thumbprint_sha1`); this one is ours.
    """

    __slots__ = ()

    @classmethod
    def of(cls, der: bytes) -> Self:
        """The identity of the certificate whose DER encoding is `der`."""
        return cls(hashlib.sha256(der).hexdigest())


class Alias(str):
    """The name of an entry: 1 to 64 letters, digits, dots, underscores and hyphens, the first a letter or digit.

    Aliases reach log lines, HTTP headers and file names, hence the narrow alphabet.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Check `value`.

        Raises:
            AliasInvalid: `value` is outside the alphabet or longer than 64 characters.
        """
        if not _ALIAS.fullmatch(value):
            raise AliasInvalid(
                f"{value!r} cannot be an alias: use 1 to 64 letters, digits, dots, underscores or hyphens, "
                "starting with a letter or digit"
            )
        return super().__new__(cls, value)
