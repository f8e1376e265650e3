"""What is pruned is announced before: an event of whoever prunes names the last record that may go.

Of records whose own writer tells no counts any more, because it was killed before its next heartbeat, the event tells
them: nothing else could afterwards.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from typing import Any, Final

from sqlalchemy import Connection, func, select

from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import events
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.event import SUMMED_UP, Content, EventKind
from gateway.ledger.proof.checkpoints import Checkpoint, stored_checkpoint
from gateway.ledger.proof.overview import read_event
from gateway.ledger.write.stored_counts import stored_counts
from keystore import to_microseconds

Tell = Callable[[EventKind, Content], "Future[None]"]
"""Writes an event; the future is done once it is committed."""
_SECONDS: Final = 60.0
"""How long an event may take to be committed."""


def announced(connection: Connection) -> dict[str, int]:
    """By writer, up to which record it was announced already that they go."""
    found: dict[str, int] = {}
    for row in connection.execute(select(events).where(events.c.kind == EventKind.PRUNED)).mappings():
        event = read_event(row)
        content: Mapping[str, Any] = {} if event is None else event.content
        writer, sequence = content.get("writer"), content.get("sequence")
        if isinstance(writer, str) and isinstance(sequence, int):  # else the verification tells of it
            found[writer] = max(found.get(writer, 0), sequence)
    return found


def announcement(connection: Connection, last: Checkpoint, announced_before: int) -> Content:
    """What the event tells by which the records of a writer go, up to the one of the checkpoint `last`.

    Args:
        connection: In a transaction in which these records are there.
        last: What the checkpoint will be.
        announced_before: Up to which record of the writer that was told before.
    """
    columns = events.c
    told = select(func.max(columns.records)).where(columns.writer == last.writer, columns.kind.in_(sorted(SUMMED_UP)))
    pruned = stored_checkpoint(connection, last.writer).sequence
    after = max(connection.execute(told).scalar_one() or 0, pruned, announced_before)
    after = min(after, last.sequence)
    counts = stored_counts(connection, last.writer, after, last.sequence) if after < last.sequence else Counts()
    return {
        "writer": last.writer,
        "sequence": last.sequence,
        "hash": last.hash,
        "time": to_microseconds(last.time),
        "at": to_microseconds(last.pruned_at),
        "after": after,
        **counts.content(),
    }


def tell_and_wait(tell: Tell, content: Content) -> None:
    """Write the event.

    Raises:
        LedgerUnavailable: It was not committed, or not in time: nothing may go.
    """
    try:
        tell(EventKind.PRUNED, content).result(_SECONDS)
    except TooSlow as error:
        raise LedgerUnavailable(f"the event that announces it was not committed within {_SECONDS:g} s") from error
