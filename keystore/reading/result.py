"""What a key file holds: the certificates, and what was left out and why."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509

from keystore.certificate_decoding import load_certificate
from keystore.errors import AliasInvalid
from keystore.identity import Alias, Thumbprint


class KeyFileFormat(StrEnum):
    """How a key file is built."""

    PEM = "PEM"
    DER = "DER"
    BASE64 = "base64 without PEM markers"
    PKCS7 = "PKCS#7"
    PKCS12 = "PKCS#12"
    JKS = "JKS"
    JCEKS = "JCEKS"


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """One certificate of a key file."""

    suggested_alias: Alias | None
    """Made from the name that the file gives the certificate; None where it gives none."""
    certificate: x509.Certificate
    der: bytes = field(repr=False)
    in_chain: bool = False
    """It stands in the file as an issuer of another entry (the rest of a Java or PKCS#12 key entry's chain)."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the file that gave no certificate. Each entry stands alone: the others are read all the same."""

    what: str
    """Which part: its position or its name in the file."""
    why: str
    """One sentence: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Everything that a key file gave."""

    format: KeyFileFormat
    certificates: tuple[ReadCertificate, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """What the reader should know about the reading, one sentence each."""
    holds_private_key: bool = False
    """A private key stands in the file; it was not read."""


class Collection:
    """What one reader has gathered so far; every certificate is kept once."""

    def __init__(self, file_format: KeyFileFormat) -> None:
        """Start empty."""
        self.format = file_format
        self.holds_private_key = False
        self.notes: list[str] = []
        self._certificates: list[ReadCertificate] = []
        self._left_out: list[LeftOut] = []
        self._seen: dict[Thumbprint, str] = {}

    def add(self, what: str, der: bytes, *, name: str | None = None, in_chain: bool = False) -> None:
        """Keep the certificate `der` that stands in the file as `what`, or note why it is left out."""
        try:
            certificate = load_certificate(der)
        except ValueError:
            self.leave_out(what, "It is damaged or no X.509 certificate; ask its owner for a fresh copy.")
            return
        thumbprint = Thumbprint.of(der)
        if thumbprint in self._seen:
            self.leave_out(what, f"It is the same certificate as {self._seen[thumbprint]}.")
            return
        self._seen[thumbprint] = what
        self._certificates.append(ReadCertificate(alias_from(name), certificate, der, in_chain))

    def leave_out(self, what: str, why: str) -> None:
        """Note that the part `what` gave no certificate."""
        self._left_out.append(LeftOut(what, why))

    def result(self) -> ReadResult:
        """Everything gathered, frozen."""
        return ReadResult(
            self.format, tuple(self._certificates), tuple(self._left_out), tuple(self.notes), self.holds_private_key
        )


def alias_from(name: str | None) -> Alias | None:
    """`name`, which may be anything, made an alias; None where nothing of it can stay."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name or "").strip("._-")[:64]
    try:
        return Alias(plain)
    except AliasInvalid:
        return None
