"""Options that take an instant, an age or a length of time: `--at`, `--since`, `--until` and `--within`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.present import read_instant, read_instant_or_age, read_length


def parse_instant(text: str | datetime) -> datetime:
    """Read an instant in RFC 3339.

    Raises:
        typer.BadParameter: `text` is none.
    """
    if isinstance(text, datetime):
        return text
    try:
        return read_instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def parse_since(text: str | datetime) -> datetime:
    """Read an instant in RFC 3339, or an age such as `7d` (units s, m, h, d, w) as the instant that far back.

    Raises:
        typer.BadParameter: `text` is neither.
    """
    if isinstance(text, datetime):
        return text
    try:
        return read_instant_or_age(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def parse_length(text: str | timedelta) -> timedelta:
    """Read a length of time such as `14d` (units s, m, h, d, w).

    Raises:
        typer.BadParameter: `text` is none.
    """
    if isinstance(text, timedelta):
        return text
    length = read_length(text)
    if length is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write a number with s, m, h, d or w, such as 14d.")
    return length


def refuse_empty_time(since: datetime | None, until: datetime | None) -> None:
    """Refuse a time in which nothing can lie.

    Raises:
        WrongUse: `until` is not later than `since`.
    """
    if since is not None and until is not None and since >= until:
        raise WrongUse("Nothing lies between --since and --until: --until must be later than --since.")


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
FromOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        "--from",
        metavar="T",
        parser=parse_since,
        help="Only what happened since then: an instant in RFC 3339, or an age such as 7d, 12h or 30m.",
    ),
]
ToOption = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        "--to",
        metavar="T",
        parser=parse_since,
        help="Only what happened before then, to the end of its hour (UTC): an instant or an age as well.",
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
WithinOption = Annotated[
    timedelta,
    typer.Option(
        "--within",
        metavar="T",
        parser=parse_length,
        show_default=False,
        help="In how much time from now, such as 60d (the default) or 8w.",
    ),
]
