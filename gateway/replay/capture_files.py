"""Which files a replay reads, and in which order."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file named by `paths`: files as they are given, folders with all that is below them, sorted by path.

    Hidden files and folders below a given folder are left out, and links to folders are not followed (they may form a
    circle). A path that does not exist is yielded as it is: reading it then says so in its place.

    Raises:
        OSError: a folder cannot be listed.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path)
        else:
            yield path


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here) / name for name in sorted(files) if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error
