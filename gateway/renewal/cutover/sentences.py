"""The cutover in words: one sentence for each cell and each endpoint, the same in every rendering."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from gateway.present import OperationNames, age_text, count_text, instant_in_table, plain, span_text
from gateway.renewal.cutover.cells import Cell, CellState, KeySighting
from gateway.renewal.cutover.declared_goal import Goal, RenewalRole
from gateway.renewal.cutover.endpoints import EndpointCutover
from gateway.renewal.cutover.switch_rule import SwitchEvidence
from keystore import State, TrustedCertificate

DECLARE = "wssgate keystore set NEW --replaces OLD"
"""How to say which key is the new one."""
_SAME_TIME = timedelta(minutes=2)
"""A message that says it was signed within this time of its arrival came at once; clocks differ by as much."""


def cell_sentence(cell: Cell, now: datetime) -> str:
    """What is known about one operation, at one server where that is told."""
    match cell.state:
        case CellState.SILENT if cell.last_traffic is None:
            said = "never seen, so no evidence"
        case CellState.SILENT:
            said = f"no traffic in this time, so no evidence; last {_when(cell.last_traffic, now)}"
        case CellState.UNDECLARED:
            said = f"which key is the new one is not known: {key_list(cell.keys)}"
        case CellState.OLD_ONLY:
            said = f"only the old key; last {_last_old(cell, now)}"
        case CellState.EARLY:
            said = "signed with the new key before it is trusted"
        case CellState.REJECTED:
            said = "every message with the new key was rejected"
        case CellState.OTHER_ONLY:
            said = "neither the new key nor one that it replaces"
        case CellState.SAME_KEY:
            said = "the certificates hold the same key"
        case CellState.ONLY_KEY:
            said = "the endpoint has one key only"
        case CellState.MIXED if not cell.messages_since:
            said = f"both keys; the last message was signed with the old one, {_last_old(cell, now)}"
        case CellState.MIXED:
            said = f"both keys; {_only_new(cell, now)}"
        case CellState.PENDING:
            said = f"not enough yet: {_only_new(cell, now)}"
        case _:  # switched: without it a branch would be left that no state takes
            said = _only_new(cell, now) + _missed(cell)
    return said + _beside(cell, now)


def endpoint_sentence(cutover: EndpointCutover, now: datetime) -> str:
    """What is known about one endpoint."""
    goal = cutover.goal
    if not goal.present:
        return "no certificate is trusted or staged for this endpoint: no message can be accepted"
    if goal.rivals:
        return (
            f"{_aliases(goal.rivals)} are declared to replace the same key, or each other, so which key is the new one "
            "is not known; take back what is not meant: wssgate keystore set ALIAS --no-replaces"
        )
    if cutover.undeclared:
        return f"which key is the new one is not known ({_involved(cutover)}); declare it: {DECLARE}"
    if len(cutover.cells_in(CellState.SILENT)) == len(cutover.cells):
        return f"no traffic: nothing shows whether the receiver uses {_target(goal)}" + _expected(cutover)
    if goal.only_key is not None:
        return _one_key(goal.holders_of(goal.only_key))
    if cutover.switched_since is not None:
        return f"switched everywhere to {_target(goal)} since {_when(cutover.switched_since, now)}"
    return "; ".join(_parts(cutover, now))


def cell_name(cell: Cell, names: OperationNames) -> str:
    """The operation, and the server where that is told."""
    return names.short(cell.operation) + (f" at {plain(cell.server)}" if cell.server else "")


def key_list(keys: Sequence[KeySighting]) -> str:
    """The aliases, with the beginning of the thumbprint where one alias was given to several certificates."""
    return ", ".join(key_name(key, keys) for key in keys)


def key_name(key: KeySighting, keys: Iterable[KeySighting]) -> str:
    """The alias of a key among others."""
    shared = sum(other.alias == key.alias for other in keys) > 1
    return plain(key.alias) + (f" ({key.thumbprint[:8]})" if shared else "")


def _parts(cutover: EndpointCutover, now: datetime) -> Iterable[str]:
    cells, names = cutover.cells, OperationNames(cell.operation for cell in cutover.cells)
    switched = len(cutover.cells_in(CellState.SWITCHED))
    counted = count_text(len(cells), "operation")
    if any(cell.server for cell in cells):
        counted = f"{len(cells):,} pairs of operation and server"
    yield f"{switched} of {counted} switched to {_target(cutover.goal)}"
    laggards = cutover.laggards
    if laggards:
        yield f"laggard: {cell_name(laggards[0], names)} ({_why_late(laggards[0], now)})"
    if len(laggards) > 1:
        yield "also " + ", ".join(cell_name(cell, names) for cell in laggards[1:])
    if others := cutover.cells_in(CellState.OTHER_ONLY):
        yield "signed with other keys: " + ", ".join(cell_name(cell, names) for cell in others)
    never = cutover.never_seen
    if quiet := [cell for cell in cutover.cells_in(CellState.SILENT) if cell not in never]:
        yield "no traffic, so no evidence: " + ", ".join(cell_name(cell, names) for cell in quiet)
    if never:
        yield "never seen, so no evidence: " + ", ".join(cell_name(cell, names) for cell in never)
    for entry in cutover.goal.successors:
        if entry.state_at(now) is State.STAGED:
            yield f"{entry.alias} is staged: the receiver must not use it yet"


def _why_late(cell: Cell, now: datetime) -> str:
    match cell.state:
        case CellState.EARLY:
            return f"{count_text(cell.rejected_new, 'message')} rejected: signed before the new key is trusted"
        case CellState.REJECTED:
            return f"{count_text(cell.rejected_new, 'message')} with the new key, and every one was rejected"
        case CellState.PENDING:
            return _only_new(cell, now)
    return f"last old-key message {_when(cell.last_old, now)}"


def _only_new(cell: Cell, now: datetime) -> str:
    """Since when, and what there is beside what it takes: messages, quiet, and the longest quiet before."""
    messages = ("" if cell.exact else "at least ") + count_text(cell.messages_since, "message")
    needed = f"{cell.messages_needed:,}"
    enough = (
        f", and {needed} are enough"
        if cell.messages_since > cell.messages_needed
        else f" of the {needed} that it takes"
    )
    said = f"only the new key since {_when(cell.new_since, now)}: {messages}{enough}; {_quiet(cell, cell.evidence)}"
    return said if cell.last_old is None else f"{said}; old key last {_last_old(cell, now)}"


def _quiet(cell: Cell, evidence: SwitchEvidence) -> str:
    quiet, needed = span_text(evidence.quiet), span_text(evidence.quiet_needed)
    if cell.last_old is None:
        return f"no old key here, for {quiet} of the {needed} that it takes"
    longest = span_text(evidence.longest_quiet)
    if not evidence.longest_quiet:
        return f"the old key quiet for {quiet} of the {needed} that it takes"
    if evidence.quiet > evidence.longest_quiet:
        return (
            f"the old key quiet for {quiet} of the {needed} that it takes, longer than the {longest} that it ever was"
        )
    return f"the old key quiet for {quiet} of the {needed} that it takes, for it was quiet for {longest} before"


def _missed(cell: Cell) -> str:
    """What share of the messages could have been missed: only where no field tells the servers apart."""
    if cell.server:
        return ""
    return f"; a server with less than {cell.evidence.share_missed * 100:.2g} % of the messages could be missed"


def _beside(cell: Cell, now: datetime) -> str:
    said = ""
    if cell.first_new_seen is not None and cell.first_new not in {None, cell.first_new_seen}:
        said += f"; new key first {_when(cell.first_new_seen, now)}, first accepted {_when(cell.first_new, now)}"
    if cell.rejected_old:
        said += f"; {count_text(cell.rejected_old, 'message')} rejected with an old key"
    if cell.rejected_new:
        said += f"; {count_text(cell.rejected_new, 'message')} rejected with the new key"
    if cell.dispensable_old:
        said += (
            f"; {count_text(cell.dispensable_old, 'message')} with an old key's signature as well, without need of it"
        )
    if cell.others and cell.state is not CellState.UNDECLARED:
        counts = ", ".join(
            f"{count_text(k.accepted + k.rejected, 'message')} by {key_name(k, cell.keys)}" for k in cell.others
        )
        said += f"; {counts}" + (
            ", which nothing declares to be old" if any(k.role is RenewalRole.NEW for k in cell.keys) else ""
        )
    if cell.repeated:
        said += f"; {count_text(cell.repeated, 'message')} repeated a signature that was on record"
    return said


def _last_old(cell: Cell, now: datetime) -> str:
    said = _when(cell.last_old, now)
    if cell.last_old is None or cell.last_old_signed is None or abs(cell.last_old - cell.last_old_signed) < _SAME_TIME:
        return said
    return f"{said} (signed {instant_in_table(cell.last_old_signed)})"


def _one_key(holders: Sequence[TrustedCertificate]) -> str:
    if len(holders) == 1:
        return f"{holders[0].alias} is the only key: no renewal under way"
    return f"{_aliases(holders)} hold the same key: each verifies every message, there is nothing to switch"


def _involved(cutover: EndpointCutover) -> str:
    goal = cutover.goal
    return ", ".join(entry.alias for entry in goal.known if entry.key_id in goal.involved)


def _expected(cutover: EndpointCutover) -> str:
    names = OperationNames(cell.operation for cell in cutover.cells)
    never = ", ".join(cell_name(cell, names) for cell in cutover.never_seen)
    return f"; never seen: {never}" if never else ""


def _target(goal: Goal) -> str:
    return _aliases(goal.successors or goal.present)


def _aliases(entries: Sequence[TrustedCertificate]) -> str:
    *first, last = (str(entry.alias) for entry in entries)
    return f"{', '.join(first)} and {last}" if first else last


def _when(instant: datetime | None, now: datetime) -> str:
    if instant is None:
        return "never"
    age = age_text(instant, now)
    ago = age if age in {"now", "ahead"} else f"{age} ago"
    return f"{instant_in_table(instant)}, {ago}"
