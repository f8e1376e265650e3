"""The cutover in words: one sentence for each cell and each endpoint, the same in every rendering."""

from datetime import datetime

from gateway.present import OperationNames, age_text, count_text, instant_in_table
from gateway.renewal.cutover.cells import Cell, CellState
from gateway.renewal.cutover.endpoints import EndpointCutover
from keystore import State


def cell_sentence(cell: Cell, now: datetime) -> str:
    """What is known about one operation."""
    match cell.state:
        case CellState.SILENT if cell.last_traffic is None:
            said = "no traffic yet, so no evidence"
        case CellState.SILENT:
            said = f"no traffic in this time, so no evidence; last {_when(cell.last_traffic, now)}"
        case CellState.OLD_ONLY:
            said = f"only the old key; last {_when(cell.last_old, now)}"
        case CellState.EARLY:
            said = "signed with the new key before it is trusted"
        case CellState.SAME_KEY:
            said = f"{_messages(cell)}; old and new certificate hold the same key"
        case CellState.ONLY_KEY:
            said = f"{_messages(cell)}; the endpoint has one key only"
        case CellState.MIXED if cell.messages_since == 0:
            said = f"both keys; the last message was signed with the old one, {_when(cell.last_old, now)}"
        case CellState.MIXED:
            said = (
                f"both keys; only the new one since {_when(cell.new_since, now)}: {_messages(cell)} of the "
                f"{cell.messages_needed:,} that it takes; "
                f"old key last {_when(cell.last_old, now)}"
            )
        case CellState.SWITCHED:
            said = f"only the new key since {_when(cell.new_since, now)}: {_messages(cell)}"
            if cell.last_old is not None:
                said += f"; old key last {_when(cell.last_old, now)}"
    return said + _rejected(cell)


def endpoint_sentence(cutover: EndpointCutover, now: datetime) -> str:
    """What is known about one endpoint."""
    newest, cells = cutover.newest, cutover.cells
    names = OperationNames(cell.operation for cell in cells)
    silent = cutover.cells_in(CellState.SILENT)
    active = len(cells) - len(silent)
    if newest is None:
        return "no certificate is trusted or staged for this endpoint: no message can be accepted"
    if not active:
        return f"no traffic: nothing shows whether the receiver uses {newest.alias}"
    if len(cutover.cells_in(CellState.ONLY_KEY)) == active:
        return f"{newest.alias} is the only key: no renewal under way"
    if len(cutover.cells_in(CellState.SAME_KEY)) == active:
        others = ", ".join(e.alias for e in cutover.goal.others if e.key_id == newest.key_id)
        return f"{newest.alias} holds the same key as {others}: both verify every message, there is nothing to switch"
    if cutover.switched_since is not None:
        return f"switched everywhere to {newest.alias} since {_when(cutover.switched_since, now)}"
    switched = len(cutover.cells_in(CellState.SWITCHED, CellState.ONLY_KEY, CellState.SAME_KEY))
    parts = [f"{switched} of {count_text(len(cells), 'operation')} switched to {newest.alias}"]
    laggards = cutover.laggards
    if laggards:
        first = laggards[0]
        parts.append(f"laggard: {names.short(first.operation)} ({_why_late(first, now)})")
        if len(laggards) > 1:
            parts.append("also " + ", ".join(names.short(cell.operation) for cell in laggards[1:]))
    if silent:
        parts.append("no traffic, so no evidence: " + ", ".join(names.short(cell.operation) for cell in silent))
    if cutover.newest_state is State.STAGED:
        parts.append(f"{newest.alias} is staged: the receiver must not use it yet")
    return "; ".join(parts)


def _why_late(cell: Cell, now: datetime) -> str:
    if cell.last_old is None:
        return f"{count_text(cell.rejected_new, 'message')} rejected: signed before the new key is trusted"
    return f"last old-key message {_when(cell.last_old, now)}"


def _messages(cell: Cell) -> str:
    return ("" if cell.exact else "at least ") + count_text(cell.messages_since, "message")


def _rejected(cell: Cell) -> str:
    said = ""
    if cell.rejected_old:
        said += f"; {count_text(cell.rejected_old, 'message')} rejected with an old key"
    if cell.rejected_new:
        said += f"; {count_text(cell.rejected_new, 'message')} rejected with the new key"
    return said


def _when(instant: datetime | None, now: datetime) -> str:
    if instant is None:
        return "never"
    age = age_text(instant, now)
    return (
        f"{instant_in_table(instant)}, {age}" if age in {"now", "ahead"} else f"{instant_in_table(instant)}, {age} ago"
    )
