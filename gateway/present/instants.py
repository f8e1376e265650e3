"""How instants are written: for programs, and for people in sentences and in tables. All are in UTC."""

from datetime import UTC, datetime, timedelta
from typing import overload


@overload
def instant_json(instant: datetime) -> str: ...
@overload
def instant_json(instant: datetime | None) -> str | None: ...


def instant_json(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, ending in Z; microseconds where there are any."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_text(instant: datetime | None) -> str:
    """`instant` for people: UTC to the second, or a dash."""
    return "-" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def day_text(instant: datetime | None) -> str:
    """The day of `instant` in UTC, or a dash."""
    return "-" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%d")


def instant_in_table(instant: datetime) -> str:
    """UTC to the second, without the zone: the heading says that all times are UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def age_text(instant: datetime, now: datetime) -> str:
    """How long ago `instant` was, in its largest unit."""
    age = now - instant
    if age < timedelta(0):
        return "ahead"  # another instance's clock is ahead of this one's
    for unit, name in (
        (timedelta(days=1), "d"),
        (timedelta(hours=1), "h"),
        (timedelta(minutes=1), "min"),
        (timedelta(seconds=1), "s"),
    ):
        if age >= unit:
            return f"{age // unit} {name}"
    return "now"
