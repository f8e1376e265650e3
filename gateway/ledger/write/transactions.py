"""Transactions at the ends of one writer's chains: records, events, roll-ups and the new ends, all or nothing.

After a failure nobody knows whether the last COMMIT was carried out. Before the next transaction the end of the chain
is looked up: what is there was committed; an older end means that the database was put back, and then a new chain
begins.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.database.opening import database_path
from gateway.ledger.database.sqlite_file import file_identity
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.event import Content, EventKind
from gateway.ledger.proof.signed_heads import Head, held_head, store_head
from gateway.ledger.record import MessageRecord
from gateway.ledger.write.counted_operations import CountedOperations
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.event_log import EventDraft, EventLog
from gateway.ledger.write.held_connection import HeldConnection
from gateway.ledger.write.receipt_layouts import ReceiptLayouts
from gateway.ledger.write.replay_cache import forget_expired
from gateway.ledger.write.signature_uses import note_signatures
from gateway.ledger.write.storing import store_records
from gateway.ledger.write.unrecorded_uses import UnrecordedUses
from gateway.ledger.write.waiting_records import Telling
from gateway.ledger.write.write_lock import WriteLock

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
    clock_offset: int = 0
    """Microseconds that the ledger's clock was ahead of this machine's at the last commit."""
    recovered: str | None = None
    """What was found missing in the database that this writer had written: the last time that this happened."""
    lost: int = 0
    """Records that nobody waited for and that will never be written; counted at the end, or when they are refused."""


class ChainTransactions:
    """What one writer's thread commits, one transaction after the other."""

    def __init__(
        self, engine: Engine, instance: str, log: EventLog, state: WriterState, unrecorded: UnrecordedUses
    ) -> None:
        """Begin a chain of the gateway `instance` with the first transaction; tell `log` and `state` of each, and tell
        what is `unrecorded` in it.
        """
        self._unrecorded = unrecorded
        self._engine = engine
        self._instance = instance
        self._log = log
        self._state = state
        self._path = database_path(engine.url.render_as_string(hide_password=False))
        self._write_lock = WriteLock(self._path)
        self._held = HeldConnection(engine)
        self._identity = None if self._path is None else file_identity(self._path)
        self._layouts = ReceiptLayouts()
        self._operations = CountedOperations()
        self._in_doubt = False
        """Whether the database may hold something else than the last commit that is known of."""
        self._attempt: tuple[Head, EventDraft, list[MessageRecord]] | None = None
        """The end and the records of the transaction whose COMMIT was sent last, for as long as its outcome is not
        known."""
        self._lost: Content | None = None
        """What the database had lost, until a new chain tells it."""
        self._next_forget = 0.0
        self.head = Head.first()
        """The ends of the chains as they were committed last; other threads may read it."""

    def write(self, group: Sequence[Encoded], events: Sequence[Telling]) -> None:
        """One transaction with records, events, or both; all or nothing.

        Raises:
            LedgerUnavailable: The database's file is gone.
            SQLAlchemyError: It cannot be written, or does not take one of the records.
        """
        for event in events:
            if event.kind is EventKind.CONFIGURATION:
                self._log.configuration = event.content
        self._check_file()
        with self._write_lock, self._held.transaction() as connection:
            self._log.clock.sync(connection)
            if self._in_doubt:
                self._resolve(held_head(connection, self.head.writer))
                self._layouts.forget()
                self._operations.forget()
            before, draft = self.head, self._log.draft(self.head.writer)
            link = before.records
            draft.begin(connection, link, self._lost)
            untold = self._unrecorded.untold() if self._unrecorded else None
            if untold is not None:
                now = self._log.clock.now()
                signatures = untold.signatures(certain=False), untold.signatures(certain=True)
                known = note_signatures(connection, *signatures, now)
                uses = untold.uses(known, self._operations.names_of(connection, untold.operations()), now)
                if uses:
                    draft.tell(connection, link, EventKind.UNRECORDED, {"uses": uses.rows()})
            if group:
                offsets = self._log.clock.offsets(encoded.lead for encoded in group)
                for encoded, offset in zip(group, offsets, strict=True):
                    encoded.row["clock_offset"] = offset
                link, counts = store_records(
                    connection, group, link, self._layouts, self._operations, self._log.clock.now()
                )
                draft.count(counts)
            for event in events:
                draft.tell(connection, link, event.kind, event.content)
            head = Head(link, draft.number, draft.hash, self._log.clock.now())
            store_head(connection, before, head, self._instance, self._log.key)
            if group and time.monotonic() >= self._next_forget:
                # By the records' own instants: what counts as expired must not depend on a second clock.
                forget_expired(connection, min(encoded.row["time"] for encoded in group), FORGET_LIMIT)
                self._next_forget = time.monotonic() + FORGET_SECONDS
            # Whether a COMMIT that fails was carried out is not known: the chain is looked up before the next one.
            self._attempt = head, draft, [encoded.record for encoded in group]
            self._in_doubt = True
        self._adopt(head, draft)
        self._in_doubt = False
        if untold is not None:
            self._unrecorded.forget(untold)
        self._state.healthy = True
        self._state.clock_offset = self._log.clock.offset()

    def _adopt(self, head: Head, draft: EventDraft) -> None:
        """The transaction that ends so was committed."""
        self.head, self._attempt, self._lost = head, None, None
        draft.adopt()

    def _resolve(self, stored: Head | None) -> None:
        """After a failure: go on from what the database really holds, if this writer made it."""
        mine, attempt = self.head, self._attempt
        if attempt is not None and stored is not None and stored.place == attempt[0].place:
            head, draft, records = attempt
            self._adopt(head, draft)
            for record in records:
                self._unrecorded.take_back(record)
            return
        self._attempt = None
        if mine.event_number and stored is not None and stored.place == mine.place:
            return
        # An older database was put in its place, or somebody changed it: a fresh chain tells it from an alteration,
        # and what this writer has not written itself it does not sign. Also where the chain had not begun: the COMMIT
        # of its beginning may still arrive.
        self.head = Head.first()
        self._log.begin_anew()
        if mine.event_number:
            found = [] if stored is None else stored.place
            self._lost = {"what": "lost-end", "expected": mine.place, "found": found}
            self._state.recovered = (
                f"the database was put back to an older state: the records of {mine.writer} up to number "
                f"{mine.records.sequence} had been written, and it knows "
                + ("nothing of them" if stored is None else _known(stored))
            )

    def doubt(self) -> None:
        """The outcome of the last transaction is not known."""
        self._in_doubt = True

    def probe(self) -> None:
        """Try whether the database can be written.

        Raises:
            LedgerUnavailable: Its file is gone.
            SQLAlchemyError: It cannot.
        """
        self._check_file()
        with self._held.transaction() as connection:
            held_head(connection, self.head.writer)

    def has(self, record_id: str) -> bool:
        """Whether a record of this id is in the ledger, as far as can be found out."""
        try:
            with self._held.transaction() as connection:
                found = connection.execute(select(messages.c.id).where(messages.c.id == record_id))
                return found.scalar_one_or_none() is not None
        except SQLAlchemyError:
            return False

    def open_anew(self) -> None:
        """Let go of every connection: the next transaction opens the database again."""
        self._held.close()
        self._engine.dispose()

    def close(self) -> None:
        """Let go of the connection and of the lock."""
        self._held.close()
        self._write_lock.close()

    def _check_file(self) -> None:
        """A file that was moved or replaced would still take writes, through the open descriptor, and lose them."""
        if self._path is None:
            return
        identity = file_identity(self._path)
        if identity is None:
            raise LedgerUnavailable(f"the database {self._path} is gone; put it back or check its disk")
        if identity != self._identity:
            self.open_anew()
            self._identity = identity
            self._in_doubt = True


def _known(stored: Head) -> str:
    return f"those up to number {stored.records.sequence}, with the hash {stored.records.hash}"
