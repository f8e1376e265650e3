"""Key files that are named on the command line, and names for the certificates in them."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.x509.oid import NameOID

from gateway.cli.command_errors import EnvironmentFailed
from gateway.cli.terminal import plain
from keystore import (
    MAX_KEY_FILE_BYTES,
    Alias,
    ReadCertificate,
    ReadResult,
    TrustedCertificate,
    is_authority,
    read_certificates,
)

STANDARD_INPUT = "-"
_NAME_LENGTH: Final = 48
_THUMBPRINT_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class ChosenSigners:
    """The certificates of a key file that are added."""

    certificates: list[ReadCertificate]
    remarks: list[str]
    """What was left out, and why."""


def read_key_file(file: Path, password: str | None = None, *, allow_private_key: bool = False) -> ReadResult:
    """Read the certificates in `file`, recognised by content; `-` is standard input.

    Raises:
        EnvironmentFailed: the file cannot be read.
        KeystoreError: it holds no certificate that can be used.
    """
    try:
        if str(file) == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_KEY_FILE_BYTES + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise EnvironmentFailed(f"{file}: {error.strerror or error}.") from error
    return read_certificates(data, password, allow_private_key=allow_private_key)


def signers(read: ReadResult) -> list[ReadCertificate]:
    """The certificates of `read` that may be a signer's own: not those that stand there as issuers of another one."""
    return [found for found in read.certificates if not found.in_chain]


def chosen_signers(read: ReadResult, *, force: bool) -> ChosenSigners:
    """The certificates to add: issuers that came along in a bundle are left out, for they sign no message."""
    found = signers(read)
    others = [one.certificate for one in read.certificates]
    end_entities = [one for one in found if not is_authority(one.certificate, others)]
    if force or not end_entities:
        return ChosenSigners(found, [])
    remarks = [
        f"left out: {plain(one.certificate.subject.rfc4514_string())}, a certification authority that signs no message"
        for one in found
        if one not in end_entities
    ]
    return ChosenSigners(end_entities, remarks)


def suggested_alias(entry: TrustedCertificate) -> Alias:
    """An alias from the subject's common name, and from the thumbprint, which no other certificate can take."""
    names = entry.subject_name.get_attributes_for_oid(NameOID.COMMON_NAME) if entry.subject_name is not None else []
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(names[0].value) if names else "").strip("._-")[:_NAME_LENGTH]
    return Alias(f"{name or 'certificate'}-{entry.thumbprint[:_THUMBPRINT_DIGITS]}")


def numbered_aliases(alias: Alias, count: int) -> list[Alias]:
    """Names for `count` certificates of one file: the alias itself, then ALIAS-2, ALIAS-3 and so on.

    Raises:
        AliasInvalid: a number makes the alias too long.
    """
    return [alias, *(Alias(f"{alias}-{number}") for number in range(2, count + 1))][:count]
