"""Ends of trust that are due: carried out through the gate, or held up by it.

Trust that ends by the clock alone ends whatever is under way then. So an end is a wish, `StoredEntry.trusted_until`;
whoever measures traffic carries it out as a change like any other, and until somebody has, the trust goes on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from keystore.errors import Blocker, GateClosed, Refused
from keystore.store.change_gates import GateAnswer, Gates
from keystore.store.outcome import Action, Changed
from keystore.store.revision import Revision
from keystore.store.stored_entry import StoredEntry
from keystore.store.trust_periods import trusted_since

TAKEN_OVER: Final = "scheduled ends pass the gate when they are due"
"""Why an end that would have come by itself is changed into one that does not."""


@dataclass(frozen=True, slots=True)
class DueEnd:
    """An entry whose trust shall have ended."""

    entry: StoredEntry
    """As it is now: retired where its end was carried out."""
    changed: Changed | None
    """What was done; None where nothing was."""
    refusal: Refused | None
    """Why it is not done; None where it was, or where nothing speaks against it."""

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """What the gate holds against it."""
        return self.refusal.blockers if isinstance(self.refusal, GateClosed) else ()


def ask(connection: Connection, present: Sequence[StoredEntry], *, at: datetime, gates: Gates) -> Iterator[DueEnd]:
    """Every end that is due among the entries `present`, with what the gates hold against it; nothing is changed."""
    for entry in present:
        if not entry.end_is_due(at):
            continue
        answer = GateAnswer()
        if entry.certificate is not None:
            others = [other for other in present if other.id != entry.id]
            since = trusted_since(connection, entry.id, at)
            answer = gates.before_retiring(entry, others, at=at, since=since)
        refusal = GateClosed(f"{entry.alias} is not retired", answer.blockers) if answer.blockers else None
        yield DueEnd(entry, None, refusal)


def take_over_ends(revision: Revision) -> None:
    """Let no end that is yet to come take trust away by itself any more."""
    for entry in revision.present():
        if entry.will_end_by_itself(revision.at):
            revision.change(replace(entry, ends_by_itself=False), Action.CHANGED)
