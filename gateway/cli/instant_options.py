"""Options that take an instant, an age or a length of time: `--at`, `--since`, `--until` and `--within`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_AGE = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_instant(text: str | datetime) -> datetime:
    """Read an instant in RFC 3339; the zone is required, since a local time means nothing to a colleague abroad.

    Raises:
        typer.BadParameter: `text` is none.
    """
    if isinstance(text, datetime):
        return text
    if not _RFC3339.fullmatch(text.strip()):
        raise typer.BadParameter(
            f"{text!r} is no instant: write date, time and zone as in 2026-06-01T12:00:00Z (RFC 3339)."
        )
    try:
        return datetime.fromisoformat(text.strip().upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no instant: {error}.") from error


def parse_since(text: str | datetime) -> datetime:
    """Read an instant in RFC 3339, or an age such as `7d` (units s, m, h, d, w) as the instant that far back.

    Raises:
        typer.BadParameter: `text` is neither.
    """
    if isinstance(text, datetime):
        return text
    age = _AGE.fullmatch(text.strip().lower())
    if age is None:
        try:
            return parse_instant(text)
        except typer.BadParameter as error:
            raise typer.BadParameter(
                f"{text!r} is neither an instant such as 2026-06-01T12:00:00Z nor an age such as 7d, 12h or 30m."
            ) from error
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
    except OverflowError as error:
        raise typer.BadParameter(f"{text!r} lies before the calendar's beginning.") from error


def parse_length(text: str | timedelta) -> timedelta:
    """Read a length of time such as `14d` (units s, m, h, d, w).

    Raises:
        typer.BadParameter: `text` is none.
    """
    if isinstance(text, timedelta):
        return text
    length = _AGE.fullmatch(text.strip().lower())
    if length is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write a number with s, m, h, d or w, such as 14d.")
    return timedelta(**{_UNITS[length[2]]: int(length[1])})


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
