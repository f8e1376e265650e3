"""The key with which an instance signs the ends of its chains (Ed25519, RFC 8032).

It lies in a file beside the configuration and not in the database: whoever can write the database can write a chain
anew, and cannot sign its end.
"""

import base64
import os
import stat
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.ledger.errors import SigningKeyUnusable

_LARGEST: Final = 100_000
"""Octets of a file that are read: a key has some hundred."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key of an instance."""

    private: Ed25519PrivateKey
    public: str
    """The raw public key in base64: how it is shown, recorded and pinned."""

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        """The key with its public half."""
        return cls(private, base64.b64encode(private.public_key().public_bytes_raw()).decode())

    def sign(self, text: str) -> str:
        """The signature over `text`, in base64."""
        return base64.b64encode(self.private.sign(text.encode())).decode()


def signing_key(path: Path) -> tuple[SigningKey, bool]:
    """The key in the file at `path`, and whether it was made just now because there was none.

    Of several processes that start at once, one makes it and the others read it.

    Raises:
        SigningKeyUnusable: The file cannot be made or read, holds no such key, or others may read it.
    """
    made = False
    try:
        if not path.exists():
            made = _make(path)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise SigningKeyUnusable(_NOT_A_KEY.format(path=path))
        if status.st_mode & 0o077:
            raise SigningKeyUnusable(
                f"the signing key {path} can be read by others, who could sign evidence with it: chmod 600 {path}"
            )
        private = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SigningKeyUnusable(
            f"the signing key {path} cannot be used: {error.strerror}; name another file with signing_key in [gateway]"
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyUnusable(_NOT_A_KEY.format(path=path)) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeyUnusable(_NOT_A_KEY.format(path=path))
    return SigningKey.of(private), made


_NOT_A_KEY: Final = (
    "the file {path} holds no Ed25519 private key in PEM, without a password; put the right one back from your backup, "
    "or move it away, so that a new one is made (whoever has pinned the old one has to be told)"
)


def _make(path: Path) -> bool:
    """Make the file, whole or not at all; False where another process was first."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # Of a name that nobody else has, also not what a killed process of the same number left behind; mode 0600.
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # fails where the file is there already
    except FileExistsError:
        return False
    finally:
        Path(part).unlink(missing_ok=True)
    return True


@lru_cache(maxsize=64)
def _public_key(public: str) -> Ed25519PublicKey:
    """The key in the text; few sign much."""
    return Ed25519PublicKey.from_public_bytes(_octets(public))


def is_signed_by(public: str, text: str, signature: str) -> bool:
    """Whether `signature` over `text` was made with the private half of `public`, all as `SigningKey` writes them."""
    try:
        key = _public_key(public)
        key.verify(_octets(signature), text.encode())
    except (ValueError, InvalidSignature):
        return False
    return True


def _octets(text: str) -> bytes:
    """What base64 stands for, in its one spelling: the bits that its last digit does not use are zero (RFC 4648, 3.5).

    Raises:
        ValueError: It is another spelling, or none.
    """
    octets = base64.b64decode(text, validate=True)
    if base64.b64encode(octets).decode() != text:
        raise ValueError("a second spelling of the same octets")
    return octets
