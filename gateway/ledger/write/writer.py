"""The writer: one thread that commits records in groups, while those who submitted them wait.

While one group is being committed the next one gathers: the cost of a commit is shared by as many records as the
load brings (`gateway.ledger.write.group_commit`), and a lone record does not wait for company.

A record that nobody waits for (durability `async`) was promised when it was queued: where its group cannot be
written, it is kept and written again once the database is back.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from gateway.deadlines import within
from gateway.ledger.database.connections import explain
from gateway.ledger.database.opening import database_path
from gateway.ledger.database.sqlite_file import file_identity
from gateway.ledger.errors import (
    AlreadyRecorded,
    LedgerBusy,
    LedgerClosed,
    LedgerError,
    LedgerTooSlow,
    LedgerUnavailable,
    RecordRefused,
)
from gateway.ledger.proof.chain import Link, held_head
from gateway.ledger.record import MessageRecord, Receipt
from gateway.ledger.record_rows import Row, row_of
from gateway.ledger.write.group_commit import GroupCommit
from gateway.ledger.write.held_connection import HeldConnection
from gateway.ledger.write.replay_cache import forget_expired
from gateway.ledger.write.storing import store_rows
from gateway.ledger.write.waiting_records import Answer, Waiting, hand_out
from gateway.ledger.write.write_lock import WriteLock

QUEUE_LIMIT = 10_000
"""Records that may wait: a few seconds of full load; beyond it waiting only adds to the delay."""
GROUP_LIMIT = 512
"""Records of one transaction: keeps the write lock, which other workers wait for, to some tens of milliseconds."""
PROBE_SECONDS = 1.0
"""How often a writer whose last group failed tries whether the database can be written again."""
FORGET_SECONDS = 5.0
"""How often expired replay keys are dropped."""
FORGET_LIMIT = 1000
"""Replay keys dropped at a time."""


@dataclass(slots=True)
class WriterState:
    """What the writer tells about itself; read by /readyz and /metrics."""

    healthy: bool = True
    last_error: str | None = None
    """Why the last group failed; kept after the recovery."""
    groups: int = 0
    """Transactions committed."""
    records: int = 0
    """Records committed."""
    failed: int = 0
    """Records that got no receipt."""
    lost: int = 0
    """Records that nobody waited for and that will never be written; counted at the end, or when they are refused."""


@dataclass(slots=True)
class _Inbox:
    condition: threading.Condition = field(default_factory=threading.Condition)
    items: OrderedDict[Waiting, None] = field(default_factory=OrderedDict)
    """In the order of arrival; one that is withdrawn leaves it at once, however many wait."""
    is_released: bool = False
    """Whether those that wait may be taken: they have gathered."""
    closing: bool = False


class LedgerWriter:
    """Writes records durably. Safe to call from any thread and any event loop."""

    def __init__(self, engine: Engine, instance: str, *, queue_limit: int = QUEUE_LIMIT) -> None:
        """Start the writer's thread on a migrated database.

        Args:
            engine: From `open_database`.
            instance: Which gateway this is; kept with the hash chain.
            queue_limit: Records that may wait.
        """
        self._engine = engine
        self._instance = instance
        self._queue_limit = queue_limit
        self._path = database_path(engine.url.render_as_string(hide_password=False))
        self._write_lock = WriteLock(self._path)
        self._held = HeldConnection(engine)
        self._identity = None if self._path is None else file_identity(self._path)
        self._link = Link.first()
        self._in_doubt = False
        self._next_forget = 0.0
        self._owed: list[Waiting] = []
        self._has_failed_at_the_end = False
        self._state = WriterState()
        self._inbox = _Inbox()
        self._group_commit = GroupCommit(self._release)
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, record: MessageRecord) -> "Future[Receipt]":
        """Queue `record`; the future has its receipt once it is committed, or the `LedgerError` that prevented it.

        Cancelling the future takes the record back for as long as the writer has not begun with it.

        Raises:
            LedgerBusy: Too many records wait.
            LedgerClosed: The writer has been closed.
        """
        future: Future[Receipt] = Future()
        self._queue(Waiting(record, future))
        return future

    async def append(self, record: MessageRecord, *, seconds: float | None = None) -> Receipt:
        """Write `record` and return its receipt once it is committed.

        When the time is over, or whoever waits is cancelled, the record is taken back if the writer has not begun with
        it; else it may be committed all the same, although nobody got its receipt.

        Args:
            record: What is to be written.
            seconds: How long to wait; None waits as long as it takes.

        Raises:
            LedgerTooSlow: There was no commit within `seconds`; the error tells whether the record was taken back.
            LedgerBusy: Too many records wait.
            LedgerUnavailable: The record could not be written, or the writer has been closed.
            RecordRefused: This record cannot be stored.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        waiting = Waiting(record, future, loop)
        self._queue(waiting)
        try:
            with within(seconds):
                return await future
        except TimeoutError as error:
            if future.done() and not future.cancelled():
                return future.result()  # committed in the very instant: the record counts
            raise LedgerTooSlow(seconds or 0.0, withdrawn=self._withdraw(waiting)) from error
        except asyncio.CancelledError:
            self._withdraw(waiting)
            raise

    def enqueue(self, record: MessageRecord) -> Receipt:
        """Queue `record` and wait for nothing: it is written soon, unless the process is killed before.

        The receipt says nothing of replay attacks, which only the commit finds out.

        Raises:
            LedgerBusy: Too many records wait.
            LedgerUnavailable: Records cannot be written at present, or the writer has been closed.
            RecordRefused: This record cannot be stored.
        """
        row = row_of(record)  # what could not be stored later is refused now
        if not self.healthy and not self._inbox.closing:
            raise LedgerUnavailable(f"the record was not queued, for none can be written: {self.last_error}")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._queue(Waiting(record, None, loop, row))
        return Receipt(record)

    def note_step(self) -> None:
        """Tell that an exchange of this event loop got a step further: records of others may wait for its own."""
        self._group_commit.note_step()

    def close(self, timeout: float | None = None) -> bool:
        """Write what is queued, then stop; further records are refused. Return whether it has stopped.

        Args:
            timeout: Seconds to wait for the end; None waits as long as it takes.
        """
        with self._inbox.condition:
            self._inbox.closing = True
            self._inbox.condition.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def healthy(self) -> bool:
        """Whether records can be written, as far as is known: the last group, or the last probe after it, succeeded."""
        return self._state.healthy and self._thread.is_alive()

    @property
    def last_error(self) -> str | None:
        """Why the last group that failed did; stays after the recovery."""
        return self._state.last_error

    @property
    def queue_depth(self) -> int:
        """Records that wait to be written."""
        return len(self._inbox.items) + len(self._owed)

    @property
    def state(self) -> WriterState:
        """Counters since the start."""
        return self._state

    def _queue(self, waiting: Waiting) -> None:
        inbox = self._inbox
        with inbox.condition:
            if inbox.closing:
                raise LedgerClosed("the ledger's writer has been closed: the gateway is stopping")
            if self.queue_depth >= self._queue_limit:
                raise LedgerBusy(f"{self.queue_depth} records wait to be written; try again in a moment")
            inbox.items[waiting] = None
            self._group_commit.came(waiting.loop)
            if len(inbox.items) >= GROUP_LIMIT:
                self._release()

    def _release(self) -> None:
        """Let the writer's thread take what waits."""
        inbox = self._inbox
        with inbox.condition:
            if inbox.items:  # else they were taken back, and the next one is to gather again
                inbox.is_released = True
                inbox.condition.notify()

    def _withdraw(self, waiting: Waiting) -> bool:
        """Take `waiting` out of the queue; False where the writer has it already."""
        with self._inbox.condition:
            if waiting not in self._inbox.items:
                return False
            del self._inbox.items[waiting]
            return True

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if group is None:
                break
            try:
                if group:
                    self._write(group)
                elif not self._state.healthy:
                    self._probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get an answer and the thread lives on
                hand_out(self._unavailable(group, f"{type(error).__name__}: {error}"))
        self._state.lost += len(self._owed)
        self._held.close()
        self._write_lock.close()

    def _next_group(self) -> list[Waiting] | None:
        """The next records, none when it is time to probe, None when all is written and the writer closed."""
        inbox = self._inbox
        with inbox.condition:
            while not (inbox.items and (inbox.is_released or inbox.closing)) or self._owed_is_due():
                if self._owed_is_due():
                    owed, self._owed = self._owed[:GROUP_LIMIT], self._owed[GROUP_LIMIT:]
                    return owed
                if inbox.closing and not inbox.items:
                    return None
                if not inbox.condition.wait(None if self._state.healthy else PROBE_SECONDS):
                    return []
            taken = [inbox.items.popitem(last=False)[0] for _ in range(min(len(inbox.items), GROUP_LIMIT))]
            inbox.is_released = bool(inbox.items)
        # From here on a record cannot be taken back.
        return [w for w in taken if not isinstance(w.waiter, Future) or w.waiter.set_running_or_notify_cancel()]

    def _owed_is_due(self) -> bool:
        """Whether what is owed can be written: the database is back; or this is the end, and the last try."""
        at_the_end = self._inbox.closing and not self._inbox.items and not self._has_failed_at_the_end
        return bool(self._owed) and (self._state.healthy or at_the_end)

    def _write(self, group: Sequence[Waiting]) -> None:
        answers: list[tuple[Waiting, Answer]] = []
        encoded: list[tuple[Waiting, Row]] = []
        for waiting in group:
            try:
                encoded.append((waiting, waiting.take_row()))
            except RecordRefused as error:
                answers.append((waiting, error))
        batches = [encoded] if encoded else []
        while batches:
            batch = batches.pop()
            try:
                answers += self._commit(batch)
            except LedgerUnavailable as error:
                answers += self._unavailable([w for w, _ in batch], str(error))
            except (IntegrityError, DataError, ValueError, OverflowError) as error:
                self._in_doubt = True
                if len(batch) > 1:
                    # One of them is not acceptable to the database: alone, it takes no others down. Encoded anew,
                    # because the attempt has changed the rows: the chain's columns, and what was found replayed.
                    batches += [[(waiting, waiting.take_row())] for waiting, _ in reversed(batch)]
                else:
                    answers.append((batch[0][0], _refusal(batch[0][0].record, error)))
            except SQLAlchemyError as error:
                answers += self._unavailable([w for w, _ in batch], explain(error, self._engine))
        self._state.failed += sum(isinstance(answer, LedgerError) for w, answer in answers if w.waiter is not None)
        self._state.lost += sum(
            # An owed record that is there already was committed by an attempt of which the outcome was not learned.
            isinstance(answer, RecordRefused) and not isinstance(answer, AlreadyRecorded)
            for w, answer in answers
            if w.waiter is None
        )
        hand_out(answers)

    def _commit(self, batch: Sequence[tuple[Waiting, Row]]) -> list[tuple[Waiting, Answer]]:
        """One transaction: rows, roll-ups, replay keys, head of the chain; all or nothing."""
        self._check_file()
        rows = [row for _, row in batch]
        with self._write_lock, self._held.transaction() as connection:
            if self._in_doubt:
                self._resume(held_head(connection, self._link.writer))
            link, replayed = store_rows(connection, rows, self._link, self._instance)
            if time.monotonic() >= self._next_forget:
                # By the records' own instants: what counts as expired must not depend on a second clock.
                forget_expired(connection, min(row["time"] for row in rows), FORGET_LIMIT)
                self._next_forget = time.monotonic() + FORGET_SECONDS
            # Whether a COMMIT that fails was carried out is not known: the chain is looked up before the next one.
            self._in_doubt = True
        self._in_doubt = False
        self._link = link
        self._state.healthy = True
        self._state.groups += 1
        self._state.records += len(rows)
        return [
            (waiting, Receipt(waiting.record.as_replayed() if row["id"] in replayed else waiting.record))
            for waiting, row in batch
        ]

    def _resume(self, head: Link | None) -> None:
        """After a failure: go on from what the database really holds."""
        if head is not None and head.sequence >= self._link.sequence:
            self._link = head
        else:
            # An older database was put in its place: its chain ends earlier. A fresh chain tells it from an alteration.
            # Also where the chain had not begun: the COMMIT of its beginning may still arrive.
            self._link = Link.first()

    def _check_file(self) -> None:
        """A file that was moved or replaced would still take writes, through the open descriptor, and lose them."""
        if self._path is None:
            return
        identity = file_identity(self._path)
        if identity is None:
            raise LedgerUnavailable(f"the database {self._path} is gone; put it back or check its disk")
        if identity != self._identity:
            self._open_anew()
            self._identity = identity
            self._in_doubt = True

    def _unavailable(self, group: Iterable[Waiting], why: str) -> list[tuple[Waiting, Answer]]:
        """The answers to those who wait; what nobody waits for is kept, to be written later."""
        self._fail(why)
        waiting: list[Waiting] = []
        for one in group:
            (self._owed if one.waiter is None else waiting).append(one)
        self._has_failed_at_the_end = self._inbox.closing
        return [(one, LedgerUnavailable(f"the record could not be written: {why}")) for one in waiting]

    def _fail(self, why: str) -> None:
        self._in_doubt = True
        self._state.healthy = False
        self._state.last_error = why
        self._open_anew()

    def _probe(self) -> None:
        """Try whether the database can be written, without waiting for a record: an unready gateway gets none."""
        try:
            self._check_file()
            with self._held.transaction() as connection:
                held_head(connection, self._link.writer)
        except (SQLAlchemyError, LedgerUnavailable) as error:
            self._state.last_error = explain(error, self._engine)
            self._open_anew()
        else:
            self._state.healthy = True

    def _open_anew(self) -> None:
        """Let go of every connection: the next transaction opens the database again."""
        self._held.close()
        self._engine.dispose()


def _refusal(record: MessageRecord, error: Exception) -> RecordRefused:
    if isinstance(error, IntegrityError):
        return AlreadyRecorded(f"the record {record.id} is in the ledger already; nothing was written twice")
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    return RecordRefused(f"the record {record.id} cannot be stored: {cause}")
