"""Which records stay: by age, and never less than what a renewal rests on.

While a renewal is open, its evidence stays: everything since its certificates met. It is open while the endpoint has
several certificates that are trusted or staged, and until the time for which an old key is kept has passed since
one was retired (`gateway.config.MINIMUM_RETENTION`, or longer where the endpoint's retention is).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.config import MINIMUM_RETENTION
from keystore import State
from keystore.store import StoredEntry

UNCONFIGURED_RETENTION = MINIMUM_RETENTION
"""For records of endpoints that are no longer in the configuration."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays of one endpoint's records."""

    endpoint: str
    since: datetime
    """Records from here on stay."""
    why: str
    """What decided, in half a sentence."""


def keep(endpoint: str, retention: timedelta, entries: Iterable[StoredEntry], at: datetime) -> Keep:
    """What stays of the records of `endpoint` at the instant `at`.

    Args:
        endpoint: Its name.
        retention: How long every record stays.
        entries: The whole keystore.
        at: Now.
    """
    by_age = Keep(endpoint, at - retention, "their age")
    meant = [entry for entry in entries if entry.endpoints is None or endpoint in entry.endpoints or entry.problem]
    damaged = next((entry for entry in meant if entry.problem), None)
    if damaged is not None:
        why = f"the entry {damaged.alias} of the keystore is damaged, so that nobody can tell what its renewal needs"
        return Keep(endpoint, datetime.min.replace(tzinfo=UTC), why)
    kept_for = max(retention, MINIMUM_RETENTION)
    present = [entry for entry in meant if entry.state_at(at) in {State.TRUSTED, State.STAGED}]
    retired = [entry for entry in meant if entry.state is State.RETIRED and entry.changed_at > at - kept_for]
    involved = sorted((*present, *retired), key=lambda entry: entry.added_at)
    if len(involved) > 1:
        names = " and ".join(str(entry.alias) for entry in involved)
        state = "were exchanged less than the time ago for which old keys are kept" if retired else "overlap"
        return min(by_age, Keep(endpoint, involved[1].added_at, f"{names} {state}"), key=lambda found: found.since)
    if retired:
        since = retired[0].changed_at - kept_for
        return min(by_age, Keep(endpoint, since, f"{retired[0].alias} was retired"), key=lambda found: found.since)
    return by_age
