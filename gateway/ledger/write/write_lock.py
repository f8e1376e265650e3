"""Whose turn it is to write: SQLite has one write lock and no queue before it.

A writer that finds the lock taken sleeps, up to a tenth of a second, and tries again; one that commits group after
group leaves it no gap worth the name. So the writers of one database take turns by two file locks, as through a
turnstile: whoever waits for its turn holds the queue, so that the one whose turn has ended cannot be first again.

This is for fairness alone. What keeps the database whole is SQLite's own lock: a turn that does not come in time is
taken without asking.
"""

import fcntl
import os
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

TURN_SECONDS: Final = 2.0
"""How long to wait for a turn; beyond that somebody holds it who does not write (a process that was stopped)."""
_PAUSE_SECONDS: Final = 0.0005


class WriteLock:
    """The turns of one writer at the SQLite file at `path`; a context manager, for one thread.

    None for `path` is a database that has a queue of its own: then every turn comes at once.
    """

    def __init__(self, path: Path | None) -> None:
        """Open nothing yet: the lock files beside the database are made with the first turn."""
        self._path = path
        self._files: list[int] | None = None
        self._held = ExitStack()

    def __enter__(self) -> None:
        """Wait for the turn."""
        if self._path is None:
            return
        try:
            self._files = self._files or [_lock_file(self._path, name) for name in ("queue", "turn")]
            self._wait(*self._files)
        except OSError:
            return  # a folder that is gone or full: what that means for the ledger, writing will tell

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next one."""
        self._held.close()

    def close(self) -> None:
        """Close the lock files."""
        for file in self._files or ():
            os.close(file)
        self._files = None

    def _wait(self, queue: int, turn: int) -> None:
        deadline = time.monotonic() + TURN_SECONDS
        if not _locked(queue, deadline):
            return
        try:
            if _locked(turn, deadline):
                self._held.callback(fcntl.flock, turn, fcntl.LOCK_UN)
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)


def _lock_file(database: Path, name: str) -> int:
    return os.open(
        database.with_name(f".{database.name}-{name}"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )


def _locked(file: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
