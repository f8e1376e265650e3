"""Instants as databases hold them: whole microseconds since 1970-01-01T00:00:00Z.

Integers compare and add exactly on every database, and no driver can shift them into a local time.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """Microseconds since the epoch.

    Raises:
        ValueError: `instant` has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"the instant {instant.isoformat()} has no time zone")
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The instant, in UTC, exact to the microsecond."""
    return _EPOCH + value * _MICROSECOND


def optional_microseconds(instant: datetime | None) -> int | None:
    """The same for an instant that may be absent."""
    return None if instant is None else to_microseconds(instant)


def optional_instant(value: int | None) -> datetime | None:
    """The same for an instant that may be absent."""
    return None if value is None else from_microseconds(value)
