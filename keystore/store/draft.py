"""A revision in the making: several changes, made one after the other, that become one revision or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from keystore.certificate import State, TrustedCertificate
from keystore.errors import NotAdmitted, Refused, StateUnchanged
from keystore.identity import Alias, Thumbprint
from keystore.store.change_gates import GateAnswer, Gates
from keystore.store.changes import add_entry, adjust_entry, find, named, purge_entry, retire_entry, trust_entry
from keystore.store.outcome import Action, Added, Changed, NewCertificate
from keystore.store.revision import Revision
from keystore.store.stored_entry import StoredEntry
from keystore.terms import Terms


class Draft:
    """Changes to the entries as they are inside an open revision; each one sees what those before it did."""

    def __init__(self, revision: Revision, gates: Gates | None = None) -> None:
        """Work on the entries of `revision`; without `gates` nothing but the entries themselves is asked."""
        self._revision = revision
        self._gates = gates
        self._present = {entry.id: entry for entry in revision.present()}

    @property
    def revision(self) -> int:
        """The number of the revision in the making."""
        return self._revision.number

    @property
    def at(self) -> datetime:
        """The instant of its changes."""
        return self._revision.at

    def drop(self) -> None:
        """Let nothing of this revision stay: it was only to see what it would do."""
        self._revision.dropped = True

    @property
    def entries(self) -> tuple[StoredEntry, ...]:
        """Every entry that is not purged, as it is after the changes so far."""
        return tuple(self._present.values())

    def thumbprints_of(self, aliases: Iterable[str]) -> frozenset[Thumbprint]:
        """The certificates of the entries of those names.

        Raises:
            UnknownAlias: There is none of one of the names.
        """
        return frozenset(named(self.entries, alias).thumbprint for alias in aliases)

    def add_many(
        self, certificates: Sequence[NewCertificate], terms: Terms, *, stage: bool = False, force: bool = False
    ) -> tuple[Added, ...]:
        """Add all of `certificates`. See `KeystoreStore.add_many`.

        Raises:
            Refused: As there.
            AliasInvalid: As there.
        """
        if not certificates:
            raise Refused("there is no certificate to add: name at least one")
        state = State.STAGED if stage else State.TRUSTED
        return tuple(self.add(new, terms, state=state, force=force) for new in certificates)

    def add(
        self, new: NewCertificate, terms: Terms, *, state: State, revoked: bool = False, force: bool = False
    ) -> Added:
        """Add one certificate in the given state; a retired one is recognised from the beginning, and never trusted.

        One whose trust was to end before now is retired as well.

        Raises:
            Refused: As `KeystoreStore.add`.
            AliasInvalid: As there.
        """
        is_over = terms.trusted_until is not None and terms.trusted_until <= self._revision.at
        entry = TrustedCertificate(
            alias=Alias(new.alias),
            certificate=new.certificate,
            state=State.RETIRED if is_over and state is State.TRUSTED else state,
            endpoints=terms.endpoints,
            trusted_from=terms.trusted_from,
            trusted_until=terms.trusted_until,
            revoked=revoked,
            replaces=tuple(sorted(terms.replaces)),
        )
        added = add_entry(self._revision, self.entries, entry, force=force)
        self._keep(added.entry)
        if entry.state is state or terms.trusted_until is None:
            return added
        ended = f"its trust was to end at {terms.trusted_until:%Y-%m-%d %H:%M:%S}Z, which has passed: it is not trusted"
        return replace(added, warnings=(ended, *added.warnings))

    def trust(self, alias: str, *, terms: Terms | None = None, force: bool = False) -> Changed:
        """Trust the staged entry `alias`, from now on or on new `terms`. See `KeystoreStore.trust`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
        """
        entry = find(self.entries, alias)
        state = entry.state_at(self._revision.at)
        if state is State.TRUSTED:
            raise StateUnchanged(f"{entry.alias} is trusted already: nothing to do")
        if state is State.RETIRED:
            raise StateUnchanged(f"{entry.alias} is retired: restore it if it shall be trusted again")
        return self._trust(
            _on(entry, terms or replace(terms_of(entry), trusted_from=None)), Action.TRUSTED, force=force
        )

    def restore(self, alias: str, *, terms: Terms | None = None, force: bool = False) -> Changed:
        """Trust the retired entry `alias` again, without an end or on new `terms`. See `KeystoreStore.restore`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
        """
        entry = find(self.entries, alias)
        state = entry.state_at(self._revision.at)
        if state is State.TRUSTED:
            raise StateUnchanged(f"{entry.alias} is trusted already: nothing to do")
        if state is State.STAGED:
            raise StateUnchanged(f"{entry.alias} is staged and was not retired: trust it instead")
        if entry.revoked and not force:
            raise NotAdmitted(
                f"{entry.alias} is not restored: it was revoked because its key is compromised; ask the partner "
                "for a new key, or use --force if that was a mistake"
            )
        return self._trust(
            _on(entry, terms or replace(terms_of(entry), trusted_until=None)), Action.RESTORED, force=force
        )

    def retire(self, alias: str, *, revoked: bool = False, force: bool = False) -> Changed:
        """Trust the entry `alias` no more. See `KeystoreStore.retire`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
        """
        entry = find(self.entries, alias)
        if entry.state is State.RETIRED and (entry.revoked or not revoked):
            raise StateUnchanged(f"{entry.alias} is already {entry.note or 'retired'}: nothing to do")
        gate = self._before_retiring(entry, self._revision.at)
        changed = retire_entry(self._revision, self.entries, entry, revoked=revoked, gate=gate, force=force)
        self._keep(changed.entry)
        return changed

    def end_due(self, entry_id: int) -> Changed | None:
        """Retire the entry of that id, because its trust shall have ended; None where it shall not, or is not there.

        Raises:
            Refused: The gate is closed, or its row is damaged.
        """
        entry = self._present.get(entry_id)
        if entry is None or not entry.end_is_due(self._revision.at):
            return None
        return self.retire(entry.alias)

    def purge(self, alias: str, *, force: bool = False) -> Changed:
        """Take the certificate of the retired entry `alias` out of the keystore. See `KeystoreStore.purge`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
        """
        entry = find(self.entries, alias)
        gate: tuple[GateAnswer, ...] = ()
        if self._gates is not None and entry.state_at(self._revision.at) is State.RETIRED:
            gate = (self._gates.before_purging(entry, at=self._revision.at, since=self._retired_since(entry)),)
        changed = purge_entry(self._revision, entry, gate=gate, force=force)
        del self._present[entry.id]
        return changed

    def adjust(self, alias: str, terms: Terms, *, new_alias: str | None = None, force: bool = False) -> Changed:
        """Give the entry `alias` other terms, and perhaps another name. See `KeystoreStore.adjust`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
            AliasInvalid: As there.
        """
        entry = find(self.entries, alias)
        made = replace(_on(entry, terms), alias=entry.alias if new_alias is None else Alias(new_alias))
        changed = adjust_entry(
            self._revision, self.entries, entry, made, gate=self._before_adjusting(entry, made), force=force
        )
        self._keep(changed.entry)
        return changed

    def _before_adjusting(self, entry: StoredEntry, made: StoredEntry) -> tuple[GateAnswer, ...]:
        """The answers about the trust that `made` takes away from `entry`, now or by ending earlier."""
        at, end = self._revision.at, made.trusted_until
        is_earlier = end is not None and (entry.trusted_until is None or end < entry.trusted_until)
        is_over = made.state_at(at) is not State.TRUSTED or (end != entry.trusted_until and made.end_is_due(at))
        if is_over:
            return self._before_retiring(entry, at)
        answers: tuple[GateAnswer, ...] = ()
        if made.endpoints is not None and (entry.endpoints is None or not entry.endpoints <= made.endpoints):
            answers += self._before_retiring(entry, at, kept=made.endpoints)
        if end is not None and is_earlier:
            answers += self._before_retiring(entry, end)
        return answers

    def _before_retiring(
        self, entry: StoredEntry, at: datetime, kept: frozenset[str] | None = frozenset()
    ) -> tuple[GateAnswer, ...]:
        # What is not trusted now, or cannot be read, verifies nothing: no message can be under way that needs it.
        if self._gates is None or entry.certificate is None or entry.state_at(self._revision.at) is not State.TRUSTED:
            return ()
        others = [other for other in self.entries if other.id != entry.id]
        since = self._revision.trusted_since(entry)
        return (self._gates.before_retiring(entry, others, at=at, since=since, kept=kept),)

    def _retired_since(self, entry: StoredEntry) -> datetime:
        """Since when `entry` has been retired; an end that came by itself counts."""
        since = self._revision.states_since().get(entry.id, entry.changed_at)
        return max(since, entry.trusted_until) if entry.trusted_until is not None and entry.ends_by_itself else since

    def _trust(self, entry: StoredEntry, action: Action, *, force: bool) -> Changed:
        changed = trust_entry(self._revision, self.entries, entry, action, force=force)
        self._keep(changed.entry)
        return changed

    def _keep(self, entry: StoredEntry) -> None:
        self._present[entry.id] = entry


def terms_of(entry: StoredEntry) -> Terms:
    """The terms that `entry` has."""
    return Terms(entry.endpoints, entry.trusted_from, entry.trusted_until, frozenset(entry.replaces))


def _on(entry: StoredEntry, terms: Terms) -> StoredEntry:
    return replace(
        entry,
        endpoints=terms.endpoints,
        trusted_from=terms.trusted_from,
        trusted_until=terms.trusted_until,
        ends_by_itself=entry.ends_by_itself and terms.trusted_until == entry.trusted_until,
        replaces=tuple(sorted(terms.replaces)),
    )
