"""Ends of chains in a folder beside the signing key, so that a database that is put back to an older state is noticed.

After each heartbeat a process writes there how far its chains have come: one small file for each writer, with a signed
head as one word (`gateway.ledger.proof.signed_head_words`) and a second line that tells people what it is about. What
the database does not know any more was lost, whoever put it back, and however well its chains hold together.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import events, messages
from gateway.ledger.errors import KeptEndsUnusable
from gateway.ledger.event import Content, EventKind
from gateway.ledger.proof.checkpoints import stored_checkpoint
from gateway.ledger.proof.signed_head_words import SignedHead, find_signed_heads
from gateway.ledger.proof.signed_heads import Head, stored_head
from gateway.present import instant_text
from keystore import from_microseconds

KEPT_MICROSECONDS: Final = 100 * 24 * 3_600_000_000
"""How long an end is kept that does not move any more: longer than any gate looks back by default."""
MOST_KEPT: Final = 2000
"""Files; of more the oldest ends go."""
_SUFFIX: Final = ".end"
_LOST: Final = ".lost"
_LONGEST_FILE: Final = 4096
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class KeptEnd:
    """What a file of the folder says."""

    path: Path
    signed: SignedHead
    about: str
    """Which process wrote it, into which database; for people."""


@dataclass(frozen=True, slots=True)
class LostEnd:
    """An end that the database does not know any more."""

    kept: KeptEnd
    found: Head | None
    """How far the database knows the writer's chains; None where it knows nothing of them."""
    what: str
    """What is lost, in half a sentence."""

    @property
    def content(self) -> Content:
        """What an event of the kind `recovered` tells of it."""
        found: list[Any] = [] if self.found is None else self.found.place
        return {"what": "restored", "expected": self.kept.signed.head.place, "found": found}

    @property
    def sentence(self) -> str:
        """Who wrote what is lost, what it is, and from when until when."""
        head, found = self.kept.signed.head, self.found
        since = "an unknown time" if found is None or found.time > head.time else _instant(found.time)
        about = f"{self.kept.about}, writer {head.writer}" if self.kept.about else f"writer {head.writer}"
        return f"{about}: {self.what}, from {since} to {_instant(head.time)} and up to a minute after that"


class KeptEnds:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is made when something is written."""
        self.folder = folder

    @classmethod
    def beside(cls, signing_key: Path) -> "KeptEnds":
        """The folder that belongs to the key in the file `signing_key`."""
        return cls(signing_key.with_suffix(".ends"))

    def read(self) -> tuple[list[KeptEnd], list[str]]:
        """What is kept, the oldest first; and which files hold no end that its writer signed, one sentence each.

        Raises:
            KeptEndsUnusable: The folder, or a file in it, cannot be read.
        """
        kept: list[KeptEnd] = []
        damaged: list[str] = []
        for path, one in self._read(_SUFFIX):
            if one is not None and (one.signed.holds or not one.signed.public_key):
                kept.append(one)
            else:
                damaged.append(
                    f"the file {path} was altered, so that it no longer tells how far a chain had come: put it back "
                    "from your backup, or move it away"
                )
        return sorted(kept, key=lambda one: one.signed.head.time), damaged

    def keep(self, signed: SignedHead, about: str) -> None:
        """Write down `signed` in the place of what is kept of its writer; durable when this returns.

        Raises:
            KeptEndsUnusable: It cannot be written.
        """
        path = self.folder / f"{signed.head.writer}{_SUFFIX}"
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{signed}\n{about}\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            self._sync()
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise self._unusable(error, "written") from error

    def set_aside(self, writer: str) -> None:
        """What is kept of `writer` has been told: it is not compared any more.

        Raises:
            KeptEndsUnusable: The folder cannot be written.
        """
        path = self.folder / f"{writer}{_SUFFIX}"
        try:
            with contextlib.suppress(FileNotFoundError):  # another process was first
                path.rename(path.with_suffix(_SUFFIX + _LOST))
                self._sync()
        except OSError as error:
            raise self._unusable(error, "written") from error

    def forget(self, before: int) -> None:
        """Remove ends that are older than `before` (microseconds of the ledger's clock), and of too many the oldest.

        Raises:
            KeptEndsUnusable: The folder cannot be read or written.
        """
        found = [*self._read(_SUFFIX), *self._read(_SUFFIX + _LOST)]
        kept = [one for _, one in found if one is not None]
        kept.sort(key=lambda one: one.signed.head.time, reverse=True)
        for place, one in enumerate(kept):
            if place >= MOST_KEPT or one.signed.head.time < before:
                try:
                    one.path.unlink(missing_ok=True)
                except OSError as error:
                    raise self._unusable(error, "written") from error

    @contextlib.contextmanager
    def alone(self, seconds: float) -> Iterator[bool]:
        """Let no other process compare meanwhile; False where one is at it for longer than `seconds`, or the folder
        cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError:
            yield False
            return
        try:
            yield _lock(descriptor, seconds)
        finally:
            os.close(descriptor)

    def _read(self, suffix: str) -> list[tuple[Path, KeptEnd | None]]:
        """Each file whose name ends in `suffix`, with what it says; None where that is nothing."""
        found: list[tuple[Path, KeptEnd | None]] = []
        try:
            for path in sorted(self.folder.iterdir()):
                if path.name.endswith(suffix):
                    with contextlib.suppress(FileNotFoundError):  # set aside or removed meanwhile
                        found.append((path, _kept(path, suffix)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error, "read") from error
        return found

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _unusable(self, error: OSError, how: str) -> KeptEndsUnusable:
        return KeptEndsUnusable(
            f"the folder {self.folder} with the ends of the chains cannot be {how}: {error.strerror}"
        )


def lost_ends(engine: Engine, kept: Sequence[KeptEnd]) -> list[LostEnd]:
    """Those of `kept` that the database does not know any more. To be read before this is called, for chains grow.

    Where records were pruned, or heartbeats summed up, there is nothing left to compare with: that is no loss.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    found: list[LostEnd] = []
    with reading(engine) as connection:
        for one in kept:
            expected = one.signed.head
            stored = stored_head(connection, expected.writer)
            head = None if stored is None else stored[0]
            what = _lost(connection, expected, head)
            if what is not None:
                found.append(LostEnd(one, head, what))
    return found


def _lost(connection: Connection, expected: Head, found: Head | None) -> str | None:
    records, events_until = expected.records.sequence, expected.event_number
    if found is None:
        return f"all of its records up to number {records} are gone" if records else "everything that it told is gone"
    if found.records.sequence < records:
        return f"its records from number {found.records.sequence + 1} to number {records} are gone"
    if found.event_number < events_until:
        return f"its events from number {found.event_number + 1} to number {events_until} are gone, and no record"
    if records and not _knows_record(connection, expected):
        return f"its record number {records} is gone, or is another one"
    if events_until and not _knows_event(connection, expected):
        return f"its event number {events_until} is gone, or is another one"
    return None


def _knows_record(connection: Connection, expected: Head) -> bool:
    columns, records = messages.c, expected.records
    query = select(columns.hash).where(columns.writer == records.writer, columns.sequence == records.sequence)
    hashed = connection.execute(query).scalar_one_or_none()
    if hashed is None:
        checkpoint = stored_checkpoint(connection, records.writer)
        if checkpoint.sequence != records.sequence:
            return checkpoint.sequence > records.sequence
        hashed = checkpoint.hash
    return bool(hashed == records.hash)


def _knows_event(connection: Connection, expected: Head) -> bool:
    columns = events.c
    of_writer = columns.writer == expected.writer
    query = select(columns.hash).where(of_writer, columns.number == expected.event_number)
    hashed = connection.execute(query).scalar_one_or_none()
    if hashed is not None:
        return bool(hashed == expected.event_hash)
    sealed = select(func.max(columns.number)).where(of_writer, columns.kind == str(EventKind.SEALED))
    return (connection.execute(sealed).scalar_one() or 0) > expected.event_number


def _kept(path: Path, suffix: str) -> KeptEnd | None:
    text = _text(path)
    signed = next(find_signed_heads(text), None)
    if signed is None or path.name != f"{signed.head.writer}{suffix}":
        return None
    about = text.partition("\n")[2].partition("\n")[0]
    return KeptEnd(path, signed, about if about.isprintable() else "")


def _text(path: Path) -> str:
    """What stands in a file; empty where it is none that was written here."""
    # Not to wait for whoever writes into it, should it be a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        is_file = S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, _LONGEST_FILE).decode("utf-8", "replace") if is_file else ""
    finally:
        os.close(descriptor)


def _lock(descriptor: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_SECONDS)
        else:
            return True


def _instant(microseconds: int) -> str:
    return instant_text(from_microseconds(microseconds))
