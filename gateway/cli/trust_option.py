"""Trust given on the command line: `--trust ALIAS=FILE`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.key_files import numbered_aliases, read_key_file, signers
from gateway.cli.terminal import warn
from keystore import Alias, HoldsPrivateKey, KeystoreError, TrustedCertificate, TrustSnapshot

TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        "-t",
        metavar="ALIAS=FILE",
        help="Trust the certificates in FILE under this alias; may be repeated. Of several certificates in one file, "
        "the further ones are named ALIAS-2, ALIAS-3 and so on.",
    ),
]


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
