"""When people are told of something again: at once for the first time, then an hour's repeats in one sum.

Pure: the state of an alert and what was found in, the new state and whether it is told out. Instants are whole
microseconds, of the clock of whoever writes.
"""

from dataclasses import dataclass, replace
from typing import Final

FOLD_MICROSECONDS: Final = 3_600_000_000
"""How long repeats are summed up."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What is known of one alert, and what was told of it."""

    times: int = 0
    """How often it happened; of what lasts, how often it began."""
    is_on: bool = False
    """Whether it lasts."""
    told_times: int = 0
    told_on: bool = False
    """The same as it was told last."""
    told_at: int = 0
    """When it was told last, 0 for never."""

    def found(self, *, times: int | None = None, adds: int = 0, lasts: bool = False) -> "Folded":
        """It was found (again).

        Args:
            times: How often it has happened by now, where that is measured; looking again then changes nothing. None
                where whoever finds it only knows that it is so.
            lasts: Whether it goes on, until it is said to be over.
        """
        if times is not None:
            return replace(self, times=max(self.times, times), is_on=lasts or self.is_on)
        if adds:
            return replace(self, times=self.times + adds)
        if lasts:
            return self if self.is_on else replace(self, times=self.times + 1, is_on=True)
        return replace(self, times=max(self.times, 1))

    def over(self) -> "Folded":
        """It does not last any more."""
        return replace(self, is_on=False)

    def is_due(self, now: int) -> bool:
        """Whether people are told now."""
        if self.told_at == 0:
            return self.times > 0
        if self.told_on and not self.is_on:
            return True
        has_news = self.times > self.told_times or self.is_on != self.told_on
        # A clock that was set back must not silence anybody for as long.
        return has_news and abs(now - self.told_at) >= FOLD_MICROSECONDS

    def told(self, now: int) -> "Folded":
        """People are told of all of it, at `now`."""
        return replace(self, told_times=self.times, told_on=self.is_on, told_at=now)
