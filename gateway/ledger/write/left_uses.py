"""What processes that were killed have left of the uses of keys that they had not told (`kept_uses`)."""

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from gateway.ledger.errors import KeptUsesUnusable
from gateway.ledger.record import Role
from gateway.ledger.record_rows import stored_text
from gateway.ledger.write.use_cells import CellUse, SeenSignature

USES_SUFFIX: Final = ".uses"
_LONGEST_FILE: Final = 8 * 1024 * 1024
"""More than all lines of one together can take."""
_UNFINISHED: Final = re.compile(r"[0-9a-f]{16}\.part")
_MAKING_SECONDS: Final = 600.0
"""More than it takes to make a file."""
_NAMES: Final = 7
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_SHORT: Final = re.compile(r"[0-9a-f]{40}")
_ROLES: Final = frozenset({Role.NEEDED.value, Role.PRESENT.value})


@dataclass(frozen=True, slots=True)
class LeftUses:
    """What a process keeps of the uses of keys that it has not told, or has left."""

    path: Path
    about: str
    """Which process it is; for people."""
    uses: frozenset[CellUse]
    is_alive: bool = False
    """Whether it still runs: then most of them are on record already."""
    is_damaged: bool = False
    """Whether it is not what a process writes."""

    @property
    def sentence(self) -> str:
        """What is to be done about what was left."""
        if self.is_damaged:
            return (
                f"the file {self.path} was altered, so that it no longer tells which keys signed what a process could "
                "not record: put it back from your backup, or move it away"
            )
        return (
            f"{self.about}, ended before it had told which keys signed what it could not record, and {self.path} alone "
            "tells: start the gateway on this machine, which tells the ledger"
        )


def line_of(use: CellUse) -> list[Any]:
    """A use as a line of a file: the cell, and the signatures where they matter."""
    signatures = None if use.is_certain else [[one.short.hex(), one.signed_at] for one in use.signatures]
    return [*use.cell, signatures]


def left_uses(folder: Path) -> list[LeftUses]:
    """The files in `folder`: of processes that run, and of others what nobody has told yet. Some tell nothing.

    Raises:
        KeptUsesUnusable: The folder, or a file in it, cannot be read.
    """
    found: list[LeftUses] = []
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix == USES_SUFFIX:
                with contextlib.suppress(FileNotFoundError):  # told and removed meanwhile
                    found += _left(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeptUsesUnusable(
            f"what processes have left in {folder}, which were killed, cannot be read: {error.strerror}"
        ) from error
    return found


def remove_unfinished(folder: Path) -> None:
    """Remove what processes were making when they were killed.

    Raises:
        KeptUsesUnusable: The folder cannot be read or written.
    """
    eldest = time.time() - _MAKING_SECONDS
    try:
        for path in folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):
                    if path.stat(follow_symlinks=False).st_mtime < eldest:
                        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise KeptUsesUnusable(f"the folder {folder} cannot be tidied up: {error.strerror}") from error


def _left(path: Path) -> Iterator[LeftUses]:
    # Not to wait for whoever writes into it, should it be a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            return
        is_alive = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alive = True
        octets = os.pread(descriptor, _LONGEST_FILE + 1, 0)
    finally:
        os.close(descriptor)
    written, _, rest = octets.partition(b"\0")
    about, *lines = [_parsed(line) for line in written.split(b"\n")[:-1]] or [None]
    named = about if isinstance(about, str) and about.isprintable() else ""
    uses = [_use(line) for line in lines]
    is_damaged = not isinstance(about, str) or None in uses or len(octets) > _LONGEST_FILE or bool(rest.strip(b"\0"))
    whole = frozenset(use for use in uses if use is not None)
    # What lives may be writing just now.
    yield LeftUses(path, named or "a process", whole, is_alive, is_damaged and not is_alive)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _use(line: Any) -> CellUse | None:
    """What a line says; None where it is none that a process writes."""
    if not (isinstance(line, list) and len(line) == _NAMES + 1 and all(isinstance(name, str) for name in line[:-1])):
        return None
    endpoint, operation, server, thumbprint, key_id, alias, role, signatures = line
    if any(stored_text(name) != name for name in line[:-1]):
        return None
    if not (_HASH.fullmatch(thumbprint) and _HASH.fullmatch(key_id) and role in _ROLES):
        return None
    cell = endpoint, operation, server, thumbprint, key_id, alias, role
    if signatures is None:
        return CellUse(cell, (), is_certain=True)
    if not (isinstance(signatures, list) and signatures and all(map(_is_signature, signatures))):
        return None
    return CellUse(cell, tuple(SeenSignature(bytes.fromhex(short), at) for short, at in signatures), is_certain=False)


def _is_signature(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == len(SeenSignature._fields)
        and isinstance(value[0], str)
        and _SHORT.fullmatch(value[0]) is not None
        and (value[1] is None or type(value[1]) is int)
    )
