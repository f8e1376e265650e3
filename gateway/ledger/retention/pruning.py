"""Pruning: old records go, in small steps; checkpoints tell what went, and the roll-ups stay.

What goes is the beginning of a chain, up to the first record that stays. A record can therefore outlive its own time
where an older one of the same writer is still needed; none goes before its time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, is_postgresql, reading, writing
from gateway.ledger.database.ledger_tables import chains, messages
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.proof.checkpoints import Checkpoint, store_checkpoint, stored_checkpoint
from gateway.ledger.retention.pruning_months import drop_months
from keystore import from_microseconds, to_microseconds

STEP = 200
"""Records of one transaction: keeps the write lock, which responses wait for, to some milliseconds."""
PAUSE_SECONDS = 0.05
"""Between two transactions, in which whoever waits for the write lock gets it."""


@dataclass(frozen=True, slots=True)
class Prunable:
    """Which records may go."""

    before: Mapping[str, datetime]
    """By endpoint: those older than this."""
    otherwise: datetime
    """For endpoints that are not named."""

    def covers(self, row: Any) -> bool:
        """Whether the record of `row` may go."""
        return bool(row.time < to_microseconds(self.before.get(row.endpoint, self.otherwise)))


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, or in a rehearsal would go."""

    records: Mapping[str, int]
    """By endpoint."""
    until: datetime | None
    """The instant of the youngest of them; None where there is none."""
    complete: bool
    """False where it was told to stop before the end."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.records.values())


def prune(
    engine: Engine,
    prunable: Prunable,
    *,
    at: datetime,
    rehearse: bool = False,
    pause_seconds: float = PAUSE_SECONDS,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int], None] = lambda _: None,
) -> Pruned:
    """Remove what may go from every chain, in short transactions with pauses between them.

    On PostgreSQL whole months go, once every record in them may: dropping costs the same however many they are.

    Whatever ends it, each chain begins behind its checkpoint: it can be cut short at any moment, and run again.

    Args:
        engine: The ledger's database.
        prunable: Which records may go.
        at: Now; kept with the checkpoints.
        rehearse: Only count.
        pause_seconds: Seconds between two steps.
        should_stop: Asked before each step.
        on_step: Told how many more records went.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written; what went before is gone rightly.
    """
    if is_postgresql(engine):
        before = min([prunable.otherwise, *prunable.before.values()])
        dropped = drop_months(engine, before, at=at, rehearse=rehearse)
        on_step(sum(dropped.records.values()))
        return Pruned(dropped.records, dropped.until, complete=True)
    counts: dict[str, int] = {}
    until: datetime | None = None
    for writer in _writers(engine):
        place: int | None = None
        while True:
            if should_stop():
                return Pruned(counts, until, complete=False)
            rows = _beginning(engine, writer, place, prunable)
            if not rows:
                break
            if rehearse:
                place = rows[-1].sequence
            elif not _remove(engine, writer, rows, at):
                continue  # somebody else did; look again
            for row in rows:
                counts[row.endpoint] = counts.get(row.endpoint, 0) + 1
            until = max(filter(None, (until, from_microseconds(max(row.time for row in rows)))))
            on_step(len(rows))
            if not rehearse:
                time.sleep(pause_seconds)
    return Pruned(counts, until, complete=True)


def _writers(engine: Engine) -> Sequence[str]:
    with reading(engine) as connection:
        return connection.execute(select(chains.c.writer).order_by(chains.c.writer)).scalars().all()


def _beginning(engine: Engine, writer: str, place: int | None, prunable: Prunable) -> Sequence[Any]:
    """The next records of the chain that may go, those behind `place` or behind the checkpoint."""
    with reading(engine) as connection:
        if place is None:
            place = stored_checkpoint(connection, writer).sequence
        columns = messages.c
        query = (
            select(columns.sequence, columns.hash, columns.time, columns.endpoint)
            .where(columns.writer == writer, columns.sequence > place)
            .order_by(columns.sequence)
            .limit(STEP)
        )
        rows = connection.execute(query).all()
    # A gap is a finding of the verification: nothing behind it is touched.
    unbroken = takewhile(lambda pair: pair[1].sequence == place + pair[0], enumerate(rows, 1))
    return list(takewhile(prunable.covers, (row for _, row in unbroken)))


def _remove(engine: Engine, writer: str, rows: Sequence[Any], at: datetime) -> bool:
    """Remove `rows` in one transaction; False where somebody else has moved the checkpoint meanwhile."""
    last = rows[-1]
    try:
        with writing(engine) as connection:
            if stored_checkpoint(connection, writer).sequence != rows[0].sequence - 1:
                return False
            # In this order: the database removes nothing that no checkpoint covers.
            store_checkpoint(connection, Checkpoint(writer, last.sequence, last.hash, from_microseconds(last.time), at))
            connection.execute(
                delete(messages).where(messages.c.writer == writer, messages.c.sequence <= last.sequence)
            )
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"old records could not be removed: {explain(error, engine)}") from error
    return True
