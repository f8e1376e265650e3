"""Hours as the roll-ups count them: whole hours since 1970-01-01T00:00:00Z, told from microseconds since then."""

from datetime import UTC, datetime, timedelta

from keystore import from_microseconds, to_microseconds

MICROSECONDS_PER_HOUR = 3_600_000_000
_CALENDARS_END = datetime.max.replace(tzinfo=UTC)


def hour_of(microseconds: int) -> int:
    """The hour since the epoch in which an instant lies."""
    return microseconds // MICROSECONDS_PER_HOUR


def start_of_hour(instant: datetime) -> datetime:
    """The beginning of the hour (of UTC) in which `instant` lies: where reports over roll-ups really start."""
    return from_microseconds(hour_of(to_microseconds(instant)) * MICROSECONDS_PER_HOUR)


def end_of_hours(until: datetime) -> datetime:
    """Where whole hours end that reach to `until`, which is left out itself: there, or at the end of its hour."""
    begin = start_of_hour(until)
    return begin if begin == until else begin + min(timedelta(hours=1), _CALENDARS_END - begin)


def last_before(end: datetime | None) -> datetime | None:
    """The last instant before `end`, by which counts are asked for whose last hour ends there."""
    return None if end is None else end - timedelta(microseconds=1)
