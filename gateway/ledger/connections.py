"""Connections to the ledger's database: how reading and writing begin, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.errors import DatabaseUnavailable
from gateway.ledger.sqlite_file import BEGIN


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its beginning; committed at the end, rolled back on an error."""
    with engine.connect().execution_options(**{BEGIN: "IMMEDIATE"}) as connection, connection.begin():
        yield connection


@contextmanager
def rehearsing(engine: Engine) -> Iterator[Connection]:
    """A transaction like that of `writing`, of which nothing stays: it is rolled back in any case."""
    with engine.connect().execution_options(**{BEGIN: "IMMEDIATE"}) as connection:
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
