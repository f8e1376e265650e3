"""What the gates would answer: questions for whoever wants to know, without a change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from keystore.certificate import State
from keystore.identity import Thumbprint
from keystore.store.change_gates import GateAnswer, Gates
from keystore.store.stored_entry import StoredEntry
from keystore.store.trust_periods import trusted_since


@dataclass(frozen=True, slots=True)
class Asked:
    """One entry that is not retired yet, and what the gates hold against retiring it."""

    entry: StoredEntry
    answer: GateAnswer


def ask_in_turn(
    connection: Connection,
    present: Sequence[StoredEntry],
    thumbprints: Sequence[Thumbprint],
    *,
    at: datetime,
    gates: Gates,
) -> Iterator[Asked]:
    """Ask about retiring the certificates in their order, each as if those before it were retired already."""
    left = list(present)
    for thumbprint in thumbprints:
        for entry in present:
            if entry.thumbprint != thumbprint or entry.state is State.RETIRED:
                continue
            answer = GateAnswer()
            if entry.certificate is not None and entry.state_at(at) is State.TRUSTED:
                others = [other for other in left if other.id != entry.id]
                answer = gates.before_retiring(entry, others, at=at, since=trusted_since(connection, entry.id, at))
            yield Asked(entry, answer)
            left = [replace(one, state=State.RETIRED) if one.id == entry.id else one for one in left]
