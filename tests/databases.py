"""What tests that run on every kind of database need to know of it."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text

from gateway.ledger import migrate, open_database

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests about what only SQLite has: a file, and one lock for all of it."""
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For tests about what only PostgreSQL has: a server, and months."""


def make_tables(url: str) -> None:
    """Migrate the database at `url`."""
    engine = open_database(url)
    migrate(engine)
    engine.dispose()


def lay_out(path: Path) -> None:
    """Put an SQLite database with all tables at `path`: a copy, which takes a tenth of the time of the migrations."""
    path.write_bytes(_migrated())
    path.chmod(0o600)


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        make_tables(f"sqlite:///{folder}/wssgate.db")
        return (Path(folder) / "wssgate.db").read_bytes()


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Let nobody write records, the way a backup or another worker does; everybody may read."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        connection = sqlite3.connect(url.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()
    else:
        with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as holder:
            holder.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
            yield
            holder.rollback()


def drop_trigger(connection: Connection, name: str) -> None:
    """Take a protection of the records away, as somebody would who has the database to himself."""
    table = "" if connection.dialect.name == "sqlite" else f" ON {name.partition('_')[0]}"
    connection.execute(text(f"DROP TRIGGER {name}{table}"))


def refuse(connection: Connection, change: str, sentence: str, when: str = "") -> None:
    """Let the database refuse `change`, such as `DELETE ON messages`, as if something were wrong with it."""
    if connection.dialect.name == "sqlite":
        raising = f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    else:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{sentence}'; END $$"
            )
        )
        raising = "EXECUTE FUNCTION refuse()"
    condition = f"WHEN ({when})" if when else ""
    rows = "FOR EACH ROW" if connection.dialect.name == "postgresql" else ""
    connection.execute(text(f"CREATE TRIGGER a_refusal BEFORE {change} {rows} {condition} {raising}"))


@contextmanager
def unprotected(connection: Connection) -> Iterator[None]:
    """Take every protection away for a while, as somebody would who has the database to himself."""
    if connection.dialect.name == "sqlite":
        made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in made:
            connection.execute(text(f"DROP TRIGGER {name}"))
        yield
        for _, definition in made:
            connection.exec_driver_sql(definition)
        return
    query = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
    tables = connection.execute(text(query)).scalars().all()
    for table in tables:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    yield
    for table in tables:
        connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
