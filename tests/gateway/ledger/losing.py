"""A COMMIT that is carried out, and of which the answer is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from gateway.ledger.write.held_connection import HeldConnection


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
