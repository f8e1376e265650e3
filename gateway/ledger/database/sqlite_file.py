"""SQLite: a file that is ours, and connections to it."""

import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from gateway.ledger.errors import DatabaseUnavailable

BUSY_TIMEOUT_SECONDS = 10
"""How long a connection waits for another process's write: many times the longest group commit."""

BEGIN = "sqlite_begin"
"""Execution option: the kind of BEGIN; `IMMEDIATE` takes the write lock at once, so no later write lacks it."""

BEGUN = ""
"""In its place: the transaction was begun already, by the driver."""


def open_file(url: URL, path: Path, *, create: bool) -> Engine:
    """An engine for the SQLite file at `path`, made where there is none if `create` is set.

    The file gets mode 0600 (SQLite gives its -wal and -shm files the same), write-ahead logging and full
    synchronisation.

    Raises:
        DatabaseUnavailable: The file cannot be opened: no folder, no permission, no database.
    """
    try:
        _check_place(path, create=create)
    except OSError as error:  # a folder on the way that may not be entered, a name that is too long, ...
        raise DatabaseUnavailable(
            f"the database {path} cannot be reached: {error.strerror}; check the URL and the folders on the way"
        ) from error
    _turn_on_write_ahead_log(path)
    return _engine(url, path)


def _engine(url: URL, path: Path) -> Engine:
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

    engine = create_engine(url, creator=connect, poolclass=QueuePool, pool_size=5, max_overflow=20, pool_use_lifo=True)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA synchronous = FULL")  # an acknowledged record outlives a power cut, not only a kill
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")


def _begin(connection: Connection) -> None:
    kind = connection.get_execution_options().get(BEGIN, "DEFERRED")
    if kind != BEGUN:
        connection.exec_driver_sql(f"BEGIN {kind}")


def file_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file, None where there is none: tells whether a file is still the one that was opened."""
    try:
        status = os.stat(path)  # noqa: PTH116 - called before every commit; Path.stat adds only overhead
    except OSError:
        return None
    return status.st_dev, status.st_ino


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


def explain_sqlite(error: BaseException, engine: Engine) -> str:
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
