"""Coverage: which keys were seen in each cell of a renewal, and for how much of the time somebody watched."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.present import instant_text, plain
from gateway.renewal.cutover import Cell, CellState, KeySighting, RenewalRole, cell_sentence
from gateway.renewal.evidence import Evidence
from gateway.renewal.plan import Renewal, Waiver
from gateway.renewal.progress.measured import Measured, delivery_time, evidence_until, names_now
from gateway.renewal.progress.renewal_status import CoverageState, CoveredCell, Relapse, WatchedTime

_SILENT_AFTER: Final = timedelta(days=1)
"""What came shortly before a renewal began still tells which key is in use."""


def covered_cells(renewal: Renewal, measured: Measured, judged_at: datetime) -> tuple[CoveredCell, ...]:
    """Every cell that is known, by endpoint, operation and server."""
    return tuple(
        _covered(cell, renewal, measured.evidence, judged_at) for cutover in measured.cutovers for cell in cutover.cells
    )


def _covered(cell: Cell, renewal: Renewal, evidence: Evidence, judged_at: datetime) -> CoveredCell:
    waiver = waiver_of(cell.endpoint, cell.operation, cell.server, renewal, evidence)
    new, old = _of_role(cell, RenewalRole.NEW), _of_role(cell, RenewalRole.OLD)
    # A key of which nothing but repetitions came was not used.
    last = max((key.last_seen for key in cell.keys if key.accepted + key.rejected), default=None)
    state = CoverageState.WAIVED if waiver is not None else _state(cell, renewal, last, judged_at)
    sentence = cell_sentence(cell, judged_at)
    if state is CoverageState.SILENT and last is not None:
        sentence = f"no message since the renewal began, so no evidence; last {instant_text(last)}"
    if waiver is not None:
        sentence = f"waived by {waiver.by}: {waiver.reason}; {sentence}"
    return CoveredCell(
        endpoint=cell.endpoint,
        operation=cell.operation,
        server=cell.server,
        state=state,
        cutover=cell.state,
        is_switched=cell.state is CellState.SWITCHED,
        new_messages=_most(key.accepted for key in new),
        old_messages=_most(key.accepted for key in old),
        new_rejected=_most(key.rejected for key in new),
        old_rejected=_most(key.rejected for key in old),
        messages_since=cell.messages_since,
        messages_needed=cell.messages_needed,
        first_new=cell.first_new,
        last_new=cell.last_new,
        last_old=cell.last_old,
        last_traffic=last,
        sentence=sentence,
        waiver=waiver,
        new_since=cell.new_since,
        first_new_seen=cell.first_new_seen,
    )


def _state(cell: Cell, renewal: Renewal, last: datetime | None, judged_at: datetime) -> CoverageState:
    if last is None:
        return CoverageState.NEVER_SEEN
    if renewal.keeps_every_key:
        return CoverageState.SAME_KEY
    if cell.state is CellState.SWITCHED:
        return CoverageState.ONLY_NEW
    if last < renewal.started_at and judged_at - last > _SILENT_AFTER:
        return CoverageState.SILENT
    has_new = any(key.accepted + key.rejected for key in _of_role(cell, RenewalRole.NEW))
    if not has_new:
        return CoverageState.ONLY_OLD if cell.last_old is not None else CoverageState.OTHER
    only_new = cell.last_old is None or (cell.first_new_seen is not None and cell.last_old < cell.first_new_seen)
    return CoverageState.ONLY_NEW if only_new else CoverageState.BOTH


def waiver_of(endpoint: str, operation: str | None, server: str, renewal: Renewal, evidence: Evidence) -> Waiver | None:
    """The last waiver that means this cell; None where nobody waived it."""
    names = evidence.names_of(endpoint)
    meant = [
        waiver
        for waiver in renewal.waivers
        if waiver.endpoint in names and waiver.operation == (operation or "") and waiver.server in {"", server}
    ]
    return meant[-1] if meant else None


def _of_role(cell: Cell, role: RenewalRole) -> list[KeySighting]:
    return [key for key in cell.keys if key.role is role]


def _most(counts: Iterable[int]) -> int:
    """Certificates over one key sign the same messages."""
    return max(counts, default=0)


def watched_times(renewal: Renewal, measured: Measured, judged_at: datetime) -> tuple[WatchedTime, ...]:
    """How much of the renewal's time somebody watched each endpoint."""
    evidence = evidence_until(measured.evidence, judged_at)
    return tuple(
        _watched(name, renewal.started_at, judged_at, measured, evidence)
        for name in names_now(renewal.endpoints, measured.evidence)
    )


def _watched(name: str, since: datetime, until: datetime, measured: Measured, evidence: Evidence) -> WatchedTime:
    return WatchedTime(
        endpoint=name,
        since=since,
        until=max(since, until),
        watched=evidence.watched_since(name, since),
        guaranteed_delivery_time=delivery_time(name, since, evidence, measured.configured()),
        gaps=tuple(evidence.gaps_since(name, since)),
    )


def cells_text(cells: Sequence[CoveredCell], shown: int = 3) -> str:
    """The cells by name, the first few of them."""
    several = len({cell.endpoint for cell in cells}) > 1
    names = [cell_title(cell, with_endpoint=several) for cell in cells[:shown]]
    more = f" and {len(cells) - shown} more" if len(cells) > shown else ""
    return ", ".join(names) + more


def cell_title(cell: CoveredCell | Relapse, *, with_endpoint: bool = False) -> str:
    """A cell as it is named in a sentence."""
    local = "messages without an operation" if cell.operation is None else cell.operation.rpartition("}")[2]
    at = f" at {cell.server}" if cell.server else ""
    return plain((f"{cell.endpoint} " if with_endpoint else "") + (local or str(cell.operation)) + at)
