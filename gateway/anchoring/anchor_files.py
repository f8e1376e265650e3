"""Anchors in a folder: one file for each day, one word a line, only ever appended to."""

import contextlib
import fcntl
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path


def append_anchors(folder: Path, words: Sequence[str], at: datetime) -> None:
    """Append `words` to the file of the day of `at` (UTC); durable when this returns. Blocks.

    The folder is not made: where it is that of another machine, it may just not be mounted.

    Raises:
        OSError: They cannot be written; some may be there all the same.
    """
    path = folder / f"wssgate-anchors-{at:%Y-%m-%d}.txt"
    is_new = not path.exists()
    # A pipe that nobody reads is an error, and not waited for.
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW, 0o644)
    try:
        # While another process writes, the size of the file says nothing. A file system without locks has none to give:
        # then an empty line may come between the words, and no more.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        text = "".join(f"{word}\n" for word in words)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            text = f"\n{text}"  # the disk was full in the middle of a word
        # In one call, so that no other process writes in between.
        if os.write(descriptor, text.encode()) != len(text.encode()):
            raise OSError(None, "only a part of them was written: is the disk full?")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
