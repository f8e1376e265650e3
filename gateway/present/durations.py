"""How lengths of time are written: as in the configuration, and for people."""

from datetime import timedelta
from itertools import dropwhile

DURATION_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
"""What a length of time may be written in."""
_SPANS = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


def duration_text(length: timedelta) -> str:
    """`length` as it is written in the configuration, in the largest unit that divides it."""
    for unit in ("d", "h", "m", "s"):
        if length and length % DURATION_UNITS[unit] == timedelta(0):
            return f"{length // DURATION_UNITS[unit]}{unit}"
    return f"{length // DURATION_UNITS['ms']}ms"


def span_text(length: timedelta) -> str:
    """A length of time for people, in its two largest units, rounded down: 3 h 10 min."""
    rest, found = length, []
    for unit, name in _SPANS:
        found.append((rest // unit, name))
        rest %= unit
    shown = list(dropwhile(lambda part: not part[0], found))[:2]
    return " ".join(f"{count} {name}" for count, name in shown if count) or "0 s"
