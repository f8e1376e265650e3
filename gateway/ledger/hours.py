"""Hours as the roll-ups count them: whole hours since 1970-01-01T00:00:00Z, told from microseconds since then."""

from datetime import datetime

from keystore import from_microseconds, to_microseconds

MICROSECONDS_PER_HOUR = 3_600_000_000


def hour_of(microseconds: int) -> int:
    """The hour since the epoch in which an instant lies."""
    return microseconds // MICROSECONDS_PER_HOUR


def start_of_hour(instant: datetime) -> datetime:
    """The beginning of the hour (of UTC) in which `instant` lies: where reports over roll-ups really start."""
    return from_microseconds(hour_of(to_microseconds(instant)) * MICROSECONDS_PER_HOUR)
