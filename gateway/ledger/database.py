"""Opening the database: one sentence for each way in which it can fail."""

import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.ledger.connections import BUSY_TIMEOUT_SECONDS, sqlite_engine
from gateway.ledger.errors import DatabaseUnavailable, DatabaseUnsupported
from gateway.ledger.schema import SchemaState, SchemaStatus, migrate, refuse_mismatch, schema_state

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
    try:
        _check_place(path, create=create)
    except OSError as error:  # a folder on the way that may not be entered, a name that is too long, ...
        raise DatabaseUnavailable(
            f"the database {path} cannot be reached: {error.strerror}; check the URL and the folders on the way"
        ) from error
    _turn_on_write_ahead_log(path)
    engine = sqlite_engine(parsed, path)
    try:
        refuse_mismatch(schema_state(engine), engine)
    except DatabaseUnavailable:
        engine.dispose()
        raise
    return engine


def _check_place(path: Path, *, create: bool) -> None:
    if not path.parent.is_dir():
        raise DatabaseUnavailable(
            f"the folder {path.parent} of the database {path.name} does not exist; create it, or change the URL"
        )
    if path.is_dir():
        raise DatabaseUnavailable(f"the database {path} is a folder; name a file in it")
    if not path.exists():
        if not create:
            raise DatabaseUnavailable(f"there is no database at {path}; run `wssgate serve` or `wssgate migrate`")
        _make_file(path)
    for folder_or_file in (path, path.parent):  # SQLite needs its -wal and -shm files beside the database
        if not os.access(folder_or_file, os.R_OK | os.W_OK):
            raise DatabaseUnavailable(
                f"{folder_or_file} may not be read and written by this user; "
                "the database and its folder must belong to the user that runs the gateway"
            )


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


def _make_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return  # another process was faster
    except OSError as error:
        raise DatabaseUnavailable(
            f"the database {path} cannot be created: {error.strerror}; let the gateway's user write to the folder"
        ) from error


def _turn_on_write_ahead_log(path: Path) -> None:
    # The change of journal mode needs the file alone and does not wait for it by itself, hence the bounded repetition.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            if "not a database" in str(error):
                raise DatabaseUnavailable(
                    f"{path} is not an SQLite database; check the database's URL, the file has been left as it is"
                ) from error
            raise DatabaseUnavailable(f"the database {path} cannot be opened: {error}") from error
        return
