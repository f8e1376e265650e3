"""Opening the database: one sentence for each way in which it can fail."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.ledger.database.postgresql import postgresql_engine
from gateway.ledger.database.schema import SchemaState, SchemaStatus, migrate, refuse_mismatch, schema_state
from gateway.ledger.database.sqlite_file import open_file, refuse_loose_permissions
from gateway.ledger.errors import DatabaseUnavailable, DatabaseUnsupported

__all__ = [
    "SchemaState",
    "SchemaStatus",
    "database_path",
    "migrate",
    "open_database",
    "refuse_loose_database",
    "schema_state",
    "shown_url",
]

_SQLITE = {"sqlite", "sqlite+pysqlite"}
_POSTGRESQL = {"postgresql", "postgresql+psycopg"}
_SECRETS = {"password", "sslpassword"}
"""Options of libpq that must not stand in the URL: what is behind the ? is shown."""


def open_database(url: str, *, create: bool = True) -> Engine:
    """Open the database at `url` and check that it is one of ours.

    The schema may be empty or outdated afterwards: see `schema_state` and `migrate`.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `postgresql://user@host/db`, with options of libpq
            behind a question mark.
        create: Make the SQLite file where there is none; False for commands that only read. A database of PostgreSQL
            is never made here.

    Raises:
        DatabaseUnsupported: `url` names no database that this program knows.
        SchemaMismatch: The schema is newer than this program, or not ours.
        DatabaseUnavailable: There is no such database, or it lets nobody in.
    """
    parsed = _parse(url)
    if parsed.drivername in _POSTGRESQL:
        engine = postgresql_engine(parsed)
    else:
        engine = open_file(parsed, _path(parsed), create=create)
    try:
        refuse_mismatch(schema_state(engine), engine)
    except DatabaseUnavailable:
        engine.dispose()
        raise
    return engine


def shown_url(url: str) -> str:
    """`url` as it may be shown: without its password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "(no database URL)"
    return url if parsed.drivername in _SQLITE else parsed.render_as_string(hide_password=True)


def database_path(url: str) -> Path | None:
    """The SQLite file that `url` names; None where it is a PostgreSQL server's.

    Raises:
        DatabaseUnsupported: `url` names no database that this program knows.
    """
    parsed = _parse(url)
    return _path(parsed) if parsed.drivername in _SQLITE else None


def refuse_loose_database(url: str) -> None:
    """Refuse an SQLite file that strangers may read, or others than its owner change.

    Raises:
        DatabaseUnavailable: It is one.
        DatabaseUnsupported: `url` names no database that this program knows.
    """
    path = database_path(url)
    if path is not None:
        refuse_loose_permissions(path)


def _path(parsed: URL) -> Path:
    database = parsed.database
    if not database or database == ":memory:" or database.startswith("file:"):
        raise DatabaseUnsupported(
            f"the database '{parsed}' names no file; write sqlite:///wssgate.db, "
            "or sqlite:////var/lib/wssgate/wssgate.db for an absolute path"
        )
    return Path(database)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not `from` the error and not with the URL itself: there may be a password in it.
        shown = repr(url) if "@" not in url else "what is configured"
        raise DatabaseUnsupported(
            f"{shown} is no database URL; write sqlite:///wssgate.db or postgresql://user@host/db"
        ) from None
    if parsed.drivername in _POSTGRESQL:
        secrets = _SECRETS.intersection(name.lower() for name in parsed.query)
        if secrets:
            raise DatabaseUnsupported(
                f"the database's URL has a {min(secrets)} behind the question mark, where it would be shown; write it "
                "as postgresql://user:password@host/db, or put it into ~/.pgpass or PGPASSWORD"
            )
        return parsed
    if parsed.drivername not in _SQLITE or parsed.host or parsed.query:
        known = "write sqlite:///wssgate.db, without options, or postgresql://user@host/db"
        raise DatabaseUnsupported(
            f"the database {parsed.render_as_string(hide_password=True).partition('?')[0]} is not supported; {known}"
        )
    return parsed
