"""Values of figures, read for people."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.present import OperationNames
from gateway.renewal.signoff.figures import read_instant
from gateway.renewal.signoff.signing_off import Signoff


def instant_of(text: object) -> datetime:
    """An instant as figures hold it.

    Raises:
        DocumentUnreadable: It is none.
    """
    return read_instant(text)


def figure_value(signoff: Signoff, name: str) -> Any:
    """The value of a figure; None where the document has none of that name."""
    figure = signoff.figures.get(name)
    return None if figure is None else figure.value


def operation_of(operation: str, names: OperationNames) -> str:
    """The name of an operation as cells hold it."""
    return names.short(operation or None)


def length_text(length: timedelta) -> str:
    """A length of time for people, rounded down to two units."""
    seconds = int(length.total_seconds())
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, name in units:
        if seconds >= size or (parts and len(parts) < 2):
            parts.append(f"{seconds // size} {name}")
            seconds %= size
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"


def watched_text(watched: Mapping[str, Any] | None, since: datetime, until: datetime) -> str:
    """How much of a time was watched. What is less than all never reads 100 %."""
    if watched is None:
        return "an unknown part of the time watched"
    length = (until - since).total_seconds()
    if length <= 0:
        return "no time watched"
    if watched["seconds"] >= length:
        return "100 % of the time watched"
    return f"{int(watched['seconds'] / length * 1000) / 10:.1f} % of the time watched"
