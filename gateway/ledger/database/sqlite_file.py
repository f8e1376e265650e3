"""SQLite: a file that is ours, and connections to it."""

import os
import sqlite3
import stat
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from gateway.ledger.errors import DatabaseUnavailable

BUSY_TIMEOUT_SECONDS = 10
"""How long a connection waits for another process's write: many times the longest group commit."""

_LOOSE = stat.S_IWGRP | stat.S_IRWXO
"""Permissions that a database must not have."""

BEGIN = "sqlite_begin"
"""Execution option: the kind of BEGIN; `IMMEDIATE` takes the write lock at once, so no later write lacks it."""

BEGUN = ""
"""In its place: the transaction was begun already, by the driver."""


def open_file(url: URL, path: Path, *, create: bool) -> Engine:
    """An engine for the SQLite file at `path`, made where there is none if `create` is set.

    The file gets mode 0600 (SQLite gives its -wal and -shm files the same), write-ahead logging and full
    synchronisation. Where `create` is not set and this user may only read it, it is opened for that alone, so that
    somebody who looks after others can read a copy.

    Raises:
        DatabaseUnavailable: The file cannot be opened: no folder, no permission, no database.
    """
    try:
        mode = _mode(path, create=create)
    except OSError as error:  # a folder on the way that may not be entered, a name that is too long, ...
        raise DatabaseUnavailable(
            f"the database {path} cannot be reached: {error.strerror}; check the URL and the folders on the way"
        ) from error
    if mode == _WRITE:
        _turn_on_write_ahead_log(path)
    else:
        _try_reading(path, mode)
    return _engine(url, path, mode)


def _engine(url: URL, path: Path, mode: str) -> Engine:
    """An engine for the SQLite file at `path`, which must exist: a connection never makes a new, empty database."""

    def connect() -> sqlite3.Connection:
        # isolation_level=None: the driver begins nothing by itself; `_begin` below does.
        return sqlite3.connect(
            _uri(path, mode),
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


_WRITE = "mode=rw"
_READ = "mode=ro"
"""Beside a gateway that writes, or where the folder takes the files that SQLite needs for it."""
_READ_COPY = "mode=ro&immutable=1"
"""A copy that nobody has open, in a folder that takes no further file: nothing is locked, and nothing is looked for."""


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?{mode}"


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _mode(path: Path, *, create: bool) -> str:
    """How the file can be opened."""
    _check_place(path, create=create)
    unfit = [one for one in (path, path.parent) if not os.access(one, os.R_OK | os.W_OK)]
    if not unfit:
        return _WRITE
    if create:
        raise DatabaseUnavailable(
            f"{unfit[0]} may not be read and written by this user; "
            "the database and its folder must belong to the user that runs the gateway"
        )
    if not os.access(path, os.R_OK):
        raise DatabaseUnavailable(f"{path} may not be read by this user; let it read the file, or a copy of it")
    if os.access(path.parent, os.W_OK):
        return _READ
    log, index = _beside(path, "-wal"), _beside(path, "-shm")
    if log.exists() and index.exists() and all(os.access(one, os.R_OK) for one in (log, index)):
        return _READ
    if index.exists() or (log.exists() and log.stat().st_size):
        # Somebody has it open, or what is in the log is not in the file yet: the newest records would be missing, and
        # nobody would know.
        raise DatabaseUnavailable(
            f"the newest records of {path} are in {log.name}, which this user cannot read together with it; have a "
            f"whole copy made: sqlite3 {path.name} '.backup copy.db'"
        )
    return _READ_COPY


def _try_reading(path: Path, mode: str) -> None:
    try:
        connection = sqlite3.connect(_uri(path, mode), uri=True, timeout=BUSY_TIMEOUT_SECONDS)
        try:
            connection.execute("PRAGMA schema_version").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise DatabaseUnavailable(
                f"{path} is not an SQLite database; check the database's URL, the file has been left as it is"
            ) from error
        raise DatabaseUnavailable(f"the database {path} cannot be read: {error}") from error


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


def refuse_loose_permissions(path: Path) -> None:
    """Refuse a file that strangers may read or others change: whoever writes it says whom to trust.

    The group may read it, for auditors. A file that is not there yet will get mode 0600.

    Raises:
        DatabaseUnavailable: It is one.
    """
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _LOOSE:
        raise DatabaseUnavailable(
            f"the database {path} has the mode {mode:04o}: others may read or change whom the gateway trusts, and what "
            f"is on record; run: chmod 600 {path}"
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
