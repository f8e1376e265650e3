"""The connection that a writer holds: one for all of its transactions, and none that failed."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from gateway.ledger import open_database
from gateway.ledger.database.connections import driver_connection, reading, writing
from gateway.ledger.write.held_connection import HeldConnection
from tests.databases import locked, on_sqlite

_INSERT = "INSERT INTO replay_guard VALUES ('{}', 1, 2)"


def _keys(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(text("SELECT replay_key FROM replay_guard ORDER BY 1")).scalars())


def _twice(execute: Callable[[Any], object], statement: object) -> None:
    execute(statement)
    execute(statement)


@on_sqlite
def test_one_connection_serves_transaction_after_transaction(engine: Engine) -> None:
    held, used = HeldConnection(engine), set()
    for number in range(3):
        with held.transaction() as connection:
            used.add(driver_connection(connection))
            driver_connection(connection).execute(_INSERT.format(number))
        assert len(_keys(engine)) == number + 1, "committed, as another connection sees"
    assert len(used) == 1
    held.close()


def test_what_is_asked_through_sqlalchemy_is_part_of_the_transaction(engine: Engine) -> None:
    held = HeldConnection(engine)
    for number in range(2):
        with held.transaction() as connection:
            connection.execute(text(_INSERT.format(number)))
    with pytest.raises(IntegrityError), held.transaction() as connection:
        _twice(connection.execute, text(_INSERT.format("undone")))
    with held.transaction() as connection:
        connection.execute(text(_INSERT.format("last")))
    held.close()
    assert _keys(engine) == ["0", "1", "last"]


@on_sqlite
def test_an_error_of_the_driver_undoes_everything_and_looks_like_one_of_sqlalchemy(engine: Engine) -> None:
    held = HeldConnection(engine)
    for make in (held.transaction, lambda: writing(engine)):
        with pytest.raises(IntegrityError, match="UNIQUE") as caught, make() as connection:
            _twice(driver_connection(connection).execute, _INSERT.format("twice"))
        assert isinstance(caught.value.orig, sqlite3.IntegrityError)
        assert _keys(engine) == []
    with held.transaction() as connection:
        driver_connection(connection).execute(_INSERT.format("once"))
    held.close()
    assert _keys(engine) == ["once"]


@on_sqlite
def test_it_has_the_write_lock_from_its_beginning(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.database.sqlite_file.BUSY_TIMEOUT_SECONDS", 0.1)
    held = HeldConnection(engine)
    with locked(engine), pytest.raises(OperationalError, match="locked"), held.transaction():
        raise AssertionError("it began nevertheless")
    held.close()


@on_sqlite
def test_after_the_engine_was_disposed_of_the_file_is_opened_anew(engine: Engine, tmp_path: Path) -> None:
    held, used = HeldConnection(engine), []
    for _ in range(2):
        with held.transaction() as connection:
            used.append(driver_connection(connection))
        engine.dispose()
    held.close()
    assert used[0] is not used[1]
    engine.dispose()
    again = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    again.dispose()
    assert not list(tmp_path.glob("*-wal")), "no connection is left open"
