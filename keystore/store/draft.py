"""A revision in the making: several changes, made one after the other, that become one revision or nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from keystore.certificate import State, TrustedCertificate
from keystore.errors import Blocker, NotAdmitted, Refused, StateUnchanged
from keystore.identity import Alias
from keystore.store.change_gates import Gates
from keystore.store.changes import add_entry, adjust_entry, find, purge_entry, retire_entry, trust_entry
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

    def drop(self) -> None:
        """Let nothing of this revision stay: it was only to see what it would do."""
        self._revision.dropped = True

    @property
    def entries(self) -> tuple[StoredEntry, ...]:
        """Every entry that is not purged, as it is after the changes so far."""
        return tuple(self._present.values())

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

        Raises:
            Refused: As `KeystoreStore.add`.
            AliasInvalid: As there.
        """
        entry = TrustedCertificate(
            alias=Alias(new.alias),
            certificate=new.certificate,
            state=state,
            endpoints=terms.endpoints,
            trusted_from=terms.trusted_from,
            trusted_until=terms.trusted_until,
            revoked=revoked,
        )
        added = add_entry(self._revision, self.entries, entry, force=force)
        self._keep(added.entry)
        return added

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
            _on(entry, terms or Terms(entry.endpoints, None, entry.trusted_until)), Action.TRUSTED, force=force
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
            _on(entry, terms or Terms(entry.endpoints, entry.trusted_from)), Action.RESTORED, force=force
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
        blockers = self._before_retiring(entry, self._revision.at)
        changed = retire_entry(self._revision, self.entries, entry, revoked=revoked, blockers=blockers, force=force)
        self._keep(changed.entry)
        return changed

    def purge(self, alias: str, *, force: bool = False) -> Changed:
        """Take the certificate of the retired entry `alias` out of the keystore. See `KeystoreStore.purge`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
        """
        entry = find(self.entries, alias)
        blockers: tuple[Blocker, ...] = ()
        if self._gates is not None and entry.state_at(self._revision.at) is State.RETIRED:
            blockers = self._gates.before_purging(entry, at=self._revision.at, since=self._since(entry))
        changed = purge_entry(self._revision, entry, blockers=blockers, force=force)
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
            self._revision, self.entries, entry, made, blockers=self._before_adjusting(entry, made), force=force
        )
        self._keep(changed.entry)
        return changed

    def _before_adjusting(self, entry: StoredEntry, made: StoredEntry) -> tuple[Blocker, ...]:
        """What speaks against the trust that `made` takes away from `entry`, now or by ending earlier."""
        at = self._revision.at
        if made.state_at(at) is not State.TRUSTED:
            return self._before_retiring(entry, at)
        blockers = self._before_retiring(entry, at, kept=made.endpoints)
        end = made.trusted_until
        if end is not None and (entry.trusted_until is None or end < entry.trusted_until):
            blockers += self._before_retiring(entry, end)
        return blockers

    def _before_retiring(
        self, entry: StoredEntry, at: datetime, kept: frozenset[str] | None = frozenset()
    ) -> tuple[Blocker, ...]:
        # What is not trusted now, or cannot be read, verifies nothing: no message can be under way that needs it.
        if self._gates is None or entry.certificate is None or entry.state_at(self._revision.at) is not State.TRUSTED:
            return ()
        others = [other for other in self.entries if other.id != entry.id]
        return self._gates.before_retiring(entry, others, at=at, since=self._since(entry), kept=kept)

    def _since(self, entry: StoredEntry) -> datetime:
        """Since when `entry` has been in its present state; a trust window that began or ended counts."""
        since = self._revision.states_since().get(entry.id, entry.changed_at)
        edges = (entry.trusted_from, entry.trusted_until)
        return max([since, *(edge for edge in edges if edge is not None and edge <= self._revision.at)])

    def _trust(self, entry: StoredEntry, action: Action, *, force: bool) -> Changed:
        changed = trust_entry(self._revision, self.entries, entry, action, force=force)
        self._keep(changed.entry)
        return changed

    def _keep(self, entry: StoredEntry) -> None:
        self._present[entry.id] = entry


def _on(entry: StoredEntry, terms: Terms) -> StoredEntry:
    return replace(entry, endpoints=terms.endpoints, trusted_from=terms.trusted_from, trusted_until=terms.trusted_until)
