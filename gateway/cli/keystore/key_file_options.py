"""Options of the commands that read key files, which may be protected by a password."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import EnvironmentFailed, WrongUse
from gateway.cli.key_files import read_key_file
from gateway.cli.terminal import plain, warn
from keystore import ReadResult, WrongPassword

_ATTEMPTS = 3
_PASSWORD_LIMIT = 4096
"""Bytes; no password is that long, a wrong file given by mistake may be."""

PasswordFileOption = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="First line: the password of FILE. Else it is asked for."),
]
AllowPrivateKeyOption = Annotated[
    bool,
    typer.Option(
        "--allow-private-key",
        "--from-key-file",
        help="Take the certificate from a file that holds a private key too.",
    ),
]


def read_with_password(
    file: Path,
    password_file: Path | None,
    *,
    allow_private_key: bool,
    before_asking: Callable[[], object] = lambda: None,
) -> ReadResult:
    """Read the certificates in `file`; its password comes from `password_file`, or is asked for on a terminal.

    `before_asking` is called before a person is asked: what can be refused without the password is refused then.

    Raises:
        EnvironmentFailed: A file cannot be read.
        WrongUse: `password_file` holds no password.
        KeystoreError: `file` holds no certificate that can be used, or the password does not open it.
    """
    if password_file is not None:
        return read_key_file(file, _password(password_file), allow_private_key=allow_private_key)
    data_is_piped = str(file) == "-"
    try:
        return read_key_file(file, allow_private_key=allow_private_key)
    except WrongPassword:
        if data_is_piped or not sys.stdin.isatty():
            raise
    before_asking()
    for attempt in range(1, _ATTEMPTS + 1):
        password = getpass.getpass(f"Password of {plain(file)}: ", stream=sys.stderr)
        try:
            return read_key_file(file, password, allow_private_key=allow_private_key)
        except WrongPassword as error:
            if attempt == _ATTEMPTS:
                raise
            warn(str(error))
    raise AssertionError("the loop above returns or raises")


def _password(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_PASSWORD_LIMIT + 1)
        lines = data.decode("utf-8").splitlines()
    except OSError as error:
        raise EnvironmentFailed(f"{file}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise WrongUse(f"{file}: the password file is no text in UTF-8.") from error
    if len(data) > _PASSWORD_LIMIT or not lines:
        raise WrongUse(f"{file}: the password file has to hold the password in its first line.")
    return lines[0]
