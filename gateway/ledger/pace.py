"""When the writer lets records gather: a commit has its price, and under load several records may share it.

While a group is being committed the next one gathers by itself. A commit on a quick disk is over before much has come,
and then most of a gateway's processor time under load goes into groups of one. So, where records come thick, the
writer pauses before it takes the next group, until as many have come as last time, or the time is over. A record that
comes alone is taken at once.
"""

from typing import Final

GATHER_SECONDS: Final = 0.010
"""The longest pause: what it adds to a record's wait at most, under a load at which an exchange takes longer anyway."""
_WORTH: Final = 3
"""Records that a pause has to be expected to bring, and to bring."""
_BACK_OFF: Final = 64
"""Groups without a pause after one that brought less: who sends one request after the other is not to be slowed."""
_WEIGHT: Final = 0.2
"""Of the newest group in the running mean."""


class Pace:
    """The pace of one writer. Instants are seconds of a monotonic clock."""

    def __init__(self, now: float) -> None:
        """Begin with nothing known."""
        self._last = now
        self._gap = 1.0
        """Seconds from one record to the next, the running mean."""
        self._direct = 0
        """Groups to be taken without a pause."""
        self._has_paused = False
        self.wanted = _WORTH
        """Records that end a pause early: those who wait may be all there are."""

    def pause(self) -> float:
        """Seconds to pause before the next group is taken."""
        self._has_paused = self._direct == 0 and self._gap * _WORTH <= GATHER_SECONDS
        return GATHER_SECONDS if self._has_paused else 0.0

    def took(self, records: int, now: float) -> None:
        """Take note of a group of `records`, taken at `now`."""
        # A second of silence is as good as an hour.
        gap = min(1.0, now - self._last) / max(records, 1)
        self._last = now
        self._gap += _WEIGHT * (gap - self._gap)
        self.wanted = max(_WORTH, records)
        if self._has_paused and records < _WORTH:
            self._direct = _BACK_OFF
        elif self._direct:
            self._direct -= 1
