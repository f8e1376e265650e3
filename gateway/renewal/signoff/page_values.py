"""Values of figures, read for people."""

from collections.abc import Mapping
from datetime import datetime
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
