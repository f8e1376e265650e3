"""A database is put back to an older state, the way an administrator does it: as a whole, nobody working on it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

_NUMBERS = count()


@contextmanager
def backup(url: str) -> Iterator["Backup"]:
    """A copy of the database at `url` as it is now; gone afterwards."""
    made = _File(url) if url.startswith("sqlite") else _Server(url)
    try:
        yield made
    finally:
        made.remove()


class Backup:
    """The copy."""

    def put_back(self) -> None:
        """Let the database be what it was."""
        raise NotImplementedError

    def remove(self) -> None:
        """Remove the copy."""
        raise NotImplementedError


class _File(Backup):
    def __init__(self, url: str) -> None:
        self._path = Path(url.removeprefix("sqlite:///"))
        self._copy = self._path.with_suffix(f".backup{next(_NUMBERS)}")
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(self._copy)) as copy:
            source.backup(copy)

    def put_back(self) -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        # Another file under the old name, as `mv` and `cp` of a backup make it.
        part = self._path.with_suffix(".part")
        part.write_bytes(self._copy.read_bytes())
        part.chmod(0o600)
        part.replace(self._path)

    def remove(self) -> None:
        self._copy.unlink()


class _Server(Backup):
    def __init__(self, url: str) -> None:
        self._name = urlsplit(url).path.removeprefix("/")
        self._server = url.removesuffix(self._name) + "postgres"
        self._copy = f"backup_{next(_NUMBERS)}"
        self._make(self._copy, self._name)

    def put_back(self) -> None:
        self._do(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._make(self._name, self._copy)

    def remove(self) -> None:
        self._do(f"DROP DATABASE {self._copy} WITH (FORCE)")

    def _make(self, name: str, of: str) -> None:
        """Copy a database; whoever works on it is thrown out for that moment."""
        self._do(f"ALTER DATABASE {of} ALLOW_CONNECTIONS false")
        self._do(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{of}'")  # noqa: S608 - our own
        self._do(f"CREATE DATABASE {name} TEMPLATE {of}")
        for one in (name, of):
            self._do(f"ALTER DATABASE {one} ALLOW_CONNECTIONS true")

    def _do(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())
