"""Ends of trust that are due are carried out through the gate, or an alarm says what holds them up."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine

from gateway.config import Settings
from gateway.ledger import leave_maintenance, take_maintenance
from gateway.renewal import gates_now
from keystore.store import DueEnd, KeystoreStore

_log = structlog.get_logger("wssgate.upkeep")

AUTHOR: Final = "wssgate (scheduled end)"
"""Who made the change, in the keystore's history."""
LOOK_SECONDS: Final = 60.0
"""How often a gateway looks for ends that are due."""
COMPLAIN_EVERY: Final = timedelta(hours=1)
"""How often an end that is held up is told of, by all gateways together."""
_ONCE_A_MINUTE: Final = timedelta(seconds=0.9 * LOOK_SECONDS)
"""By all processes together: for an end that is held up everything is read that the gateways told."""
_TASK: Final = "scheduled ends"
_HELD: Final = timedelta(minutes=5)
"""Whoever was killed in the middle of it holds the others up no longer."""


def carry_out_due_ends(engine: Engine, settings: Settings, holder: str, at: datetime) -> tuple[DueEnd, ...]:
    """Retire what shall not be trusted any more at the instant `at`, where it is safe; one process at a time.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
        SQLAlchemyError: The keystore can be neither read nor written.
    """
    store = KeystoreStore(engine)
    if not any(entry.end_is_due(at) or entry.will_end_by_itself(at) for entry in store.entries()):
        return ()
    if not take_maintenance(engine, _TASK, holder, at=at, length=_HELD, every=_ONCE_A_MINUTE):
        return ()
    finished = None
    try:
        ended = store.end_due(at, gates_now(engine, settings, at), AUTHOR)
        finished = at
    finally:
        leave_maintenance(engine, _TASK, holder, finished=finished)
    for end in ended:
        _tell(engine, end, holder, at)
    return ended


def _tell(engine: Engine, end: DueEnd, holder: str, at: datetime) -> None:
    entry = end.entry
    due = None if entry.trusted_until is None else entry.trusted_until.isoformat(timespec="seconds")
    if end.changed is not None:
        seen = "; ".join(answer.sentence for answer in end.changed.gate if answer.sentence)
        _log.info(
            "scheduled end carried out", alias=str(entry.alias), due=due, revision=end.changed.revision, seen=seen
        )
        return
    alarm = f"end {entry.id} held up"
    if take_maintenance(engine, alarm, holder, at=at, length=COMPLAIN_EVERY, every=COMPLAIN_EVERY):
        leave_maintenance(engine, alarm, holder, finished=at)
        why = [blocker.sentence for blocker in end.blockers] or [str(end.refusal)]
        _log.error(
            "scheduled end is due and not safe: trust goes on", alias=str(entry.alias), due=due, why="; ".join(why)
        )
