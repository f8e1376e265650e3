"""Where the renewal of an endpoint leads: what its entries declare, and nothing else.

*New* is the entry that was declared to replace another one, and of a line of successors (A, replaced by B, replaced by
C) the last that is trusted or staged; *old* is everything before it on the line. Every other key is neither: nothing is
derived from the dates of a certificate, which may be issued long before it is used, or from its alias.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from keystore import KeyId, State, Thumbprint, TrustedCertificate


class RenewalRole(StrEnum):
    """What a key is to the renewal."""

    NEW = "new"
    """The declared successor's, in whichever certificate."""
    OLD = "old"
    """What the declared successor replaces, directly or through others."""
    OTHER = "other"
    """Neither: another key that is known, and that no declaration names."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where an endpoint's renewals lead: mostly one, or none."""

    successors: tuple[TrustedCertificate, ...]
    """The declared successors that are trusted or staged and that nothing else replaces; empty where there are
    rivals."""
    rivals: tuple[TrustedCertificate, ...]
    """Declared successors of one and the same key, or of each other: nobody can tell which of them is meant."""
    present: tuple[TrustedCertificate, ...]
    """Every entry that is trusted or staged, and whose key is not withdrawn."""
    known: tuple[TrustedCertificate, ...]
    """Every entry for the endpoint that is not purged."""
    new_keys: frozenset[KeyId]
    old_keys: frozenset[KeyId]
    """Without `new_keys`: a renewed certificate may keep its key."""
    involved: frozenset[KeyId]
    """The keys that are trusted or staged, and those in the keystore that were ever seen."""

    @property
    def newest(self) -> TrustedCertificate | None:
        """The declared successor; without a declaration the only certificate there is. None where that is not one."""
        if self.successors:
            return self.successors[0] if len(self.new_keys) == 1 else None
        return self.present[0] if len(self.present) == 1 else None

    @property
    def is_declared(self) -> bool:
        """Whether another key is declared to be replaced: only then there is something to switch."""
        return bool(self.old_keys) and bool(self.new_keys)

    def role_of(self, key_id: KeyId) -> RenewalRole:
        """What a key is to this renewal."""
        if key_id in self.new_keys:
            return RenewalRole.NEW
        return RenewalRole.OLD if key_id in self.old_keys else RenewalRole.OTHER

    def state_of(self, thumbprint: Thumbprint, at: datetime) -> State | None:
        """The state of a certificate in the keystore at `at`; None where it is not there."""
        return next((entry.state_at(at) for entry in self.known if entry.thumbprint == thumbprint), None)

    @property
    def only_key(self) -> KeyId | None:
        """The one key of the endpoint, in as many certificates as there may be; None where it has another as well."""
        keys = {entry.key_id for entry in self.present}
        return next(iter(keys)) if keys == self.involved and len(keys) == 1 and not self.rivals else None

    def holders_of(self, key_id: KeyId) -> tuple[TrustedCertificate, ...]:
        """The entries with that key."""
        return tuple(entry for entry in self.known if entry.key_id == key_id)


def goal_of(
    entries: Sequence[TrustedCertificate],
    at: datetime,
    *,
    compromised: Collection[KeyId] = (),
    seen: Mapping[Thumbprint, KeyId] | None = None,
) -> Goal:
    """Find the declared successors among the `entries` of an endpoint, as of `at`.

    Args:
        entries: Whatever is meant for the endpoint, in any state.
        at: Which of them are trusted or staged then counts.
        compromised: Keys that were withdrawn, perhaps through other entries: none of them is a goal.
        seen: The keys of the certificates on record, whether or not they are in the keystore still.
    """
    known = tuple(entry for entry in entries if entry.state is not State.PURGED)
    present = tuple(
        entry
        for entry in known
        if entry.state_at(at) in {State.TRUSTED, State.STAGED} and not entry.revoked and entry.key_id not in compromised
    )
    kept = {entry.key_id for entry in known}
    involved = frozenset(entry.key_id for entry in present) | (kept & set((seen or {}).values()))
    line = _Lines(entries)
    keys = {**(seen or {}), **{entry.thumbprint: entry.key_id for entry in entries}}
    # The same certificate may stand under two aliases.
    declared = list({entry.thumbprint: entry for entry in reversed(present) if line.before(entry)}.values())[::-1]
    ends = [e for e in declared if not any(e.thumbprint in line.before(other) for other in declared)]
    rivals = _rivals(declared, ends, line, keys)
    if rivals:
        return Goal((), rivals, present, known, frozenset(), frozenset(), involved)
    new_keys = frozenset(entry.key_id for entry in ends)
    old_keys = frozenset(key_id for entry in ends for key_id in _replaced_keys(entry, line, keys))
    return Goal(tuple(ends), (), present, known, new_keys, old_keys - new_keys, involved)


class _Lines:
    """What replaces what, through any number of others."""

    def __init__(self, entries: Sequence[TrustedCertificate]) -> None:
        self._replaces: dict[Thumbprint, set[Thumbprint]] = {}
        for entry in entries:
            self._replaces.setdefault(entry.thumbprint, set()).update(entry.replaces)
        for thumbprint, replaced in self._replaces.items():
            replaced.discard(thumbprint)

    def before(self, entry: TrustedCertificate) -> frozenset[Thumbprint]:
        """Everything that `entry` replaces, itself included where the declarations go in a circle."""
        found: set[Thumbprint] = set()
        ahead = list(self._replaces[entry.thumbprint])
        while ahead:
            thumbprint = ahead.pop()
            if thumbprint not in found:
                found.add(thumbprint)
                ahead += self._replaces.get(thumbprint, ())
        return frozenset(found)


def _rivals(
    declared: Sequence[TrustedCertificate],
    ends: Sequence[TrustedCertificate],
    line: _Lines,
    keys: Mapping[Thumbprint, KeyId],
) -> tuple[TrustedCertificate, ...]:
    """Those that are declared to replace each other, and those that are declared to replace one and the same key."""
    found = {entry.thumbprint for entry in declared if entry.thumbprint in line.before(entry)}
    for one, another in combinations(ends, 2):
        if one.key_id != another.key_id and (
            _replaced_keys(one, line, keys) & _replaced_keys(another, line, keys)
            or line.before(one) & line.before(another)
        ):
            found |= {one.thumbprint, another.thumbprint}
    return tuple(entry for entry in declared if entry.thumbprint in found)


def _replaced_keys(entry: TrustedCertificate, line: _Lines, keys: Mapping[Thumbprint, KeyId]) -> frozenset[KeyId]:
    return frozenset(keys[thumbprint] for thumbprint in line.before(entry) if thumbprint in keys)
