"""The state of a cell, an operation of an endpoint: how far its receiver has got from the old key to the new one.

Whether a cell in which both keys were seen has *switched* is a question of evidence: the old key's absence shows only
in messages that did not carry it. The rule of three of statistics answers it: after `n` messages without an event the
event's share is, with 95 % confidence, at most 3/n. A cell counts as switched once the new-key messages since the last
old-key message number three times the mean distance of old-key messages while both were seen. A single old-key message
after ten thousand new ones thus re-opens the cell until thirty thousand more have come without another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.ledger import How, Succession, UsageRow
from keystore import KeyId, State, Thumbprint, TrustedCertificate

RULE_OF_THREE = 3

_BEFORE = timedelta(microseconds=1)


class CellState(StrEnum):
    """What the messages of a cell say about its switch to the new key."""

    OLD_ONLY = "old-only"
    """Only older keys were seen."""
    EARLY = "early"
    """Signed with the new key, which is staged and not trusted yet: rejected. The receiver switched too early."""
    MIXED = "mixed"
    """Both were seen, and the old one not long enough ago."""
    SWITCHED = "switched"
    """Only the new key since an instant."""
    SAME_KEY = "same-key"
    """A renewal: the certificates share one key, and both verify every message. There is nothing to switch."""
    ONLY_KEY = "only-key"
    """The endpoint has, and had in this time, only one key: no renewal is under way."""
    SILENT = "silent"
    """No message in this time. Silence is no evidence."""


class Role(StrEnum):
    """What a sighted certificate is to the renewal."""

    NEW = "new"
    """The newest certificate, or one over the same key."""
    OLD = "old"


@dataclass(frozen=True, slots=True)
class KeySighting:
    """One certificate in one cell."""

    alias: str
    key_id: KeyId
    thumbprint: Thumbprint
    role: Role
    state: State | None
    """Its present state in the keystore; None where it is not there any more."""
    accepted: int
    rejected: int
    """Messages signed with it that were rejected because it is not trusted, or not admitted."""
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One operation of one endpoint."""

    endpoint: str
    operation: str | None
    state: CellState
    keys: tuple[KeySighting, ...] = ()
    first_new: datetime | None = None
    """First message accepted by the new key."""
    last_new: datetime | None = None
    last_old: datetime | None = None
    """Last message signed with an older key, accepted or rejected: a rejected one also tells that the key is in use."""
    new_since: datetime | None = None
    """First new-key message after the last old-key one."""
    messages_since: int = 0
    """New-key messages after the last old-key one; all of them where there was none."""
    exact: bool = True
    """False where old records have been removed and `messages_since` is the least number that is certain."""
    messages_needed: int = 0
    """New-key messages after the last old-key one that it takes to count as switched; 0 where no keys overlapped."""
    last_traffic: datetime | None = None
    """For a silent cell: when its last message came, if ever."""

    @property
    def rejected_new(self) -> int:
        """Messages with the new key that were rejected: it was staged, or not admitted."""
        return max((k.rejected for k in self.keys if k.role is Role.NEW), default=0)

    @property
    def rejected_old(self) -> int:
        """Messages with older keys that were rejected: mostly keys that have been retired."""
        return sum(k.rejected for k in self.keys if k.role is Role.OLD)


Count = Callable[[Sequence[Thumbprint], datetime, How], Succession]
"""Sightings in the cell strictly after an instant, by certificates over one key."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where an endpoint's renewal leads."""

    newest: TrustedCertificate | None
    """The newest certificate (by start of validity) among those trusted or staged; None where there is none."""
    others: tuple[TrustedCertificate, ...]
    """Every other entry for the endpoint that is not purged."""

    @property
    def has_other_key(self) -> bool:
        """Whether an entry with another key than the newest one's is known."""
        return self.newest is None or any(entry.key_id != self.newest.key_id for entry in self.others)

    @property
    def has_same_key(self) -> bool:
        """Whether another entry has the newest one's key."""
        return self.newest is not None and any(entry.key_id == self.newest.key_id for entry in self.others)

    def role_of(self, key_id: KeyId) -> Role:
        """What a key is to this renewal."""
        return Role.NEW if self.newest is not None and key_id == self.newest.key_id else Role.OLD

    def state_of(self, thumbprint: Thumbprint, at: datetime) -> State | None:
        """The state of a certificate in the keystore at `at`; None where it is not there."""
        known = self.others if self.newest is None else (self.newest, *self.others)
        return next((entry.state_at(at) for entry in known if entry.thumbprint == thumbprint), None)


def goal_of(entries: Sequence[TrustedCertificate], at: datetime) -> Goal:
    """Find the newest certificate among the `entries` of an endpoint, as of `at`."""
    known = [entry for entry in entries if entry.state is not State.PURGED]
    hopeful = [e for e in known if e.state_at(at) in {State.TRUSTED, State.STAGED} and not e.revoked]
    newest = max(hopeful, key=lambda e: (e.not_before, e.not_after, e.alias), default=None)
    return Goal(newest, tuple(entry for entry in known if entry is not newest))


def judge_cell(
    endpoint: str, operation: str | None, rows: Sequence[UsageRow], goal: Goal, now: datetime, count: Count
) -> Cell:
    """Judge one cell by its key usage, `rows` (verified and recognised ones), of which there is at least one."""
    keys = _sightings(rows, goal, now)
    new = [r for r in rows if goal.role_of(r.key_id) is Role.NEW and r.how is How.VERIFIED]
    early = [r for r in rows if goal.role_of(r.key_id) is Role.NEW and r.how is How.RECOGNISED]
    old = [r for r in rows if goal.role_of(r.key_id) is Role.OLD]
    last_old = max((r.last_seen for r in old), default=None)
    if not new:
        came_early = bool(early) and (last_old is None or max(r.last_seen for r in early) > last_old)
        state = CellState.EARLY if came_early else CellState.OLD_ONLY
        return Cell(endpoint=endpoint, operation=operation, state=state, keys=keys, last_old=last_old)
    first_new, last_new = min(r.first_seen for r in new), max(r.last_seen for r in new)
    thumbprints = [r.thumbprint for r in new]
    since = count(thumbprints, first_new - _BEFORE if last_old is None else last_old, How.VERIFIED)
    needed = 0
    if last_old is None:
        state = CellState.SWITCHED if goal.has_other_key else CellState.ONLY_KEY
        if goal.has_same_key and not goal.has_other_key:
            state = CellState.SAME_KEY
    elif last_old < first_new:
        state = CellState.SWITCHED
    else:
        needed = _needed(thumbprints, old, first_new, since.messages, count)
        state = CellState.SWITCHED if since.messages >= needed else CellState.MIXED
    return Cell(
        endpoint=endpoint,
        operation=operation,
        state=state,
        keys=keys,
        first_new=first_new,
        last_new=last_new,
        last_old=last_old,
        new_since=since.first,
        messages_since=since.messages,
        exact=since.exact,
        messages_needed=needed,
    )


def _needed(new: Sequence[Thumbprint], old: Sequence[UsageRow], first_new: datetime, since: int, count: Count) -> int:
    """New-key messages without an old-key one that the rule of three asks for; at least 3."""
    overlap = first_new - _BEFORE
    new_messages = max(0, count(new, overlap, How.VERIFIED).messages - since)
    # Per key, because certificates over one key verify the same messages.
    by_key: dict[tuple[KeyId, How], list[Thumbprint]] = {}
    for row in old:
        by_key.setdefault((row.key_id, row.how), []).append(row.thumbprint)
    old_messages = sum(count(thumbprints, overlap, how).messages for (_, how), thumbprints in by_key.items())
    # Rounded up. The last old-key message lies in the overlap, so the divisor is at least 1.
    divisor = max(1, old_messages)
    return -(-RULE_OF_THREE * (new_messages + divisor) // divisor)


def _sightings(rows: Sequence[UsageRow], goal: Goal, now: datetime) -> tuple[KeySighting, ...]:
    by_thumbprint: dict[Thumbprint, list[UsageRow]] = {}
    for row in rows:
        by_thumbprint.setdefault(row.thumbprint, []).append(row)
    sightings = [
        KeySighting(
            alias=max(found, key=lambda r: r.last_seen).alias,
            key_id=found[0].key_id,
            thumbprint=thumbprint,
            role=goal.role_of(found[0].key_id),
            state=goal.state_of(thumbprint, now),
            accepted=sum(r.messages for r in found if r.how is How.VERIFIED),
            rejected=sum(r.messages for r in found if r.how is How.RECOGNISED),
            first_seen=min(r.first_seen for r in found),
            last_seen=max(r.last_seen for r in found),
        )
        for thumbprint, found in by_thumbprint.items()
    ]
    return tuple(sorted(sightings, key=lambda s: (s.role is Role.NEW, s.first_seen, s.thumbprint)))
