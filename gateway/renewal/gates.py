"""The gates before an old key is retired, and before it is purged.

Retiring, for each endpoint at which the certificate is trusted, unless its public key stays trusted there through
another certificate for as long as messages may be under way:

1. Another key is trusted, so that not every response is rejected from then on.
2. That other key carries the traffic: in every operation that the old key verified, a message was verified by another
   trusted key after the last one with the old key. No traffic is no evidence.
3. The guaranteed delivery time has passed since the last message signed with the old key; since it was trusted, where
   none ever came. Time in which nothing was recorded does not count, beyond what is usual (`evidence.LONGEST_PAUSE`).

Purging: the time for which old keys are kept (`gateway.config.MINIMUM_RETENTION`), or the longer retention of an
endpoint, has passed since it was exchanged, that is since
it was retired, and since it was seen last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.config import MINIMUM_RETENTION
from gateway.present import duration_text, instant_text
from gateway.renewal.delays import Delays
from gateway.renewal.evidence import Evidence
from keystore import Blocker, State
from keystore.store import StoredEntry

_OPERATIONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class MeasuredGates:
    """The gates of `keystore.store.Gates`, answered from evidence."""

    evidence: Evidence
    delays: Mapping[str, Delays]
    """Of every configured endpoint."""

    def before_retiring(
        self,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        *,
        at: datetime,
        since: datetime,
        kept: frozenset[str] | None = frozenset(),
    ) -> tuple[Blocker, ...]:
        """What speaks against ending the trust in `entry` at the instant `at`. See `keystore.store.Gates`."""
        if kept is None:
            return ()
        names = [name for name in self._endpoints(entry) if name not in kept]
        return tuple(blocker for name in names for blocker in self._at_endpoint(name, entry, others, at, since))

    def before_purging(self, entry: StoredEntry, *, at: datetime, since: datetime) -> tuple[Blocker, ...]:
        """What speaks against forgetting `entry`, retired at `since`. See `keystore.store.Gates`."""
        kept_for = max(
            [MINIMUM_RETENTION, *(d.retention for name, d in self.delays.items() if _is_meant_for(entry, name))]
        )
        seen = self.evidence.last_seen_anywhere(entry.thumbprint)
        exchanged = since if seen is None else max(since, seen)
        safe_at = _next_second(exchanged + kept_for)
        if at >= safe_at:
            return ()
        what = "it was retired" if exchanged == since else "a message signed with it came as late as"
        sentence = (
            f"old keys are kept for {duration_text(kept_for)} after they were exchanged, and {what} "
            f"{instant_text(exchanged)}; it may be purged from {instant_text(safe_at)} on"
        )
        return (Blocker(sentence, safe_at=safe_at),)

    def _endpoints(self, entry: StoredEntry) -> list[str]:
        names = {*self.delays, *self.evidence.endpoints_of(entry.key_id)}
        return sorted(name for name in names if _is_meant_for(entry, name))

    def _at_endpoint(
        self, endpoint: str, entry: StoredEntry, others: Sequence[StoredEntry], at: datetime, since: datetime
    ) -> Iterator[Blocker]:
        compromised = {other.key_id for other in others if other.revoked}
        if entry.key_id in compromised:
            return  # withdrawn through another certificate, it verifies nothing any more
        last = self.evidence.last_seen(endpoint, entry.key_id)
        from_ = since if last is None else last
        delivery = self._delivery_time(endpoint)
        lost = self.evidence.unwatched(from_, at)
        safe_at = _next_second(from_ + delivery + lost)
        trusted = [o for o in others if o.key_id not in compromised and _is_trusted(o, endpoint, at)]
        if any(other.key_id == entry.key_id and _is_trusted(other, endpoint, safe_at) for other in trusted):
            return
        if endpoint in self.delays:
            yield from self._without_successor(endpoint, entry, trusted, since)
        if at < safe_at:
            came = (
                f"no message signed with it came since it was trusted at {instant_text(since)}, which tells something "
                "only"
                if last is None
                else f"the last message signed with it came at {instant_text(last)}, and others may be under way"
            )
            until = "once" if last is None else "until"
            paused = f", not counting {_span(lost)} in which nothing was recorded" if lost else ""
            yield Blocker(
                f"{endpoint}: {came} {until} the guaranteed delivery time of {duration_text(delivery)} has "
                f"passed{paused}: earliest {instant_text(safe_at)}",
                endpoint,
                safe_at,
            )

    def _without_successor(
        self, endpoint: str, entry: StoredEntry, trusted: Sequence[StoredEntry], since: datetime
    ) -> Iterator[Blocker]:
        successors = {other.key_id for other in trusted if other.key_id != entry.key_id}
        if not successors:
            yield Blocker(
                f"{endpoint}: no other key is trusted, so every response would be rejected; trust its successor first",
                endpoint,
            )
            return
        old = self.evidence.verified(endpoint, {entry.key_id})
        new = self.evidence.verified(endpoint, successors)
        if not old and not any(seen >= since for seen in new.values()):
            yield Blocker(
                f"{endpoint}: no message was verified by another trusted key since this one was trusted at "
                f"{instant_text(since)}, and silence is no evidence",
                endpoint,
            )
        alone = [operation for operation, seen in old.items() if operation not in new or new[operation] <= seen]
        if alone:
            yield Blocker(
                f"{endpoint}: it is the key that carries {_listed(alone)}: no other trusted key has verified a message "
                f"there since its last one at {instant_text(max(old[operation] for operation in alone))}",
                endpoint,
            )

    def _delivery_time(self, endpoint: str) -> timedelta:
        """Of an endpoint that is not configured any more the longest that is: nobody knows its own."""
        known = self.delays.get(endpoint)
        return (
            known.guaranteed_delivery_time if known else max(d.guaranteed_delivery_time for d in self.delays.values())
        )


def _is_meant_for(entry: StoredEntry, endpoint: str) -> bool:
    return entry.endpoints is None or endpoint in entry.endpoints


def _is_trusted(entry: StoredEntry, endpoint: str, at: datetime) -> bool:
    """Whether `entry` verifies messages of `endpoint` at the instant `at`."""
    trusted = entry.trusted()
    return (
        trusted is not None
        and _is_meant_for(entry, endpoint)
        and trusted.state_at(at) is State.TRUSTED
        and trusted.public_key is not None
        and trusted.is_valid_at(at)
    )


def _listed(operations: Sequence[str | None]) -> str:
    names = sorted(operation or "messages without an operation" for operation in operations)
    more = f" and {len(names) - _OPERATIONS_SHOWN} more" if len(names) > _OPERATIONS_SHOWN else ""
    return ", ".join(names[:_OPERATIONS_SHOWN]) + more


def _next_second(instant: datetime) -> datetime:
    """`instant` rounded up, so that what is shown to the second is never too early."""
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + timedelta(seconds=1)


def _span(length: timedelta) -> str:
    hours = -(-length // timedelta(hours=1))
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
