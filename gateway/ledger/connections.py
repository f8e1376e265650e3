"""Connections to the ledger's database: how SQLite is set up, and how reading and writing begin."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from gateway.ledger.errors import DatabaseUnavailable

BUSY_TIMEOUT_SECONDS = 10
"""How long a connection waits for another process's write: many times the longest group commit."""

_BEGIN = "sqlite_begin"
"""Execution option: the kind of BEGIN; `IMMEDIATE` takes the write lock at once, so no later write lacks it."""


def sqlite_engine(url: URL, path: Path) -> Engine:
    """An engine for the SQLite file at `path`, which must exist: a connection never makes a new, empty database."""

    def connect() -> sqlite3.Connection:
        # isolation_level=None: the driver begins nothing by itself; `_begin` below does.
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine(url, creator=connect, poolclass=QueuePool, pool_size=5, max_overflow=20)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA synchronous = FULL")  # an acknowledged record outlives a power cut, not only a kill
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its beginning; committed at the end, rolled back on an error."""
    with engine.connect().execution_options(**{_BEGIN: "IMMEDIATE"}) as connection, connection.begin():
        yield connection


@contextmanager
def rehearsing(engine: Engine) -> Iterator[Connection]:
    """A transaction like that of `writing`, of which nothing stays: it is rolled back in any case."""
    with engine.connect().execution_options(**{_BEGIN: "IMMEDIATE"}) as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database.

    Raises:
        DatabaseUnavailable: The database cannot be read, or holds no ledger.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the ledger cannot be read: {explain(error, engine)}") from error


def explain(error: BaseException, engine: Engine) -> str:
    """What a database error means and what to do, for the end of a sentence."""
    where = engine.url.render_as_string(hide_password=True)
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    for sign, advice in _ADVICE:
        if sign in cause.lower():
            return f"{cause} ({where}); {advice}"
    return f"{cause} ({where})"


_ADVICE = (
    ("no such table", "the database is empty or of an older version: run `wssgate migrate`"),
    ("locked", "another process holds the database for too long: look for a backup or an open transaction"),
    ("full", "free space on its disk"),
    ("readonly", "give the gateway's user write access to the file and its folder"),
    ("unable to open", "check that the file and its folder exist and belong to the gateway's user"),
    ("malformed", "the file is damaged: restore it from a backup"),
    ("not a database", "the file is no SQLite database: check the configured path"),
    ("disk i/o", "check its disk"),
)


def file_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file, None where there is none: tells whether a file is still the one that was opened."""
    try:
        status = os.stat(path)  # noqa: PTH116 - called before every commit; Path.stat adds only overhead
    except OSError:
        return None
    return status.st_dev, status.st_ino
