"""Opening the database: one sentence for each way in which it can fail."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.ledger.errors import DatabaseUnavailable, DatabaseUnsupported
from gateway.ledger.schema import SchemaState, SchemaStatus, migrate, refuse_mismatch, schema_state
from gateway.ledger.sqlite_file import open_file

__all__ = ["SchemaState", "SchemaStatus", "database_path", "migrate", "open_database", "schema_state"]


def open_database(url: str, *, create: bool = True) -> Engine:
    """Open the database at `url` and check that it is one of ours; an empty file is made where there is none.

    The file gets mode 0600 (SQLite gives its -wal and -shm files the same), write-ahead logging and full
    synchronisation. The schema may be empty or outdated afterwards: see `schema_state` and `migrate`.

    Args:
        url: `sqlite:///relative.db` or `sqlite:////absolute.db`.
        create: Make the file where there is none; False for commands that only read.

    Raises:
        DatabaseUnsupported: `url` is no SQLite file.
        SchemaMismatch: The schema is newer than this program, or not ours.
        DatabaseUnavailable: The file cannot be opened: no folder, no permission, no database.
    """
    parsed = _parse(url)
    path = database_path(url)
    engine = open_file(parsed, path, create=create)
    try:
        refuse_mismatch(schema_state(engine), engine)
    except DatabaseUnavailable:
        engine.dispose()
        raise
    return engine


def database_path(url: str) -> Path:
    """The SQLite file that `url` names.

    Raises:
        DatabaseUnsupported: `url` is no SQLite file.
    """
    database = _parse(url).database
    if not database or database == ":memory:" or database.startswith("file:"):
        raise DatabaseUnsupported(
            f"the database {url!r} names no file; write sqlite:///wssgate.db, or sqlite:////var/lib/wssgate/wssgate.db "
            "for an absolute path"
        )
    return Path(database)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnsupported(f"{url!r} is no database URL; write sqlite:///wssgate.db") from error
    shown = parsed.render_as_string(hide_password=True)
    backend = parsed.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        raise DatabaseUnsupported(
            f"PostgreSQL ({shown}) is not yet supported in this version; use sqlite:///wssgate.db"
        )
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"} or parsed.host or parsed.query:
        raise DatabaseUnsupported(f"the database {shown} is not supported; write sqlite:///wssgate.db, without options")
    return parsed
