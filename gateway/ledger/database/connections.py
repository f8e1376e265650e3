"""Connections to the ledger's database: how reading and writing begin, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.ledger.database.postgresql import allow_long, explain_postgresql
from gateway.ledger.database.sqlite_file import BEGIN, explain_sqlite
from gateway.ledger.errors import DatabaseUnavailable

_MIGRATION_LOCK = 0x777373_0001
"""Advisory lock of PostgreSQL that whoever migrates holds; any number that no other program on the database uses."""


def is_postgresql(place: Engine | Connection) -> bool:
    """Whether the database is PostgreSQL; else it is SQLite."""
    return place.dialect.name == "postgresql"


def driver_connection(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection below `connection`, which is one to SQLite."""
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)


@contextmanager
def drivers_errors_as_sqlalchemys(engine: Engine) -> Iterator[None]:
    """Let an error of SQLite's driver, which was called directly, look as if SQLAlchemy had called it.

    Raises:
        SQLAlchemyError: The driver raised an error.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError.instance(None, None, error, sqlite3.Error, dialect=engine.dialect) from error


def upsert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into `table` that takes ON CONFLICT, in the dialect of the database; both spell it alike."""
    return postgresql.insert(table) if is_postgresql(connection) else sqlite.insert(table)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; committed at the end, rolled back on an error.

    On SQLite it holds the write lock from its beginning. On PostgreSQL it waits for the rows that it changes, in READ
    COMMITTED: a statement that waited sees what the other transaction did.
    """
    with (
        drivers_errors_as_sqlalchemys(engine),
        engine.connect().execution_options(**{BEGIN: "IMMEDIATE"}) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction like that of `writing`, which only one process at a time is in, and which may take long."""
    with writing(engine) as connection:
        if is_postgresql(connection):
            allow_long(connection)
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        yield connection


@contextmanager
def rehearsing(engine: Engine) -> Iterator[Connection]:
    """A transaction like that of `writing`, of which nothing stays: it is rolled back in any case."""
    with (
        drivers_errors_as_sqlalchemys(engine),
        engine.connect().execution_options(**{BEGIN: "IMMEDIATE"}) as connection,
    ):
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database, however many statements it has and however long it takes.

    Raises:
        DatabaseUnavailable: The database cannot be read, or holds no ledger.
    """
    try:
        with engine.connect() as connection:
            if is_postgresql(connection):
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                allow_long(connection)
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the ledger cannot be read: {explain(error, engine)}") from error


def explain(error: BaseException, engine: Engine) -> str:
    """What a database error means and what to do, for the end of a sentence."""
    return explain_postgresql(error, engine) if is_postgresql(engine) else explain_sqlite(error, engine)
