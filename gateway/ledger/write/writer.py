"""The writer: one thread that commits records in groups, while those who submitted them wait.

While one group is being committed the next one gathers: the cost of a commit is shared by as many records as the
load brings (`gateway.ledger.write.group_commit`), and a lone record does not wait for company.

A record that nobody waits for (durability `async`) was promised when it was queued: where its group cannot be
written, it is kept and written again once the database is back.
"""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from gateway.deadlines import within
from gateway.ledger.clock import LedgerClock
from gateway.ledger.database.connections import explain
from gateway.ledger.errors import (
    AlreadyRecorded,
    LedgerBusy,
    LedgerClosed,
    LedgerError,
    LedgerTooSlow,
    LedgerUnavailable,
    RecordRefused,
)
from gateway.ledger.event import Content, EventKind
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.proof.signing_key import SigningKey
from gateway.ledger.record import MessageRecord, Receipt
from gateway.ledger.record_rows import row_of
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.event_log import EventLog
from gateway.ledger.write.group_commit import GroupCommit
from gateway.ledger.write.kept_uses import KeptUses
from gateway.ledger.write.transactions import ChainTransactions, WriterState
from gateway.ledger.write.unrecorded_uses import UnrecordedUses
from gateway.ledger.write.waiting_records import Answer, Inbox, Telling, Waiting, hand_out

QUEUE_LIMIT = 10_000
"""Records that may wait: a few seconds of full load; beyond it waiting only adds to the delay."""
GROUP_LIMIT = 512
"""Records of one transaction: keeps the write lock, which other workers wait for, to some tens of milliseconds."""
PROBE_SECONDS = 1.0
"""How often a writer whose last group failed tries whether the database can be written again."""


class LedgerWriter:
    """Writes records durably. Safe to call from any thread and any event loop."""

    def __init__(
        self,
        engine: Engine,
        instance: str,
        *,
        queue_limit: int = QUEUE_LIMIT,
        key: SigningKey | None = None,
        started: Content | None = None,
        clock: LedgerClock | None = None,
        kept_uses: KeptUses | None = None,
    ) -> None:
        """Start the writer's thread on a migrated database.

        Args:
            engine: From `open_database`.
            instance: Which gateway this is; kept with the hash chain.
            queue_limit: Records that may wait.
            key: What the ends of the chains are signed with; None leaves them unsigned.
            started: What the first event tells of the process (`gateway.ledger.event`).
            clock: The ledger's clock; None makes one.
            kept_uses: Where the uses of keys are kept until they are told; the writer closes it. None keeps them in
                memory alone.
        """
        self._engine = engine
        self._queue_limit = queue_limit
        self._state = WriterState()
        self._clock = clock or LedgerClock()
        log = EventLog(self._clock, key, {"instance": instance, **(started or {})})
        self._unrecorded = UnrecordedUses(kept_uses or KeptUses())
        self._chains = ChainTransactions(engine, instance, log, self._state, self._unrecorded)
        self._owed: list[Waiting] = []
        self._has_failed_at_the_end = False
        self._events: list[Telling] = []
        """Taken from the inbox, to be written."""
        self._inbox = Inbox()
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
        self._queue(Waiting(record, future, self._clock.lead()))
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
        waiting = Waiting(record, future, self._clock.lead(), loop)
        self._queue(waiting)
        try:
            with within(seconds, loop):
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
        try:
            row = row_of(record)  # what could not be stored later is refused now
        except RecordRefused:
            self._unrecorded.add(record)
            raise
        if not self.healthy and not self._inbox.closing:
            self._unrecorded.add(record)
            raise LedgerUnavailable(f"the record was not queued, for none can be written: {self.last_error}")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._queue(Waiting(record, None, self._clock.lead(), loop, row))
        return Receipt(record)

    def give_up(self, record: MessageRecord) -> None:
        """Note that `record` is not written: the keys that signed it are told with the next transaction."""
        self._unrecorded.add(record)
        with self._inbox.condition:
            self._inbox.condition.notify()

    def tell(self, kind: EventKind, content: Content) -> "Future[None]":
        """Write an event, together with the records that wait; the future is done once it is committed.

        Raises:
            LedgerClosed: The writer has been closed.
        """
        telling = Telling(kind, dict(content))
        with self._inbox.condition:
            if self._inbox.closing:
                raise LedgerClosed("the ledger's writer has been closed: the gateway is stopping")
            self._inbox.events.append(telling)
            self._inbox.condition.notify_all()
        return telling.waiter

    @property
    def writer(self) -> str:
        """The id of the chain that is being written."""
        return self._chains.head.writer

    @property
    def head(self) -> Head:
        """The ends of its chains as they were committed last."""
        return self._chains.head

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
        with inbox.lock:
            self._unrecorded.note(waiting.record)
            if inbox.closing:
                self._unrecorded.add(waiting.record)
                raise LedgerClosed("the ledger's writer has been closed: the gateway is stopping")
            if len(inbox.items) + len(self._owed) >= self._queue_limit:
                self._unrecorded.add(waiting.record)
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
            self._unrecorded.add(waiting.record)
            self._inbox.condition.notify()
        return True

    def _run(self) -> None:
        self._unrecorded.take_over()
        while True:
            self._unrecorded.look()
            group = self._next_group()
            if group is None:
                break
            try:
                self._unrecorded.sync()
                if self._events:
                    events, self._events = self._events, []
                    self._tell(events)
                if group:
                    self._write(group)
                elif self._unrecorded or not self._state.healthy:
                    self._probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get an answer and the thread lives on
                hand_out(self._unavailable(group, f"{type(error).__name__}: {error}"))
            if not self._owed:
                self._unrecorded.settle()
        self._state.lost += len(self._owed)
        for owed in self._owed:
            self._unrecorded.add(owed.record)
        if self._chains.head.event_number:
            self._tell([Telling(EventKind.STOPPED, {})])
        self._unrecorded.close()
        self._chains.close()

    def _next_group(self) -> list[Waiting] | None:
        """The next records, none when it is time to probe, None when all is written and the writer closed."""
        inbox = self._inbox
        with inbox.condition:
            while not (inbox.items and (inbox.is_released or inbox.closing)) or self._owed_is_due():
                if inbox.events:
                    self._events, inbox.events = inbox.events, []
                    if not inbox.items:
                        self._unrecorded.turn()
                    return []
                if self._owed_is_due():
                    owed, self._owed = self._owed[:GROUP_LIMIT], self._owed[GROUP_LIMIT:]
                    return owed
                if self._unrecorded and self._state.healthy:
                    return []
                if inbox.closing and not inbox.items:
                    return None
                if not inbox.condition.wait(None if self._state.healthy else PROBE_SECONDS):
                    return []
            taken = [inbox.items.popitem(last=False)[0] for _ in range(min(len(inbox.items), GROUP_LIMIT))]
            inbox.is_released = bool(inbox.items)
            self._events, inbox.events = inbox.events, []
            if not inbox.items:
                self._unrecorded.turn()
        # From here on a record cannot be taken back.
        return [waiting for waiting in taken if self._begins(waiting)]

    def _begins(self, waiting: Waiting) -> bool:
        """Whether a record was not taken back before the writer begins with it."""
        if isinstance(waiting.waiter, Future) and not waiting.waiter.set_running_or_notify_cancel():
            self._unrecorded.add(waiting.record)
            return False
        return True

    def _owed_is_due(self) -> bool:
        """Whether what is owed can be written: the database is back; or this is the end, and the last try."""
        at_the_end = self._inbox.closing and not self._inbox.items and not self._has_failed_at_the_end
        return bool(self._owed) and (self._state.healthy or at_the_end)

    def _write(self, group: Sequence[Waiting]) -> None:
        answers: list[tuple[Waiting, Answer]] = []
        encoded: list[tuple[Waiting, Encoded]] = []
        for waiting in group:
            try:
                encoded.append((waiting, waiting.take()))
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
                self._chains.doubt()
                if len(batch) > 1:
                    # One of them is not acceptable to the database: alone, it takes no others down. Encoded anew,
                    # because the attempt has changed the rows: the chain's columns, and what was found replayed.
                    batches += [[(waiting, waiting.take())] for waiting, _ in reversed(batch)]
                else:
                    answers.append((batch[0][0], self._refusal(batch[0][0].record, error)))
            except SQLAlchemyError as error:
                answers += self._unavailable([w for w, _ in batch], explain(error, self._engine))
        self._state.failed += sum(isinstance(answer, LedgerError) for w, answer in answers if w.waiter is not None)
        for waiting, answer in answers:
            # One that is there already was committed by an attempt of which the outcome was not learned.
            if isinstance(answer, RecordRefused) and not isinstance(answer, AlreadyRecorded):
                self._unrecorded.add(waiting.record)
                self._state.lost += waiting.waiter is None
        hand_out(answers)

    def _commit(self, batch: Sequence[tuple[Waiting, Encoded]]) -> list[tuple[Waiting, Answer]]:
        """One transaction: rows, roll-ups, replay keys, ends of the chains; all or nothing."""
        group = [encoded for _, encoded in batch]
        self._chains.write(group, ())
        self._state.groups += 1
        self._state.records += len(group)
        return [(waiting, Receipt(encoded.record)) for waiting, encoded in batch]

    def _tell(self, events: Sequence[Telling]) -> None:
        """Write events; whoever does not wait any more has them written all the same."""
        waited_for = [event for event in events if event.waiter.set_running_or_notify_cancel()]
        try:
            self._chains.write((), events)
        except Exception as error:  # noqa: BLE001 - whoever tells gets an answer, and the records have a transaction of their own
            why = explain(error, self._engine) if isinstance(error, SQLAlchemyError) else str(error)
            self._fail(why)
            for event in waited_for:
                event.waiter.set_exception(LedgerUnavailable(f"the event could not be written: {why}"))
            return
        for event in waited_for:
            event.waiter.set_result(None)

    def _unavailable(self, group: Iterable[Waiting], why: str) -> list[tuple[Waiting, Answer]]:
        """The answers to those who wait; what nobody waits for is kept, to be written later."""
        self._fail(why)
        waiting: list[Waiting] = []
        for one in group:
            if one.waiter is None:
                self._owed.append(one)
            else:
                waiting.append(one)
                self._unrecorded.add(one.record)
        self._has_failed_at_the_end = self._inbox.closing
        return [(one, LedgerUnavailable(f"the record could not be written: {why}")) for one in waiting]

    def _fail(self, why: str) -> None:
        self._state.healthy = False
        self._state.last_error = why
        self._chains.doubt()
        self._chains.open_anew()

    def _probe(self) -> None:
        """Try whether the database can be written, without waiting for a record: an unready gateway gets none; and tell
        what could not be recorded.
        """
        try:
            if self._unrecorded:
                self._chains.write((), ())  # which tells it
            else:
                self._chains.probe()
        except (SQLAlchemyError, LedgerUnavailable) as error:
            self._fail(explain(error, self._engine))
        else:
            self._state.healthy = True

    def _refusal(self, record: MessageRecord, error: Exception) -> RecordRefused:
        if isinstance(error, IntegrityError) and self._chains.has(record.id):
            return AlreadyRecorded(f"the record {record.id} is in the ledger already; nothing was written twice")
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return RecordRefused(f"the record {record.id} cannot be stored: {cause}")
