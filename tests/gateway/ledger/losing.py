"""What a writer meets: a COMMIT that is carried out and of which the answer is lost; and when it has begun."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

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
