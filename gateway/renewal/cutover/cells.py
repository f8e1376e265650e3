"""The state of a cell, an operation of an endpoint at one server: how far it has got from the old key to the new one.

Whatever signed counts, also in a message that was rejected: a message with the old key that came too late uses the old
key all the same. Two things do not keep a cell from having switched, and are told apart: a signature that is on record
already, sent once more by whomever (no use of the key at all), and an old-key signature on a message that passes
without it. When it is enough to say *switched* is said in `switch_rule`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from gateway.ledger import Role, Succession, UsageRow
from gateway.renewal.cutover.declared_goal import Goal, RenewalRole
from gateway.renewal.cutover.switch_rule import NOT_WEIGHED, SwitchCriteria, SwitchEvidence, switch_evidence
from gateway.vocabulary import RecordedOutcome
from keystore import KeyId, State, Thumbprint

USES: Final = frozenset({Role.NEEDED, Role.PRESENT, Role.EARLIER})
"""As what a signature is a use of its key."""
BINDING_USES: Final = frozenset({Role.NEEDED, Role.EARLIER})
"""As what a use of the old key keeps a cell from having switched: the message would not pass without it."""

_BEFORE = timedelta(microseconds=1)


class CellState(StrEnum):
    """What the messages of a cell say about its switch to the new key."""

    UNDECLARED = "undeclared"
    """Several keys, and none of them was declared to replace another; or two were declared to replace the same."""
    OLD_ONLY = "old-only"
    """Only what the new key replaces was seen."""
    EARLY = "early"
    """Signed with the new key, which is staged and not trusted yet: rejected. The receiver switched too early."""
    REJECTED = "rejected"
    """Signed with the new key, which is trusted, and every one of these messages was rejected."""
    MIXED = "mixed"
    """Both were seen in turn, and the old one not long enough ago."""
    PENDING = "pending"
    """Only the new key since an instant, and no old one before that after a new one; not by enough messages yet, or not
    for long enough."""
    SWITCHED = "switched"
    """Only the new key since an instant, by enough messages, for long enough."""
    OTHER_ONLY = "other-only"
    """Signed with neither the new key nor one that it replaces."""
    SAME_KEY = "same-key"
    """A renewal: the certificates share one key, and both verify every message. There is nothing to switch."""
    ONLY_KEY = "only-key"
    """The endpoint has, and had in this time, only one key: no renewal is under way."""
    SILENT = "silent"
    """No message in this time. Silence is no evidence."""


@dataclass(frozen=True, slots=True)
class KeySighting:
    """One certificate in one cell, told by its thumbprint: an alias may have been given to another one since."""

    alias: str
    key_id: KeyId
    thumbprint: Thumbprint
    role: RenewalRole
    state: State | None
    """Its present state in the keystore; None where it is not there any more."""
    accepted: int
    rejected: int
    """Messages signed with it that were rejected, for whatever reason, or could not be recorded."""
    dispensable: int
    """Those of the accepted and rejected ones that would have passed, or been rejected, without it just the same."""
    repeated: int
    """Further messages with a signature of its key that was on record already: no use of the key."""
    first_seen: datetime
    last_seen: datetime
    last_signed: datetime | None
    """The latest instant of signing that a signed Timestamp told; None where none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One operation of one endpoint, at one server where a field of the response tells which."""

    endpoint: str
    operation: str | None
    server: str = ""
    """Which server answered; empty where nothing tells."""
    state: CellState
    keys: tuple[KeySighting, ...] = ()
    first_new: datetime | None = None
    """First message accepted by the new key."""
    first_new_seen: datetime | None = None
    """First message signed with the new key, accepted or rejected: before `first_new` where the receiver switched
    earlier than it was trusted."""
    last_new: datetime | None = None
    """Last message signed with the new key, accepted or rejected."""
    last_old: datetime | None = None
    """Last message that needed an older key, accepted or rejected: a rejected one also tells that the key is in use."""
    last_old_signed: datetime | None = None
    """The latest instant at which such a message says that it was signed; None where no signed Timestamp tells."""
    new_since: datetime | None = None
    """First new-key message after the last old-key one."""
    exact: bool = True
    """False where old records have been removed and the number of messages is the least that is certain."""
    evidence: SwitchEvidence = NOT_WEIGHED
    """What speaks for the switch, beside what it takes."""
    last_traffic: datetime | None = None
    """For a silent cell: when its last message came, if ever."""

    @property
    def messages_since(self) -> int:
        """New-key messages after the last old-key one; all of them where there was none."""
        return self.evidence.messages

    @property
    def messages_needed(self) -> int:
        """How many of them it takes to count as switched; 0 where there is nothing to weigh."""
        return self.evidence.messages_needed

    @property
    def rejected_new(self) -> int:
        """Messages with the new key that were rejected."""
        return self._counted(RenewalRole.NEW, lambda key: key.rejected)

    @property
    def rejected_old(self) -> int:
        """Messages with older keys that were rejected: mostly keys that have been retired."""
        return self._counted(RenewalRole.OLD, lambda key: key.rejected)

    @property
    def dispensable_old(self) -> int:
        """Messages with an older key's signature that did not need it."""
        return self._counted(RenewalRole.OLD, lambda key: key.dispensable)

    @property
    def repeated(self) -> int:
        """Messages with a signature that was on record already."""
        return sum(self._counted(role, lambda key: key.repeated) for role in RenewalRole)

    @property
    def others(self) -> tuple[KeySighting, ...]:
        """The keys that are neither new nor replaced, in so far as they were used."""
        return tuple(k for k in self.keys if k.role is RenewalRole.OTHER and k.accepted + k.rejected)

    def _counted(self, role: RenewalRole, count: Callable[[KeySighting], int]) -> int:
        """Per key, because certificates over one key verify the same messages."""
        most: dict[KeyId, int] = {}
        for key in self.keys:
            if key.role is role:
                most[key.key_id] = max(count(key), most.get(key.key_id, 0))
        return sum(most.values())


Count = Callable[[Sequence[Thumbprint], datetime, Collection[Role]], Succession]
"""Messages of the cell strictly after an instant, that certificates over one key signed in one of the roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellUsage:
    """What was measured of a cell."""

    endpoint: str
    operation: str | None
    server: str = ""
    rows: Sequence[UsageRow]
    """Everything on record, whatever time is asked for: the old key's longest pause may lie before."""
    shown: Sequence[UsageRow]
    """Of the time that is asked for."""
    together: Sequence[UsageRow]
    """Since the new key was first seen at this endpoint."""


def uses_of(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """The `rows` that are uses of a key: without signatures that were on record already."""
    return [row for row in rows if row.role in USES]


def judge_cell(usage: CellUsage, goal: Goal, now: datetime, count: Count, criteria: SwitchCriteria) -> Cell:
    """Judge one cell by the keys that were seen in it.

    Args:
        usage: What was measured.
        goal: What is new, and what is old.
        now: For the states of the keystore's entries, and for nothing else.
        count: Counts messages of this cell.
        criteria: What the endpoint asks for before anything counts as switched.
    """
    identity: dict[str, Any] = {"endpoint": usage.endpoint, "operation": usage.operation, "server": usage.server}
    if not uses_of(usage.shown):
        last = max((row.last_seen for row in uses_of(usage.rows)), default=None)
        return Cell(**identity, state=CellState.SILENT, last_traffic=last, keys=_sightings(usage.shown, goal, now))
    new = [row for row in uses_of(usage.rows) if goal.role_of(row.key_id) is RenewalRole.NEW]
    old = _binding(usage.rows, goal)
    accepted = [row for row in new if row.outcome is RecordedOutcome.ACCEPTED]
    last_old = max((row.last_seen for row in old), default=None)
    told: dict[str, Any] = {
        **identity,
        "keys": _sightings(usage.shown, goal, now),
        "first_new": min((row.first_seen for row in accepted), default=None),
        "first_new_seen": min((row.first_seen for row in new), default=None),
        "last_new": max((row.last_seen for row in new), default=None),
        "last_old": last_old,
        "last_old_signed": max((row.last_signed for row in old if row.last_signed is not None), default=None),
    }
    if not goal.is_declared:
        return Cell(**told, state=_without_goal(uses_of(usage.rows), goal))
    if not new:
        return Cell(**told, state=CellState.OLD_ONLY if old else CellState.OTHER_ONLY)
    last_accepted = max((row.last_seen for row in accepted), default=None)
    if last_accepted is None:
        if last_old is not None and last_old >= told["last_new"]:
            return Cell(**told, state=CellState.OLD_ONLY)
        staged = all(entry.state_at(now) is State.STAGED for entry in goal.successors)
        return Cell(**told, state=CellState.EARLY if staged else CellState.REJECTED)
    since, evidence = _weigh(usage, new, old, goal, count, criteria)
    return Cell(
        **told,
        state=_state(evidence, told["first_new_seen"], last_old, last_accepted),
        new_since=since.first,
        exact=since.exact,
        evidence=evidence,
    )


def longest_gap(rows: Sequence[UsageRow]) -> timedelta:
    """How long none of `rows` was seen, at most, between the first and the last of them all.

    Each row tells the longest pause of its own messages only, and between two messages of one row there may be messages
    of another. A pause of all of them begins and ends with a message, so it lies between two neighbours among the first
    and last instants of the rows; and it is no longer than the pauses of any row that goes on meanwhile.
    """
    instants = sorted({instant for row in rows for instant in (row.first_seen, row.last_seen)})
    longest = timedelta(0)
    for start, end in pairwise(instants):
        meanwhile = (row.longest_gap for row in rows if row.first_seen <= start and end <= row.last_seen)
        longest = max(longest, min((end - start, *meanwhile)))
    return longest


def _weigh(
    usage: CellUsage,
    new: Sequence[UsageRow],
    old: Sequence[UsageRow],
    goal: Goal,
    count: Count,
    criteria: SwitchCriteria,
) -> tuple[Succession, SwitchEvidence]:
    first_new, last_new = min(row.first_seen for row in new), max(row.last_seen for row in new)
    last_old = max((row.last_seen for row in old), default=None)
    since = _most(new, first_new - _BEFORE if last_old is None else last_old, USES, count)
    new_together = old_together = 0
    if last_old is not None and last_old > first_new:
        new_together = max(0, _most(new, first_new - _BEFORE, USES, count).messages - since.messages)
        by_key = {row.key_id: [r for r in old if r.key_id == row.key_id] for row in old}
        counted = (_most(rows, first_new - _BEFORE, BINDING_USES, count).messages for rows in by_key.values())
        # The last old-key message came after the first new one, whatever has been removed since.
        old_together = max(1, sum(counted))
    quiet_from = first_new if last_old is None else last_old
    return since, switch_evidence(
        criteria,
        messages=since.messages,
        quiet=max(timedelta(0), last_new - quiet_from),
        new_together=new_together,
        old_together=old_together,
        longest_ever=longest_gap(old),
        longest_together=longest_gap(_binding(usage.together, goal)),
    )


def _most(rows: Sequence[UsageRow], after: datetime, roles: Collection[Role], count: Count) -> Succession:
    """Of several keys the one that was seen most often: one message may be signed with all of them."""
    by_key: dict[KeyId, set[Thumbprint]] = {}
    for row in rows:
        by_key.setdefault(row.key_id, set()).add(row.thumbprint)
    found = [count(sorted(thumbprints), after, roles) for thumbprints in by_key.values()]
    firsts = [one.first for one in found if one.first is not None]
    return Succession(
        messages=max(one.messages for one in found),
        first=min(firsts, default=None),
        exact=len(found) == 1 and found[0].exact,
    )


def _state(
    evidence: SwitchEvidence, first_new: datetime, last_old: datetime | None, last_accepted: datetime
) -> CellState:
    is_last = last_old is None or last_accepted > last_old
    if evidence.sufficient and is_last:
        return CellState.SWITCHED
    return CellState.MIXED if last_old is not None and last_old > first_new else CellState.PENDING


def _without_goal(rows: Sequence[UsageRow], goal: Goal) -> CellState:
    key = goal.only_key
    if key is not None and any(row.key_id == key for row in rows):
        return CellState.SAME_KEY if len(goal.holders_of(key)) > 1 else CellState.ONLY_KEY
    return CellState.UNDECLARED if goal.rivals or len(goal.involved) > 1 else CellState.OTHER_ONLY


def _binding(rows: Sequence[UsageRow], goal: Goal) -> list[UsageRow]:
    return [row for row in rows if row.role in BINDING_USES and goal.role_of(row.key_id) is RenewalRole.OLD]


def _sightings(rows: Sequence[UsageRow], goal: Goal, now: datetime) -> tuple[KeySighting, ...]:
    by_thumbprint: dict[Thumbprint, list[UsageRow]] = {}
    for row in rows:
        by_thumbprint.setdefault(row.thumbprint, []).append(row)
    sightings = [_sighting(found, goal, now) for found in by_thumbprint.values()]
    return tuple(sorted(sightings, key=lambda s: (_ORDER[s.role], s.first_seen, s.thumbprint)))


def _sighting(found: Sequence[UsageRow], goal: Goal, now: datetime) -> KeySighting:
    latest = max(found, key=lambda row: row.last_seen)
    used = uses_of(found)
    # Of a certificate that was only met in repetitions, those are all there is to tell.
    seen = used or found
    return KeySighting(
        alias=latest.alias,
        key_id=latest.key_id,
        thumbprint=latest.thumbprint,
        role=goal.role_of(latest.key_id),
        state=goal.state_of(latest.thumbprint, now),
        accepted=sum(row.messages for row in used if row.outcome is RecordedOutcome.ACCEPTED),
        rejected=sum(row.messages for row in used if row.outcome is not RecordedOutcome.ACCEPTED),
        dispensable=sum(row.messages for row in used if row.role is Role.PRESENT),
        repeated=sum(row.messages for row in found if row.role is Role.REPEATED),
        first_seen=min(row.first_seen for row in seen),
        last_seen=max(row.last_seen for row in seen),
        last_signed=max((row.last_signed for row in seen if row.last_signed is not None), default=None),
    )


_ORDER: Final = {role: place for place, role in enumerate((RenewalRole.OTHER, RenewalRole.OLD, RenewalRole.NEW))}
