"""Where random histories have their databases, one after the other."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, event

from gateway.ledger import open_database
from tests.databases import lay_out

_FAST: Final = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one


class Place:
    """A folder in which one history after the other has its database.

    The engines are used again: each knows the statements that it has compiled, which costs more than to run them.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=_FAST if _FAST.is_dir() else None, prefix="wssgate-history-"))
        self.path = self.folder / "wssgate.db"
        self._free: list[Engine] = []
        self._used: list[Engine] = []

    def lay_out(self) -> None:
        """Lay out a migrated, empty database."""
        lay_out(self.path)

    def engine(self) -> Engine:
        """An engine of its own for whoever asks, until the history ends."""
        if self._free:
            engine = self._free.pop()
        else:
            engine = open_database(f"sqlite:///{self.path}", create=False)
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        self._used.append(engine)
        return engine

    def clear(self) -> None:
        """Take away what the history left."""
        for engine in self._used:
            engine.dispose()
        self._free += self._used
        self._used.clear()
        for file in self.folder.iterdir():
            if file.is_dir():
                shutil.rmtree(file)
            else:
                file.unlink()

    def remove(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder)


@contextmanager
def database_place() -> Iterator[Place]:
    """A place that is removed afterwards."""
    place = Place()
    try:
        yield place
    finally:
        place.remove()
