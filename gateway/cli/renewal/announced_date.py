"""The date that the receiver administrator announced: an instant, and the words in which it was given."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import typer

from gateway.cli.instant_options import parse_instant

_WITHOUT_SECONDS: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d)([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class AnnouncedDate:
    """When the receiver administrator said that it would switch."""

    at: datetime
    text: str
    """As it was given, with its offset from UTC."""


def parse_announced(text: "str | AnnouncedDate") -> AnnouncedDate:
    """Read a date as people announce it: with its zone, and with or without seconds.

    Raises:
        typer.BadParameter: `text` is none.
    """
    if isinstance(text, AnnouncedDate):
        return text
    given = text.strip()
    return AnnouncedDate(parse_instant(_WITHOUT_SECONDS.sub(r"\1:00\2", given)), given)


AnnouncedOption = Annotated[
    AnnouncedDate | None,
    typer.Option(
        "--announced",
        metavar="DATE",
        parser=parse_announced,
        help="When the receiver will switch, with its zone, such as 2026-12-15T22:00+01:00.",
    ),
]
