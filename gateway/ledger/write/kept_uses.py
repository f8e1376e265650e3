"""Uses of keys in a file beside the ends of the chains: what a killed process had not told is told by the next one.

A process writes down in which cells keys signed what it has not recorded yet. Each cell is written once, when the first
record of it is queued, before anything is tried with the database; and left out again, half a minute later at the
earliest, once every record that was queued before is committed, or told as one that could not be (`unrecorded_uses`).
So a file has a line for each key that was in use lately, and costs a busy process nothing for a message.

A process holds a lock on its file for as long as it lives, and removes the file when it ends with nothing left to tell.
A file without such a lock was left by one that was killed: the next process that starts with the same folder, or
another one that lives, tells its cells. Until then it keeps the gates shut for whoever asks there.
"""

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from gateway.ledger.errors import KeptUsesUnusable
from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import MAX_NAME
from gateway.ledger.write.left_uses import USES_SUFFIX, left_uses, line_of, remove_unfinished
from gateway.ledger.write.use_cells import MOST_CELLS, CellUse, cell_uses, folded
from gateway.vocabulary import RecordedOutcome

ROTATION_SECONDS: Final = 30.0
"""How long a use is kept at least, and no longer than twice that where anything is recorded."""
_RESERVED: Final = 64 * 1024
"""Octets of a new file, all of them written: a disk that is full, which may be why nothing can be recorded, has room
for what is written into them later."""
_MOST_USES: Final = 4 * MOST_CELLS
_MOST_NOTED: Final = 4096
"""Of which it is remembered, without any work, that they are kept."""


_Noted = tuple[str, str | None, str, str, bool, str]
"""Endpoint, operation, server, thumbprint, whether it was needed, and which signature it was where that matters."""


class _File:
    """A file of the running process, with its lock."""

    def __init__(self, folder: Path, about: str) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{token_hex(8)}{USES_SUFFIX}"
        # Under its name only with the lock: nobody must take it for one that was left.
        part = self.path.with_suffix(".part")
        self._descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._end = 0
            self._put(bytes(_RESERVED))
            self._write(about)
            os.fsync(self._descriptor)  # a file of this name has a first line, whatever happens to the machine
            part.rename(self.path)
        except BaseException:
            self.let_go()
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        self.is_synced = False

    def add(self, use: CellUse) -> None:
        """Write `use` down: from here on it survives the process; once `sync` has returned, the machine as well."""
        self._write(line_of(use))
        self.is_synced = False

    def sync(self) -> None:
        """Make it durable, its name too."""
        self.is_synced = True
        os.fsync(self._descriptor)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self) -> None:
        """Nothing in it is left to tell."""
        try:
            self.path.unlink(missing_ok=True)
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Leave it to others."""
        os.close(self._descriptor)

    def _write(self, content: object) -> None:
        line = json.dumps(content, ensure_ascii=False).encode() + b"\n"
        self._put(line)
        self._end += len(line)

    def _put(self, octets: bytes) -> None:
        if os.pwrite(self._descriptor, octets, self._end) < len(octets):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # the next one is written in its place


class KeptUses:
    """Those of one process. Not safe to call from several threads, but for `has` and `sync`."""

    def __init__(self, folder: Path | None = None, about: str = "", *, seconds: float = ROTATION_SECONDS) -> None:
        """Keep them in `folder`, which is made; in None nothing is kept.

        Args:
            folder: That of the kept ends.
            about: Which process this is; for people.
            seconds: How long each is kept, where half a minute is too long: whoever asks takes them for uses of that
                moment.
        """
        self._seconds = seconds
        self._folder = folder
        self._about = about
        self._noted: set[_Noted] = set()
        """What is kept since the last turn, by what a record tells of each signer without any work."""
        self._uses: set[CellUse] = set()
        self._before: _File | None = None
        """With what was queued before the last turn, and may not be told yet."""
        self._present: _File | None = None
        self._next: _File | None = None
        self._next_turn = 0.0
        self._telling: list[Path] = []
        """Files of others, whose cells this process is about to tell."""
        self._is_closed = False
        self._write_problem: str | None = None
        self._read_problem: str | None = None
        self._told_problem: str | None = None
        if folder is not None:
            self._present = self._new_file(folder)
            self._next_turn = self._after_a_while()

    @property
    def problem(self) -> str | None:
        """Why they cannot be kept at present, or those that others have left cannot be told."""
        return self._write_problem or self._read_problem or self._told_problem

    def has(self, record: MessageRecord) -> bool:
        """Whether everything that `record` tells of its signers is kept already."""
        return self._folder is None or self._noted.issuperset(_noted_of(record))

    def add(self, record: MessageRecord) -> None:
        """Write down which keys signed `record`, unless that is written down already."""
        if self._folder is None or self.has(record):
            return
        if self._is_closed:
            self._leave(self._folder, record)
            return
        if self._present is None:
            return
        with self._kept():
            for use in self._wanted(record):
                self._present.add(use)
                self._uses.add(use)
            # Not reached where one could not be written: it is tried again with the next record.
            if len(self._noted) < _MOST_NOTED and len(record.operation or "") + len(record.server) <= MAX_NAME:
                self._noted.update(_noted_of(record))

    def _wanted(self, record: MessageRecord) -> set[CellUse]:
        """What of `record` is to be written down."""
        wanted = set()
        for use in cell_uses(record):
            kept = use._replace(signatures=()) if use.is_certain else use
            if len(self._uses) >= MOST_CELLS:
                kept = kept._replace(cell=folded(use.cell))
            if len(self._uses) >= _MOST_USES:  # which of so many signatures it was is not told apart
                kept = CellUse(kept.cell, (), is_certain=True)
            wanted.add(kept)
        return wanted - self._uses

    def _leave(self, folder: Path, record: MessageRecord) -> None:
        """It comes when the end has been told: it is for the next process."""
        wanted = self._wanted(record)
        file = self._new_file(folder) if wanted else None
        if file is not None:
            with self._kept():
                for use in wanted:
                    file.add(use)
                file.sync()
                self._uses |= wanted
            file.let_go()

    def left(self) -> frozenset[CellUse]:
        """The uses that others have left and nobody tells yet: from here on this process does, until `settle`."""
        if self._folder is None:
            return frozenset()
        self._read_problem = None
        try:
            remove_unfinished(self._folder)
            found = [one for one in left_uses(self._folder) if not one.is_alive and one.path not in self._telling]
        except KeptUsesUnusable as error:
            self._read_problem = str(error)
            return frozenset()
        for one in found:
            if one.is_damaged:
                self._read_problem = one.sentence
            else:
                self._telling.append(one.path)
        return frozenset(use for one in found if not one.is_damaged for use in one.uses)

    def prepare_turn(self) -> bool:
        """Whether it is time for a turn, and there is a file for what comes after it."""
        if self._folder is None or self._before is not None or time.monotonic() < self._next_turn:
            return False
        if self._next is None:
            self._next = self._new_file(self._folder)
            if self._next is None:
                self._next_turn = self._after_a_while()
        return self._next is not None

    def turn(self) -> None:
        """Nothing is queued that the writer's thread has not taken: what is queued from here on is noted anew."""
        self._before, self._present, self._next = self._present, self._next, None
        self._noted, self._uses = set(), set()
        self._write_problem = None
        self._next_turn = self._after_a_while()

    def sync(self) -> None:
        """Make what was noted survive the machine as well, before anything is tried with the database."""
        for file in (self._before, self._present):
            if file is not None and not file.is_synced:
                with self._kept():
                    file.sync()

    def settle(self) -> None:
        """Everything is told that was queued before the last turn, and what others had left."""
        if self._before is not None:
            with self._kept():
                self._before.remove()
            self._before = None
        self._told_problem = None
        for path in tuple(self._telling):
            try:
                path.unlink(missing_ok=True)
                self._telling.remove(path)  # else it would be told again
            except OSError as error:
                self._told_problem = f"{path}, which was told, cannot be removed: {error.strerror}"

    def close(self, *, all_told: bool) -> None:
        """Leave nothing behind if everything is told, and else the cells to whoever comes next."""
        if all_told:
            self.settle()
        for file in (self._before, self._present, self._next):
            if file is not None:
                with self._kept():
                    file.remove() if all_told or file is self._next else file.let_go()
        self._before = self._present = self._next = None
        self._noted, self._uses = set(), set()
        self._is_closed = True

    def _after_a_while(self) -> float:
        return time.monotonic() + min(self._seconds, ROTATION_SECONDS)

    def _new_file(self, folder: Path) -> _File | None:
        try:
            return _File(folder, self._about)
        except OSError as error:
            self._write_problem = self._cannot(error)
            return None

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._write_problem = self._cannot(error)

    def _cannot(self, error: OSError) -> str:
        return f"the uses of keys cannot be kept in {self._folder}: {error.strerror}"


def _noted_of(record: MessageRecord) -> list[_Noted]:
    # Of an accepted message it does not matter which signature it was. This is done for every record.
    is_accepted = record.outcome == RecordedOutcome.ACCEPTED
    endpoint, operation, server = record.endpoint, record.operation, record.server
    return [
        (endpoint, operation, server, one.entry.thumbprint, one.needed, "" if is_accepted else one.signature_id)
        for one in record.signers or ()
    ]
