"""Key files that are named on the command line, and names for the certificates in them."""

import sys
from pathlib import Path

from gateway.cli.command_errors import EnvironmentFailed
from keystore import MAX_KEY_FILE_BYTES, Alias, ReadCertificate, ReadResult, read_certificates

STANDARD_INPUT = "-"


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


def numbered_aliases(alias: Alias, count: int) -> list[Alias]:
    """Names for `count` certificates of one file: the alias itself, then ALIAS-2, ALIAS-3 and so on.

    Raises:
        AliasInvalid: a number makes the alias too long.
    """
    return [alias, *(Alias(f"{alias}-{number}") for number in range(2, count + 1))][:count]
