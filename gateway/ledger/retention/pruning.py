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

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, is_postgresql, reading, writing
from gateway.ledger.database.ledger_tables import chains, events, messages
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.event import EventKind
from gateway.ledger.proof.checkpoints import Checkpoint, store_checkpoint, stored_checkpoint
from gateway.ledger.retention.announcing import Tell, announced, announcement, tell_and_wait
from gateway.ledger.retention.pruning_months import drop_months
from keystore import from_microseconds, to_microseconds

STEP = 200
"""Records of one transaction: keeps the write lock, which responses wait for, to some milliseconds."""
ANNOUNCED_STEPS = 500
"""Steps that one event announces at most: it stays for ever."""
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
    tell: Tell | None,
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
        tell: Writes the events that announce what goes (`LedgerWriter.tell`); None only counts.
        pause_seconds: Seconds between two steps.
        should_stop: Asked before each step.
        on_step: Told how many more records went.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written; what went before is gone rightly.
    """
    if is_postgresql(engine):
        before = min([prunable.otherwise, *prunable.before.values()])
        dropped = drop_months(engine, before, at=at, tell=tell)
        on_step(sum(dropped.records.values()))
        if tell is not None:
            _remove_heartbeats(engine, before, pause_seconds, should_stop)
        return Pruned(dropped.records, dropped.until, complete=True)
    run = _Run(engine, prunable, at, tell, pause_seconds, should_stop, on_step)
    complete = all(run.prune(writer) for writer in _writers(engine))
    if tell is not None and complete:
        _remove_heartbeats(engine, min([prunable.otherwise, *prunable.before.values()]), pause_seconds, should_stop)
    return Pruned(run.counts, run.until, complete=complete)


class _Run:
    """One run over the chains of a database in which records are removed one by one."""

    def __init__(
        self,
        engine: Engine,
        prunable: Prunable,
        at: datetime,
        tell: Tell | None,
        pause_seconds: float,
        should_stop: Callable[[], bool],
        on_step: Callable[[int], None],
    ) -> None:
        self._engine = engine
        self._prunable = prunable
        self._at = at
        self._tell = tell
        self._pause_seconds = pause_seconds
        self._should_stop = should_stop
        self._on_step = on_step
        self.counts: dict[str, int] = {}
        self.until: datetime | None = None
        with reading(engine) as connection:
            self._announced = {} if tell is None else announced(connection)

    def prune(self, writer: str) -> bool:
        """Remove the beginning of a chain; False where it was told to stop."""
        place: int | None = None
        while True:
            if self._should_stop():
                return False
            rows = _beginning(self._engine, writer, place, self._prunable)
            if not rows:
                return True
            if self._tell is None:
                place = rows[-1].sequence
            elif not self._remove(writer, rows):
                continue  # somebody else did; look again
            for row in rows:
                self.counts[row.endpoint] = self.counts.get(row.endpoint, 0) + 1
            self.until = max(filter(None, (self.until, from_microseconds(max(row.time for row in rows)))))
            self._on_step(len(rows))
            if self._tell is not None:
                time.sleep(self._pause_seconds)

    def _remove(self, writer: str, rows: Sequence[Any]) -> bool:
        if rows[-1].sequence > self._announced.get(writer, 0):
            self._announce(writer, rows)
        return _remove(self._engine, writer, rows, self._at)

    def _announce(self, writer: str, rows: Sequence[Any]) -> None:
        """Announce what follows `rows` as well, as far as it may go: an event for many steps."""
        last = rows[-1]
        for _ in range(ANNOUNCED_STEPS):
            more = _beginning(self._engine, writer, last.sequence, self._prunable)
            if not more:
                break
            last = more[-1]
        checkpoint = _checkpoint(writer, last, self._at)
        with reading(self._engine) as connection:
            content = announcement(connection, checkpoint, self._announced.get(writer, 0))
        assert self._tell is not None  # noqa: S101 - for the type checker
        tell_and_wait(self._tell, content)
        self._announced[writer] = last.sequence


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
            store_checkpoint(connection, _checkpoint(writer, last, at))
            connection.execute(
                delete(messages).where(messages.c.writer == writer, messages.c.sequence <= last.sequence)
            )
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"old records could not be removed: {explain(error, engine)}") from error
    return True


def _checkpoint(writer: str, last: Any, at: datetime) -> Checkpoint:
    return Checkpoint(writer, last.sequence, last.hash, from_microseconds(last.time), at)


def _remove_heartbeats(engine: Engine, before: datetime, pause_seconds: float, should_stop: Callable[[], bool]) -> None:
    """Remove heartbeats that were summed up before that instant, one summed-up span at a time."""
    for writer in _writers(engine):
        with reading(engine) as connection:
            spans = _summed_up(connection, writer, to_microseconds(before))
        for number in spans:
            if should_stop():
                return
            try:
                with writing(engine) as connection:
                    columns = events.c
                    summed_up = (columns.writer == writer) & (columns.number < number)
                    connection.execute(delete(events).where(summed_up, columns.kind == EventKind.HEARTBEAT))
            except SQLAlchemyError as error:
                raise LedgerUnavailable(f"old heartbeats could not be removed: {explain(error, engine)}") from error
            time.sleep(pause_seconds)


def _summed_up(connection: Connection, writer: str, before: int) -> Sequence[int]:
    """The events that sum up heartbeats which are there still, and which lie before that instant."""
    columns = events.c
    mine = columns.writer == writer
    first = select(func.min(columns.number)).where(mine, columns.kind == EventKind.HEARTBEAT).scalar_subquery()
    query = (
        select(columns.number)
        .where(mine, columns.kind == EventKind.SEALED, columns.number > first)
        .where(columns.time + columns.clock_offset < before)
        .order_by(columns.number)
    )
    return connection.execute(query).scalars().all()
