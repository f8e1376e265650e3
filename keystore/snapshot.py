"""An immutable view of one revision of the keystore: what a verification runs against."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from keystore.certificate import SigningKey, State, TrustedCertificate
from keystore.distinguished_names import values_of_name, values_of_text
from keystore.hint import KeyHint
from keystore.identity import KeyId


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One public key to try, with every entry that holds it: a renewed certificate often keeps its key.

    Equal only to itself, so that what a verifier prepares for a key can be kept by it.
    """

    key_id: KeyId
    public_key: SigningKey
    entries: tuple[TrustedCertificate, ...]


class TrustSnapshot:
    """The entries of one revision, narrowed to one endpoint where `for_endpoint` made it.

    Immutable and safe to share between threads. Each entry stands alone: one whose key cannot be used is skipped.
    """

    __slots__ = ("_holders", "_index", "_narrowed", "_whole", "compromised", "entries", "revision")

    def __init__(
        self, entries: Sequence[TrustedCertificate], revision: int = 0, compromised: frozenset[KeyId] = frozenset()
    ) -> None:
        """Hold `entries` as of `revision`; `compromised` adds keys withdrawn through other entries."""
        self.entries = tuple(entries)
        self.compromised = compromised | {entry.key_id for entry in self.entries if entry.revoked}
        """Keys withdrawn as compromised: no other certificate makes such a key good again."""
        self.revision = revision
        by_key: dict[KeyId, list[TrustedCertificate]] = {}
        for entry in self.entries:
            if entry.public_key is not None and entry.state is not State.PURGED:
                by_key.setdefault(entry.key_id, []).append(entry)
        self._holders = {key_id: _Holders(key_id, tuple(group)) for key_id, group in by_key.items()}
        self._index: _HintIndex | None = None
        self._narrowed: dict[str, TrustSnapshot] = {}
        self._whole = self

    @classmethod
    def of(cls, *entries: TrustedCertificate, revision: int = 0) -> "TrustSnapshot":
        """A snapshot of the given entries."""
        return cls(entries, revision)

    def for_endpoint(self, endpoint: str) -> "TrustSnapshot":
        """The entries that are meant for `endpoint`; made once and kept, so it can be asked for with every message."""
        narrowed = self._narrowed.get(endpoint)
        if narrowed is None:
            meant = tuple(e for e in self.entries if e.endpoints is None or endpoint in e.endpoints)
            if len(meant) == len(self.entries):
                return self
            narrowed = TrustSnapshot(meant, self.revision, self.compromised)
            narrowed._whole = self
            # Two threads at once build two equal ones: harmless, the last one stays.
            self._narrowed[endpoint] = narrowed
        return narrowed

    @property
    def key_count(self) -> int:
        """Public keys that entries of whatever state hold."""
        return len(self._holders)

    @property
    def changes_with_time(self) -> bool:
        """Whether some entry is trusted for a time only, so that the candidates depend on the instant."""
        return any(holders.windowed for holders in self._holders.values())

    def candidates(self, hint: KeyHint, at: datetime) -> Iterator[Candidate]:
        """Every key that is trusted at `at` once, with its trusted entries; those that `hint` names first.

        The hint orders; it never limits. What is not asked for is not computed.
        """
        return self._ordered(hint, at, trusted=True)

    def recognised(self, hint: KeyHint, at: datetime) -> Iterator[Candidate]:
        """Every key that is known and at `at` trusted by no entry (staged, retired), those that `hint` names first."""
        return self._ordered(hint, at, trusted=False)

    def entries_of(self, key_id: KeyId) -> tuple[TrustedCertificate, ...]:
        """Every entry over that key, whatever its state, but for purged ones; none where the key is not known."""
        holders = self._holders.get(key_id)
        return () if holders is None else holders.entries

    def named_by(self, hint: KeyHint) -> tuple[TrustedCertificate, ...]:
        """The entries, of any state, that agree with `hint`, in the order of `entries`."""
        positions = sorted(set(self._positions(hint)))
        return tuple(self.entries[p] for p in positions if self.entries[p].agrees_with(hint))

    def elsewhere_named_by(self, hint: KeyHint) -> tuple[TrustedCertificate, ...]:
        """Entries that agree with `hint` and are meant for other endpoints only: they explain, and grant nothing."""
        if self._whole is self:
            return ()
        return tuple(entry for entry in self._whole.named_by(hint) if entry not in self.entries)

    def _ordered(self, hint: KeyHint, at: datetime, *, trusted: bool) -> Iterator[Candidate]:
        first: set[KeyId] = set()
        for position in self._positions(hint):
            entry = self.entries[position]
            holders = self._holders.get(entry.key_id)
            if holders is None or entry.key_id in first or not entry.agrees_with(hint):
                continue
            first.add(entry.key_id)
            candidate = holders.candidate(at, trusted=trusted)
            if candidate is not None:
                yield candidate
        for key_id, holders in self._holders.items():
            if key_id not in first:
                candidate = holders.candidate(at, trusted=trusted)
                if candidate is not None:
                    yield candidate

    def _positions(self, hint: KeyHint) -> Iterator[int]:
        """Positions of the entries that may agree with `hint`, perhaps repeated: by identities first, then by names."""
        if self._index is None:
            self._index = _HintIndex(self.entries)
        return self._index.find(hint)


class _Holders:
    """The entries that hold one public key."""

    __slots__ = ("_key", "_recognised", "_trusted", "entries", "windowed")

    def __init__(self, key_id: KeyId, entries: tuple[TrustedCertificate, ...]) -> None:
        public_key = entries[0].public_key
        trusted = tuple(e for e in entries if e.state is State.TRUSTED)
        self._key = key_id, public_key
        self.entries = entries
        self.windowed = any(e.trusted_from is not None or e.trusted_until is not None for e in trusted)
        self._trusted = self._make(trusted)
        self._recognised = None if trusted else self._make(entries)

    def candidate(self, at: datetime, *, trusted: bool) -> Candidate | None:
        """The key with its trusted entries, or (`trusted` being false) the key if no entry trusts it; else None."""
        if not self.windowed:
            return self._trusted if trusted else self._recognised
        now = tuple(e for e in self.entries if e.state_at(at) is State.TRUSTED)
        if trusted:
            return self._make(now)
        return None if now else self._make(self.entries)

    def _make(self, entries: tuple[TrustedCertificate, ...]) -> Candidate | None:
        key_id, public_key = self._key
        return Candidate(key_id, public_key, entries) if entries and public_key is not None else None


class _HintIndex:
    """The positions of entries by everything that a hint can name, so that a right hint costs the same over any number.

    Names are found by the set of their values, whatever their spelling; whether they match is for the caller to check.
    """

    __slots__ = ("_positions",)

    def __init__(self, entries: Iterable[TrustedCertificate]) -> None:
        self._positions: dict[tuple[str, Hashable], list[int]] = {}
        for position, entry in enumerate(entries):
            for key in _keys_of(entry):
                self._positions.setdefault(key, []).append(position)

    def find(self, hint: KeyHint) -> Iterator[int]:
        for key in _keys_named(hint):
            yield from self._positions.get(key, ())


def _keys_of(entry: TrustedCertificate) -> Iterator[tuple[str, Hashable]]:
    yield "thumbprint", entry.thumbprint
    yield "sha1", entry.thumbprint_sha1
    yield "key-id", entry.key_id
    yield "ski", entry.subject_key_identifier
    yield "serial", entry.serial
    yield "alias", entry.alias.lower()
    if entry.subject_name is not None:
        yield "subject", values_of_name(entry.subject_name)


def _keys_named(hint: KeyHint) -> Iterator[tuple[str, Hashable]]:
    for thumbprint in hint.thumbprints:
        yield "thumbprint", thumbprint
    if hint.thumbprint_sha1 is not None:
        yield "sha1", hint.thumbprint_sha1
    if hint.key_id is not None:
        yield "key-id", hint.key_id
    if hint.subject_key_identifier is not None:
        yield "ski", hint.subject_key_identifier
    if hint.serial is not None and hint.issuer is not None:
        yield "serial", hint.serial
    if hint.subject is not None:
        yield "subject", values_of_text(hint.subject)
    if hint.name is not None:
        yield "alias", hint.name.lower()
        yield "subject", values_of_text(hint.name)
