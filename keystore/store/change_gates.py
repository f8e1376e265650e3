"""What the surroundings of the keystore may hold against a change: asked inside the revision, answered in sentences.

The keystore knows whom it trusts, and not what happened. Whoever measures traffic gives a `Gates` to a change; it is
asked while the write lock is held, so that of two administrators at once none is answered from a state that the other
one has just changed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from keystore.errors import Blocker
from keystore.store.stored_entry import StoredEntry


class Gates(Protocol):
    """Answers whether a change may be made already; an empty answer is a yes."""

    def before_retiring(
        self,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        *,
        at: datetime,
        since: datetime,
        kept: frozenset[str] | None = frozenset(),
    ) -> tuple[Blocker, ...]:
        """What speaks against ending the trust in `entry` at the instant `at`.

        Args:
            entry: The entry, trusted at present.
            others: Every other entry that is not purged.
            at: When the trust shall end.
            since: When the entry came into its present state.
            kept: Endpoints for which it stays trusted; None means all of them.
        """
        ...

    def before_purging(self, entry: StoredEntry, *, at: datetime, since: datetime) -> tuple[Blocker, ...]:
        """What speaks against purging the certificate of `entry`, which was retired at the instant `since`."""
        ...
