"""Options of the commands that change the keystore: which entry, who does it and why, and force."""

import getpass
import os
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse

AliasArgument = Annotated[str, typer.Argument(metavar="ALIAS", help="Name of the entry.")]
WhoOption = Annotated[
    str | None,
    typer.Option(
        "--who", metavar="NAME", envvar="WSSGATE_WHO", help="Who makes the change. By default the user of the system."
    ),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", "--why", metavar="TEXT", help="The reason, for the history and the diagnosis.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Do it although it is too early. Needs --reason; the history keeps both.")
]
ReplacesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--replaces",
        metavar="ALIAS",
        help="The entry whose successor it is, which nothing else tells; may be repeated.",
    ),
]


def need_reason(reason: str, *, force: bool, always: str = "") -> None:
    """Let nobody override anything without a word, nor do what `always` says.

    Raises:
        WrongUse: There is no reason, and `force` or `always` is set.
    """
    if force and not reason.strip():
        raise WrongUse("--force needs --reason TEXT: the history keeps what was overridden, and has to say why.")
    if always and not reason.strip():
        raise WrongUse(f"{always} needs --reason TEXT: whoever reads the history has to know why.")


def system_user() -> str:
    """The user of the system that runs the command, for the history: a name, or the number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the number often stands in no user database.
        return f"uid {os.getuid()}"
