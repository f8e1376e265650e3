"""Instants as the database holds them: whole microseconds and whole hours since 1970-01-01T00:00:00Z.

Integers compare and add exactly on every database, and no driver can shift them into a local time.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

MICROSECONDS_PER_HOUR = 3_600_000_000


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


def hour_of(microseconds: int) -> int:
    """The hour since the epoch in which an instant lies."""
    return microseconds // MICROSECONDS_PER_HOUR


def start_of_hour(instant: datetime) -> datetime:
    """The beginning of the hour (of UTC) in which `instant` lies: where reports over roll-ups really start."""
    return from_microseconds(hour_of(to_microseconds(instant)) * MICROSECONDS_PER_HOUR)
