"""When the writer takes the records that wait: once the event loop that they come from has nothing else to do.

A commit has its price, and under load several records may share it. While the event loop is busy, what it is busy with
is mostly the next records, and a writer at work beside it would only take the interpreter away from it, again and
again. So records gather for as long as each turn of the loop brings a step of some exchange: a request that came, an
answer of a receiver, a record. The first turn without any shows that all who could send a record soon wait themselves,
or that receivers are being waited for: the group is released. A record that comes alone is released after one turn.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

GROUP_SECONDS: Final = 0.05
"""The longest that a group gathers: at a load that leaves no turn idle, exchanges wait longer for their own turn."""


class GroupCommit:
    """The gathering of the records of one event loop at a time."""

    def __init__(self, release: Callable[[], None]) -> None:
        """Call `release` once what came may be taken."""
        self._release = release
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop whose records gather; None while none do."""
        self._began = 0.0
        self._steps = 0
        self._seen = 0

    def note_step(self) -> None:
        """An exchange got a step further, and may soon have a record."""
        self._steps += 1

    def came(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """A record waits that came from within `loop`; None is from outside of any, and releases at once."""
        self._steps += 1
        if loop is None or (self._loop is not None and self._loop is not loop):
            # Nobody looks any more for a loop that was closed: whoever is of another ends the gathering.
            self._end()
        elif self._loop is None:
            self._loop, self._began, self._seen = loop, time.monotonic(), self._steps
            loop.call_soon(self._look)

    def _look(self) -> None:
        """What the last turn of the loop brought."""
        loop = self._loop
        if loop is None:
            return
        if self._steps == self._seen or time.monotonic() - self._began >= GROUP_SECONDS:
            self._end()
        else:
            self._seen = self._steps
            loop.call_soon(self._look)

    def _end(self) -> None:
        self._loop = None
        self._release()
