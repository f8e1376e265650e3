"""What a whole replay comes to."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.replay.run import Replayed
from gateway.verify import Reason
from keystore import Alias


@dataclass(slots=True)
class Totals:
    """Counts over the files of a replay; grows by `add` and `add_unreadable`."""

    accepted: int = 0
    rejected: int = 0
    unreadable: int = 0
    by_key: Counter[Alias] = field(default_factory=Counter)
    """Accepted messages by the entry whose key verified them. One message counts for each of several entries."""
    by_reason: Counter[Reason] = field(default_factory=Counter)
    """Rejected messages by reason."""

    def add(self, replayed: Replayed) -> None:
        """Count one verdict."""
        verdict = replayed.verdict
        if verdict.accepted:
            self.accepted += 1
            self.by_key.update({entry.alias for entry in verdict.verified_by})
            return
        self.rejected += 1
        if verdict.reason is not None:
            self.by_reason[verdict.reason] += 1

    def add_unreadable(self) -> None:
        """Count a file in which there was nothing to verify."""
        self.unreadable += 1

    @property
    def files(self) -> int:
        """All files looked at."""
        return self.accepted + self.rejected + self.unreadable
