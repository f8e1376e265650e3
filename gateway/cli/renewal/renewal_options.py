"""Options that the commands of a renewal share, and what they print alike."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.keystore.change_options import system_user
from gateway.cli.options import DEFAULT_CONFIG, now
from gateway.cli.terminal import print_json
from gateway.cli.workplace import Workplace
from gateway.renewal import Author, Renewal, renewal_json

RenewalArgument = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="The renewal. May be left out while only one is open.", show_default=False),
]
WhoOption = Annotated[
    str | None,
    typer.Option(
        "--who", metavar="NAME", envvar="WSSGATE_WHO", help="Who types this. By default the user of the system."
    ),
]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who said it, where that is not who types it.")]


def author_of(who: str | None, at: datetime | None = None) -> Author:
    """Who types the statement, now."""
    return Author(who or system_user(), at or now())


def as_typed(command: str, workplace: Workplace) -> str:
    """The command with the configuration in use, where that is not the one that is used anyway."""
    source = workplace.shown_source
    return command if source == DEFAULT_CONFIG else f"{command} --config {shlex.quote(str(source))}"


def print_renewal_json(renewal: Renewal, warnings: Sequence[str] = (), next_commands: Sequence[str] = ()) -> None:
    """The renewal as it is now, for programs."""
    print_json(
        {
            "schema": "wssgate.renewal-plan/1",
            "renewal": renewal_json(renewal),
            "warnings": list(warnings),
            "next": list(next_commands),
        }
    )
