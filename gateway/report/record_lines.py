"""Records for people, one line a message."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from gateway.ledger import MessageRecord, StoredRecord
from gateway.present import OperationNames, day_text, plain
from gateway.vocabulary import RecordedOutcome

_GAP: Final = "  "
_INDENT: Final = 10
_STYLES: Final = {
    RecordedOutcome.ACCEPTED: "",
    RecordedOutcome.REJECTED: "red",
    RecordedOutcome.PASSED: "dim",
    RecordedOutcome.FAILED: "yellow",
}


class RecordLines:
    """Lines that stand below each other: columns as wide as what was in them so far."""

    def __init__(self, width: int | None) -> None:
        """Break lines between columns at `width` characters; None never breaks them."""
        self._width = width
        self._widths: list[int] = []
        self._day: date | None = None

    def make_room(self, records: Iterable[StoredRecord]) -> None:
        """Let the columns be wide enough for all of `records`, before the first of them is shown."""
        for stored in records:
            self._measure(_cells(stored.record))

    def lines(self, stored: StoredRecord) -> Iterator[tuple[str, str]]:
        """The lines of one record, each with its style; before the first one of a day, that day."""
        record = stored.record
        if record.time.date() != self._day:
            self._day = record.time.date()
            yield f"{day_text(record.time)} (UTC)", "bold"
        cells = _cells(record)
        self._measure(cells)
        style = _STYLES.get(record.outcome, "")
        line = ""
        # The last column is not filled up.
        padded = [f"{cell:<{width}}" for cell, width in zip(cells[:-1], self._widths, strict=False)] + cells[-1:]
        for cell in padded:
            longer = f"{line}{_GAP if line.strip() else ''}{cell}"
            if self._width is not None and len(longer.rstrip()) > self._width and line.strip():
                yield line.rstrip(), style
                longer = " " * _INDENT + cell
            line = longer
        yield line.rstrip(), style

    def _measure(self, cells: list[str]) -> None:
        widths = [len(cell) for cell in cells[:-1]]
        self._widths = [max(pair) for pair in zip(self._widths or widths, widths, strict=True)]


def _cells(record: MessageRecord) -> list[str]:
    place = record.endpoint if not record.server else f"{record.endpoint} at {record.server}"
    return [
        f"{record.time:%H:%M:%S}",
        _outcome(record),
        plain(place),
        OperationNames([record.operation]).short(record.operation),
        plain(_who(record)),
        record.id,
    ]


def _outcome(record: MessageRecord) -> str:
    """What came of it, why, and where it was let through all the same."""
    if record.outcome == RecordedOutcome.REJECTED:
        return f"{plain(record.reason or '')}{' (let through)' if record.released else ''}"
    if record.outcome == RecordedOutcome.FAILED:
        status = "" if record.upstream_status is None else f" {record.upstream_status}"
        return f"failed{status}"
    return f"{plain(record.outcome)} {record.kind}" if record.outcome == RecordedOutcome.PASSED else record.outcome


def _who(record: MessageRecord) -> str:
    """Whose key signed, as far as is known."""
    if record.verified_by:
        return ", ".join(entry.alias for entry in record.verified_by)
    known = dict.fromkeys(signer.entry.alias for signer in record.signers or ())
    if known:
        return ", ".join(known)
    if record.embedded is not None and record.embedded.signature_good:
        return f"unknown {record.embedded.thumbprint[:8]}"
    return "-"
