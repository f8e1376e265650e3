"""Trust given on the command line: `--trust ALIAS=FILE`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.cli.errors import EnvironmentFailed, WrongUse
from gateway.cli.terminal import warn
from keystore import (
    MAX_KEY_FILE_BYTES,
    Alias,
    HoldsPrivateKey,
    KeystoreError,
    ReadCertificate,
    ReadResult,
    TrustedCertificate,
    TrustSnapshot,
    read_certificates,
)

STANDARD_INPUT = "-"


def trust_from_options(values: Sequence[str]) -> TrustSnapshot:
    """Trust every certificate in the files that `values` name, each as `ALIAS=FILE`.

    A certificate that cannot be used stands alone: it is named in a warning, and the others are trusted.

    Raises:
        WrongUse: a value is no `ALIAS=FILE`, an alias is used twice, or a file holds no certificate.
        EnvironmentFailed: a file cannot be read.
    """
    entries: dict[str, TrustedCertificate] = {}
    for value in values:
        alias, separator, file = value.partition("=")
        if not separator or not file:
            raise WrongUse(f"--trust {value}: write ALIAS=FILE, for instance --trust acme-2026=acme-2026.pem.")
        for entry in _entries(alias, Path(file)):
            if entry.alias.lower() in entries:
                raise WrongUse(f"--trust {value}: the alias {entry.alias} is used already; give each file its own.")
            entries[entry.alias.lower()] = entry
    return TrustSnapshot.of(*entries.values())


def read_key_file(file: Path, password: str | None = None, *, allow_private_key: bool = False) -> ReadResult:
    """Read the certificates in `file`, recognised by content.

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


def _entries(alias: str, file: Path) -> list[TrustedCertificate]:
    try:
        name = Alias(alias)
        read = read_key_file(file)
    except HoldsPrivateKey as error:
        raise WrongUse(f"--trust {alias}={file}: the file holds a private key; give the certificate alone.") from error
    except KeystoreError as error:
        raise WrongUse(f"--trust {alias}={file}: {error}") from error
    for left_out in read.left_out:
        warn(f"{file}: {left_out.what}: {left_out.why}")
    found = signers(read)
    names = numbered_aliases(name, len(found))
    return [TrustedCertificate(alias, one.certificate) for alias, one in zip(names, found, strict=True)]


def numbered_aliases(alias: Alias, count: int) -> list[Alias]:
    """Names for `count` certificates of one file: the alias itself, then ALIAS-2, ALIAS-3 and so on.

    Raises:
        AliasInvalid: a number makes the alias too long.
    """
    return [alias, *(Alias(f"{alias}-{number}") for number in range(2, count + 1))][:count]


def signers(read: ReadResult) -> list[ReadCertificate]:
    """The certificates of `read` that may be a signer's own: not those that stand there as issuers of another one."""
    return [found for found in read.certificates if not found.in_chain]
