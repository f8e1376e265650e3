"""Timing several contestants against each other so that a machine that speeds up or slows down does so for all of them.

Measured is processor time, not the clock on the wall: what other programs do in between does not count.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Call = Callable[[], object]
"""What is timed; it raises where it does not do its work."""
ROUNDS = 15
ROUNDS_OF_DEAR_ONES = 7
SECONDS_PER_TURN = 0.08
_DEAR = 0.3
"""Seconds of one call from which on fewer rounds must do."""


class Contestant(Protocol):
    """Something that can do its work a number of times and say what processor time that took."""

    def run(self, times: int) -> float:
        """Do it `times` times; the seconds of processor time, of all threads that worked on it."""
        ...


@dataclass(frozen=True)
class InProcess:
    """A call inside this process."""

    call: Call

    def run(self, times: int) -> float:
        """Call it `times` times; the processor time of this process."""
        start = time.process_time()
        for _ in range(times):
            self.call()
        return time.process_time() - start


@dataclass(frozen=True)
class Timing:
    """What one call cost."""

    rounds: tuple[float, ...]
    """Microseconds per call in each round."""

    @property
    def microseconds(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the rounds, in microseconds."""
        return _quartiles(self.rounds)

    def ratios_to(self, other: "Timing") -> tuple[float, ...]:
        """This cost divided by the other's in the same round, for each round."""
        return tuple(a / b for a, b in zip(self.rounds, other.rounds, strict=True))

    def ratio_to(self, other: "Timing") -> float:
        """Median over the rounds of this cost divided by the other's in the same round."""
        return statistics.median(self.ratios_to(other))

    def ratio_spread_to(self, other: "Timing") -> tuple[float, float]:
        """The quartiles of the ratios."""
        return _quartiles(self.ratios_to(other))

    def difference_to(self, other: "Timing") -> float:
        """Median over the rounds of this cost less the other's in the same round, in microseconds."""
        return statistics.median(a - b for a, b in zip(self.rounds, other.rounds, strict=True))


def compare(contestants: Mapping[str, Contestant | Call]) -> dict[str, Timing]:
    """Time `contestants` in turn, round after round; each gets about the same time in each round."""
    able = {name: InProcess(one) if callable(one) else one for name, one in contestants.items()}
    seconds = {name: _first_seconds(one) for name, one in able.items()}
    repeats = {name: max(1, int(SECONDS_PER_TURN / cost)) for name, cost in seconds.items()}
    rounds = ROUNDS_OF_DEAR_ONES if max(seconds.values()) > _DEAR else ROUNDS
    seen: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(rounds):
        for name, one in able.items():
            seen[name].append(one.run(repeats[name]) / repeats[name] * 1e6)
    return {name: Timing(tuple(costs)) for name, costs in seen.items()}


def _first_seconds(one: Contestant) -> float:
    one.run(1)
    return max(one.run(3) / 3, 1e-7)


def _quartiles(values: tuple[float, ...]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(values, n=4)
    return low, high
