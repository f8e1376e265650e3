"""What the ledger measured of every key, taken at one instant: pure data, so that the gates are pure as well."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from gateway.ledger import How, UsageRow, recorded_hours, usage
from keystore import KeyId, Thumbprint

LONGEST_PAUSE = timedelta(days=3)
"""How much of a pause in the records counts as watched: a long week-end without messages is no outage, and of an outage
nobody can say what would have come."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which key was seen where and when, and when the gateway was recording at all."""

    taken_at: datetime
    sightings: Sequence[UsageRow] = ()
    """Keys that verified messages, and keys that were recognised in rejected ones, by endpoint and operation."""
    hours: Sequence[datetime] = ()
    """The beginnings of the hours in which anything was recorded, oldest first."""

    def last_seen(self, endpoint: str, key_id: KeyId) -> datetime | None:
        """The last message at `endpoint` signed with that key, accepted or rejected: a rejected one uses it as well."""
        return max((row.last_seen for row in self._of(endpoint, {key_id})), default=None)

    def last_seen_anywhere(self, thumbprint: Thumbprint) -> datetime | None:
        """The last message at any endpoint that this certificate verified, or was recognised in."""
        return max((row.last_seen for row in self.sightings if row.thumbprint == thumbprint), default=None)

    def verified(self, endpoint: str, keys: Collection[KeyId]) -> dict[str | None, datetime]:
        """The last message that one of `keys` verified, for each operation of `endpoint`."""
        found: dict[str | None, datetime] = {}
        for row in self._of(endpoint, keys):
            if row.how is How.VERIFIED:
                found[row.operation] = max(row.last_seen, found.get(row.operation, row.last_seen))
        return found

    def endpoints_of(self, key_id: KeyId) -> set[str]:
        """Every endpoint at which the key was seen, whether it is configured at present or not."""
        return {row.endpoint for row in self.sightings if row.key_id == key_id}

    def unwatched(self, since: datetime, until: datetime) -> timedelta:
        """How much of the time between the two instants nobody was recording, as far as the records tell.

        Of each pause between two recorded hours `LONGEST_PAUSE` counts as watched, and the rest does not.
        """
        until = min(until, self.taken_at)
        lost = timedelta(0)
        position = since
        for hour in self.hours[bisect_right(self.hours, since - _HOUR) :]:
            if hour >= until:
                break
            lost += max(timedelta(0), hour - position - LONGEST_PAUSE)
            position = max(position, hour + _HOUR)
        return lost + max(timedelta(0), until - position - LONGEST_PAUSE)

    def _of(self, endpoint: str, keys: Collection[KeyId]) -> list[UsageRow]:
        return [row for row in self.sightings if row.endpoint == endpoint and row.key_id in keys]


def measure(engine: Engine, at: datetime) -> Evidence:
    """Take the evidence at the instant `at`, which is now: sums over the roll-ups, whatever the number of messages.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    sightings = [row for how in How for row in usage(engine, how=how)]
    return Evidence(at, tuple(sightings), tuple(recorded_hours(engine)))
