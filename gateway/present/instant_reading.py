"""How people write instants and ages, read."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_instant(text: str) -> datetime:
    """Read an instant in RFC 3339; the zone is required, since a local time means nothing to a colleague abroad.

    Raises:
        ValueError: `text` is none; the error is a sentence for people.
    """
    if not _RFC3339.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no instant: write date, time and zone as in 2026-06-01T12:00:00Z (RFC 3339).")
    try:
        return datetime.fromisoformat(text.strip().upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no instant: {error}.") from error


def read_instant_or_age(text: str, now: datetime) -> datetime:
    """Read an instant in RFC 3339, or an age such as `7d` (units s, m, h, d, w) as the instant that far before `now`.

    Raises:
        ValueError: `text` is neither; the error is a sentence for people.
    """
    length = read_length(text)
    if length is None:
        try:
            return read_instant(text)
        except ValueError as error:
            raise ValueError(
                f"{text!r} is neither an instant such as 2026-06-01T12:00:00Z nor an age such as 7d, 12h or 30m."
            ) from error
    try:
        return now - length
    except OverflowError as error:
        raise ValueError(f"{text!r} lies before the calendar's beginning.") from error


def read_length(text: str) -> timedelta | None:
    """Read a length of time such as `14d` (units s, m, h, d, w); None where `text` is none."""
    length = _AGE.fullmatch(text.strip().lower())
    return None if length is None else timedelta(**{_UNITS[length[2]]: int(length[1])})
