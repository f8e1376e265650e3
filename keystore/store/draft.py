"""A revision in the making: several changes, made one after the other, that become one revision or nothing."""

from collections.abc import Sequence
from dataclasses import replace

from keystore.certificate import State, TrustedCertificate
from keystore.errors import NotAdmitted, Refused, StateUnchanged
from keystore.identity import Alias
from keystore.store.changes import add_entry, find, retire_entry, trust_entry
from keystore.store.entry import StoredEntry
from keystore.store.outcome import Action, Added, Changed, NewCertificate
from keystore.store.revision import Revision
from keystore.store.terms import Terms


class Draft:
    """Changes to the entries as they are inside an open revision; each one sees what those before it did."""

    def __init__(self, revision: Revision) -> None:
        """Work on the entries of `revision`."""
        self._revision = revision
        self._present = {entry.id: entry for entry in revision.present()}

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
        added = []
        for new in certificates:
            entry = TrustedCertificate(
                alias=Alias(new.alias),
                certificate=new.certificate,
                state=State.STAGED if stage else State.TRUSTED,
                endpoints=terms.endpoints,
                trusted_from=terms.trusted_from,
                trusted_until=terms.trusted_until,
            )
            added.append(add_entry(self._revision, self.entries, entry, force=force))
            self._keep(added[-1].entry)
        return tuple(added)

    def trust(self, alias: str, *, force: bool = False) -> Changed:
        """Trust the staged entry `alias`. See `KeystoreStore.trust`.

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
        return self._trust(replace(entry, trusted_from=None), Action.TRUSTED, force=force)

    def restore(self, alias: str, *, force: bool = False) -> Changed:
        """Trust the retired entry `alias` again. See `KeystoreStore.restore`.

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
        return self._trust(replace(entry, revoked=False, trusted_until=None), Action.RESTORED, force=force)

    def retire(self, alias: str, *, revoked: bool = False) -> Changed:
        """Trust the entry `alias` no more. See `KeystoreStore.retire`.

        Raises:
            UnknownAlias: As there.
            Refused: As there.
        """
        entry = find(self.entries, alias)
        if entry.state is State.RETIRED and (entry.revoked or not revoked):
            raise StateUnchanged(f"{entry.alias} is already {entry.note or 'retired'}: nothing to do")
        changed = retire_entry(self._revision, self.entries, entry, revoked=revoked)
        self._keep(changed.entry)
        return changed

    def _trust(self, entry: StoredEntry, action: Action, *, force: bool) -> Changed:
        changed = trust_entry(self._revision, self.entries, entry, action, force=force)
        self._keep(changed.entry)
        return changed

    def _keep(self, entry: StoredEntry) -> None:
        self._present[entry.id] = entry
