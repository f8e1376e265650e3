"""Files that a command writes: there only once they are whole, readable by their owner alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.cli.command_errors import ChangeRefused


@contextmanager
def new_file(file: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Open a file beside `file`, which takes its place at the end of the block, and goes where the block raises.

    Raises:
        ChangeRefused: `file` exists, and `replace` is not set.
    """
    if file.exists() and not replace:
        raise ChangeRefused(f"{file} exists already: name another file, or say --replace.")
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)  # left behind by a run that was killed
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
