"""Timing several calls against each other so that a machine that speeds up or slows down does so for all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]
"""What is timed; it raises where it does not do its work."""
ROUNDS = 15
SECONDS_PER_TURN = 0.08


@dataclass(frozen=True)
class Timing:
    """What one call cost."""

    microseconds: float
    """Median over the rounds."""
    rounds: tuple[float, ...]
    """Microseconds per call in each round."""

    def ratio_to(self, other: "Timing") -> float:
        """Median over the rounds of this cost divided by the other's in the same round."""
        return statistics.median(a / b for a, b in zip(self.rounds, other.rounds, strict=True))

    def difference_to(self, other: "Timing") -> float:
        """Median over the rounds of this cost less the other's in the same round, in microseconds."""
        return statistics.median(a - b for a, b in zip(self.rounds, other.rounds, strict=True))


def compare(calls: Mapping[str, Call], rounds: int = ROUNDS) -> dict[str, Timing]:
    """Time `calls` in turn, round after round; each gets about the same time in each round."""
    repeats = {name: _repeats(call) for name, call in calls.items()}
    seen: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seen[name].append(_per_call(call, repeats[name]))
    return {name: Timing(statistics.median(costs), tuple(costs)) for name, costs in seen.items()}


def _repeats(call: Call) -> int:
    call()
    return max(3, int(SECONDS_PER_TURN * 1e6 / _per_call(call, 3)))


def _per_call(call: Call, repeats: int) -> float:
    # Processor time, not the clock on the wall: what other programs do in between does not count.
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats * 1e6
