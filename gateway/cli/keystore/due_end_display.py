"""Ends of trust that are due and were not carried out yet, for `list`, `show` and `wssgate status`."""

from collections.abc import Mapping
from datetime import datetime

from gateway.cli.keystore.gate_refusals import blocker_json
from gateway.cli.workplace import Workplace
from gateway.present import instant_json, instant_text
from gateway.renewal import gates_now
from keystore.store import DueEnd


def ends_that_are_due(workplace: Workplace, at: datetime) -> Mapping[int, DueEnd]:
    """Every end that is due at the instant `at`, by the entry's id. Without one the traffic is not looked at."""
    if not any(entry.end_is_due(at) for entry in workplace.keystore.entries()):
        return {}
    return {
        end.entry.id: end
        for end in workplace.keystore.due_ends(at, gates_now(workplace.engine, workplace.settings, at))
    }


def due_sentence(end: DueEnd) -> str:
    """What to know about it."""
    due = f"{end.entry.alias}: end due since {instant_text(end.entry.trusted_until)}"
    if end.blockers:
        return f"{due}, not safe, so it stays trusted: {'; '.join(blocker.sentence for blocker in end.blockers)}"
    return f"{due}, safe: a running gateway carries it out within a minute or two, else wssgate keystore retire does"


def due_json(end: DueEnd | None) -> dict[str, object] | None:
    """The same for programs; None where no end is due."""
    if end is None:
        return None
    return {
        "since": instant_json(end.entry.trusted_until),
        "safe": not end.blockers,
        "blockers": [blocker_json(blocker) for blocker in end.blockers],
    }
