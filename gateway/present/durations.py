"""How lengths of time are written: as in the configuration."""

from datetime import timedelta

DURATION_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
"""What a length of time may be written in."""


def duration_text(length: timedelta) -> str:
    """`length` as it is written in the configuration, in the largest unit that divides it."""
    for unit in ("d", "h", "m", "s"):
        if length and length % DURATION_UNITS[unit] == timedelta(0):
            return f"{length // DURATION_UNITS[unit]}{unit}"
    return f"{length // DURATION_UNITS['ms']}ms"
