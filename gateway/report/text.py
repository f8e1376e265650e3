"""Values as people read them, made safe: operation names come from messages, and some messages come from attackers."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from gateway.ledger.operation_names import OTHERS

_BAR = "▏▎▍▌▋▊▉█"
_BAR_CELLS = 4
_LONGEST_NAME = 120


def plain(text: str) -> str:
    """`text` on one line, every control, format or unassigned character replaced by its escape."""
    return "".join(
        c if c == " " or unicodedata.category(c)[0] not in "CZ" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def instant_json(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, ending in Z; microseconds where there are any."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_text(instant: datetime) -> str:
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


def share_text(share: float) -> str:
    """A small bar and the percentage. What is less than all never reads 100 %, what is more than nothing never 0 %."""
    percent = f"{share * 100:.0f}"
    if share < 1 and percent == "100":
        percent = ">99"
    elif share > 0 and percent == "0":
        percent = "<1"
    eighths = max(1, round(share * _BAR_CELLS * 8)) if share > 0 else 0
    bar = "█" * (eighths // 8) + (_BAR[eighths % 8 - 1] if eighths % 8 else "")
    return f"{bar:<{_BAR_CELLS}} {percent:>3} %"


def count_text(number: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class OperationNames:
    """How operations are called in one report: by local name, with the namespace only where that would be ambiguous."""

    def __init__(self, operations: Iterable[str | None]) -> None:
        """Hold all operations (in Clark notation) that stand side by side."""
        spaces: dict[str, set[str]] = {}
        for operation in operations:
            if operation is not None:
                space, local = _split(operation)
                spaces.setdefault(local, set()).add(space)
        self._ambiguous = {local for local, found in spaces.items() if len(found) > 1}

    def short(self, operation: str | None) -> str:
        """The name for a table or a sentence."""
        if operation is None:
            return "(no operation)"
        if operation == OTHERS:
            return "(other names)"
        local = _split(operation)[1]
        name = plain(operation if local in self._ambiguous or not local else local)
        return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _split(operation: str) -> tuple[str, str]:
    space, brace, local = operation.rpartition("}")
    return (space + brace, local) if brace else ("", operation)
