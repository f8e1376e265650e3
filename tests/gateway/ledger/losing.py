"""What a writer meets: a COMMIT that is carried out and of which the answer is lost, and what a killed process left;
and when it has begun.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from gateway.ledger import EventKind, KeptUses, LedgerUnavailable, LedgerWriter, MessageRecord
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.held_connection import HeldConnection
from gateway.ledger.write.waiting_records import Waiting


def lose_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next transaction of a writer be committed, and look as if it had failed."""
    real = HeldConnection.transaction
    lost: list[Connection] = []

    @contextmanager
    def transaction(self: HeldConnection) -> Iterator[Connection]:
        with real(self) as connection:
            yield connection
        if not lost:
            lost.append(connection)
            self.close()
            raise OSError("the connection was lost")

    monkeypatch.setattr(HeldConnection, "transaction", transaction)


def record_taken(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as soon as a writer has begun with a record, which cannot be taken back any more."""
    take, is_taken = Waiting.take, threading.Event()

    def taken(waiting: Waiting) -> Encoded:
        is_taken.set()
        return take(waiting)

    monkeypatch.setattr(Waiting, "take", taken)
    return is_taken


def leave(folder: Path, *records: MessageRecord) -> None:
    """Leave in `folder` what a process leaves that was killed before any of `records` was written."""
    uses = KeptUses(folder, "host:1, sqlite:///wssgate.db")
    for record in records:
        uses.add(record)
    uses.close(all_told=False)


def tell_left(engine: Engine, folder: Path, *records: MessageRecord) -> None:
    """The same, and the next process has told it."""
    leave(folder, *records)
    writer = LedgerWriter(engine, "host:2", kept_uses=KeptUses(folder, "host:2"))
    writer.tell(EventKind.CONFIGURATION, {"endpoints": {}}).result(10)
    writer.close()


def is_away(*_: object) -> None:
    """In the place of what writes: the database cannot be reached."""
    raise LedgerUnavailable("it is away")


def without_records(write: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """In the place of `write`: events are written, and no record is."""

    def written(group: Any, events: Any) -> None:
        if group:
            raise LedgerUnavailable("the disk is full for records")
        write(group, events)

    return written
