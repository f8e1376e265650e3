"""When the writer lets records gather: a commit has its price, and under load several records may share it.

While a group is being committed the next one gathers by itself. But the first record that comes afterwards would be
taken alone, and have the others wait for a whole commit of its own: on a disk that takes milliseconds every second
commit would be one of a single record, and on a quick disk nearly all. So, where several records are under way at
once, the writer pauses before it takes the next group, until as many have come, or the time is over. A record that
comes alone is taken at once.

How many are under way shows while a group is committed: those who wait for it cannot send another, and the others can.
"""

from typing import Final

GATHER_SECONDS: Final = 0.010
"""The longest pause: what it adds to a record's wait at most, under a load at which an exchange takes longer anyway."""
_WORTH: Final = 3
"""Records that a pause has to be expected to bring, and to bring."""
_BACK_OFF: Final = 64
"""Groups without a pause after one that brought less: who sends one request after the other is not to be slowed."""
_WEIGHT: Final = 0.2
"""Of the newest group in the running means."""


class Pace:
    """The pace of one writer. Instants are seconds of a monotonic clock."""

    def __init__(self, now: float) -> None:
        """Begin with nothing known."""
        self._last = now
        self._gap = 1.0
        """Seconds from one record to the next, the running mean."""
        self._together = 0.0
        """Records that are under way at once: the most seen, which fades where it is not seen again."""
        self._direct = 0
        """Groups to be taken without a pause."""
        self._has_paused = False

    @property
    def wanted(self) -> int:
        """Records that end a pause early: those who wait may be all there are."""
        return max(_WORTH, round(self._together))

    def pause(self) -> float:
        """Seconds to pause before the next group is taken."""
        is_thick = self._gap * _WORTH <= GATHER_SECONDS or self._together >= _WORTH
        self._has_paused = is_thick and self._direct == 0
        return GATHER_SECONDS if self._has_paused else 0.0

    def took(self, records: int, now: float) -> None:
        """Take note of a group of `records`, taken at `now`."""
        # A second of silence is as good as an hour.
        silence = min(1.0, now - self._last)
        self._last = now
        self._gap += _WEIGHT * (silence / max(records, 1) - self._gap)
        if self._has_paused and records < _WORTH:
            self._direct = _BACK_OFF
            self._together = 0.0
        elif self._direct:
            self._direct -= 1
        if silence >= 1.0:
            self._together = 0.0

    def wrote(self, records: int, waiting: int) -> None:
        """Take note that a group of `records` was committed, and that `waiting` others came meanwhile."""
        together = float(records + waiting)
        self._together = max(together, self._together + _WEIGHT * (together - self._together))
