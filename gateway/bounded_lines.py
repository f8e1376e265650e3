"""Lines of the log that strangers bring about, at a bounded rate."""

import time
from collections.abc import Callable
from typing import Final

LINES_AT_ONCE: Final = 10
"""Lines that may come together after a quiet time."""
SECONDS_A_LINE: Final = 10.0
"""After which one more line may come: 8,640 a day at most."""


class BoundedLines:
    """How many lines of one kind a process may still write."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with all lines to be had; `clock` gives seconds that never go back."""
        self._clock = clock
        self._lines = float(LINES_AT_ONCE)
        self._at = clock()
        self._untold = 0

    def take(self) -> dict[str, int] | None:
        """The fields of the next line: how many were not told before it, if any; None where none may come."""
        now = self._clock()
        self._lines = min(LINES_AT_ONCE, self._lines + (now - self._at) / SECONDS_A_LINE)
        self._at = now
        if self._lines < 1:
            self._untold += 1
            return None
        self._lines -= 1
        untold, self._untold = self._untold, 0
        return {"not_told_before": untold} if untold else {}
