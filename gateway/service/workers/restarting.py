"""When a worker that has ended is started again."""

from dataclasses import dataclass
from typing import Final

SETTLED_SECONDS: Final = 10.0
"""A worker that served that long did not die of its start."""
PAUSES: Final = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0)
"""Seconds before each further attempt; a worker that was killed from outside is back without a pause."""


@dataclass(slots=True)
class Restarts:
    """The memory of one worker's place: how often in a row its worker did not live long."""

    failures: int = 0

    @property
    def are_hopeless(self) -> bool:
        """Whether every attempt that is worth one has been made."""
        return self.failures > len(PAUSES)

    def pause_after(self, served_seconds: float) -> float:
        """Seconds to wait before the next start, after a worker that served for `served_seconds`."""
        if served_seconds >= SETTLED_SECONDS:
            self.failures = 0
        self.failures += 1
        return PAUSES[min(self.failures, len(PAUSES)) - 1]


class WorkersFailed(Exception):  # noqa: N818 - named after what happened, like the other errors here
    """No worker serves, and starting them again has not helped; the text is one sentence for a person."""
