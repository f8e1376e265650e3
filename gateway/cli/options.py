"""Options that several commands share, spelled once."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.instants import parse_instant, parse_since

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="WSSGATE_CONFIG", help="The gateway's configuration."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", "-e", metavar="NAME", help="Only this endpoint of the configuration.")
]
WhoOption = Annotated[
    str | None,
    typer.Option(
        "--who", metavar="NAME", envvar="WSSGATE_WHO", help="Who makes the change. By default the user of the system."
    ),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", "--why", metavar="TEXT", help="The reason, for the history and the diagnosis.")
]
AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        metavar="RFC3339",
        parser=parse_instant,
        help="The instant of the verification, such as 2026-06-01T12:00:00Z.",
    ),
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="T",
        parser=parse_since,
        help="Only what happened since then: an instant in RFC 3339, or an age such as 7d, 12h or 30m.",
    ),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        metavar="T",
        parser=parse_since,
        help="Only what happened before then: an instant in RFC 3339, or an age such as 7d, 12h or 30m.",
    ),
]
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
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="What is demanded of a message (TOML). By default a strict policy."),
]
ContentTypeOption = Annotated[
    str | None,
    typer.Option("--content-type", metavar="T", help="The Content-Type that the message came with."),
]
SecondOpinionOption = Annotated[
    bool,
    typer.Option(
        "--second-opinion", help="Let libxmlsec verify what is accepted once more; reject it where they do not agree."
    ),
]

DEFAULT_CONFIG = Path("gateway.toml")


def now() -> datetime:
    """This instant, UTC: the one place where commands read the clock."""
    return datetime.now(UTC)


def system_user() -> str:
    """The user of the system that runs the command, for the history: a name, or the number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the number often stands in no user database.
        return f"uid {os.getuid()}"
