"""The keystore: adding, changing and reading entries."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from cryptography import x509
from sqlalchemy import Engine, select

from keystore.certificate import State, TrustedCertificate
from keystore.errors import Refused
from keystore.identity import Thumbprint
from keystore.snapshot import TrustSnapshot
from keystore.store.change_gates import Gates
from keystore.store.changes import named
from keystore.store.draft import Draft
from keystore.store.gate_questions import Asked, ask_in_turn
from keystore.store.outcome import Added, Changed, HistoryItem, NewCertificate, PastRevision
from keystore.store.past import current_revision, past_revision, read_history, states_since
from keystore.store.revision import new_revision
from keystore.store.scheduled_ends import TAKEN_OVER, DueEnd, ask, take_over_ends
from keystore.store.stored_entry import StoredEntry
from keystore.store.table_definitions import entries, head
from keystore.terms import Terms


class KeystoreStore:
    """The keystore in a database whose tables exist already. Safe to share between threads.

    Every change is one transaction and one revision, with its author (`who`), reason (`why`) and instant (`at`, with a
    time zone); when it raises, nothing has changed. Besides the errors named, every method raises SQLAlchemy's when the
    database cannot be read or written.
    """

    def __init__(self, engine: Engine) -> None:
        """Use the database of `engine`."""
        self._engine = engine
        self._known: dict[tuple[int, int], TrustedCertificate] = {}

    @contextmanager
    def revising(self, *, who: str, why: str, at: datetime, gates: Gates | None = None) -> Iterator[Draft]:
        """Open one revision for several changes: committed at the end of the block, dropped when it raises.

        Args:
            who: Who makes the changes.
            why: For what reason; may be empty.
            at: The instant of the changes.
            gates: What may be held against changes that take trust or certificates away; None asks nothing.

        Raises:
            Refused: `who` is empty.
        """
        with new_revision(self._engine, who=who, why=why, at=at) as revision:
            yield Draft(revision, gates)

    def add(
        self,
        alias: str,
        certificate: x509.Certificate,
        *,
        who: str,
        why: str,
        at: datetime,
        endpoints: Iterable[str] | None = None,
        stage: bool = False,
        force: bool = False,
        trusted_from: datetime | None = None,
        trusted_until: datetime | None = None,
        replaces: Iterable[str] = (),
    ) -> Added:
        """Add `certificate` under `alias`: trusted at once, or staged with `stage`.

        Args:
            alias: The entry's name, unique in whatever case it is spelled.
            certificate: The signer's own certificate.
            who: Who adds it.
            why: For what reason; may be empty.
            at: The instant of the change, which also decides about the validity.
            endpoints: Names of the endpoints that it is meant for; None means every endpoint.
            stage: Make it known, but not trusted yet.
            force: Override the refusals that can be: an expired certificate, a CA's.
            trusted_from: Before this instant it counts as staged.
            trusted_until: When its trust shall end, see `end_due`; where that has passed, it is retired at once.
            replaces: The aliases of the entries whose successor it is.

        Raises:
            AliasInvalid: `alias` is no plain name.
            AliasInUse: Another entry has it.
            AlreadyThere: The same certificate is there already, under whatever alias.
            NotAdmitted: The certificate itself speaks against it.
            Refused: `endpoints` is empty, the trust window is, or `who` is; or it would replace itself.
            UnknownAlias: There is no entry that it could replace.
        """
        return self.add_many(
            [NewCertificate(alias, certificate)],
            who=who,
            why=why,
            at=at,
            endpoints=endpoints,
            stage=stage,
            force=force,
            trusted_from=trusted_from,
            trusted_until=trusted_until,
            replaces=replaces,
        )[0]

    def add_many(
        self,
        certificates: Sequence[NewCertificate],
        *,
        who: str,
        why: str,
        at: datetime,
        endpoints: Iterable[str] | None = None,
        stage: bool = False,
        force: bool = False,
        trusted_from: datetime | None = None,
        trusted_until: datetime | None = None,
        replaces: Iterable[str] = (),
    ) -> tuple[Added, ...]:
        """Add all of `certificates` in one revision, or none of them. See `add`.

        Raises:
            Refused: As `add`, for the first of them that cannot be added; or there are none.
            AliasInvalid: As `add`.
            UnknownAlias: As `add`.
        """
        meant = None if endpoints is None else frozenset(endpoints)
        with self.revising(who=who, why=why, at=at) as draft:
            terms = Terms(meant, trusted_from, trusted_until, draft.thumbprints_of(replaces))
            return draft.add_many(certificates, terms, stage=stage, force=force)

    def trust(self, alias: str, *, who: str, why: str, at: datetime, force: bool = False) -> Changed:
        """Trust the staged entry `alias` from now on.

        Raises:
            UnknownAlias: There is no such entry.
            StateUnchanged: It is not staged.
            NotAdmitted: The certificate itself speaks against it (it may have expired meanwhile).
        """
        with self.revising(who=who, why=why, at=at) as draft:
            return draft.trust(alias, force=force)

    def restore(self, alias: str, *, who: str, why: str, at: datetime, force: bool = False) -> Changed:
        """Trust the retired entry `alias` again.

        Raises:
            UnknownAlias: There is no such entry.
            StateUnchanged: It is not retired.
            NotAdmitted: The certificate itself speaks against it, or it was revoked (which `force` overrides).
        """
        with self.revising(who=who, why=why, at=at) as draft:
            return draft.restore(alias, force=force)

    def retire(
        self,
        alias: str,
        *,
        who: str,
        why: str,
        at: datetime,
        revoked: bool = False,
        gates: Gates | None = None,
        force: bool = False,
    ) -> Changed:
        """Trust the entry `alias` no more, and go on recognising it; with `revoked`, because its key is compromised.

        Raises:
            UnknownAlias: There is no such entry.
            StateUnchanged: It is retired already (a retired entry can still be marked as revoked).
            GateClosed: `gates` hold something against it, and neither `force` nor `revoked` is set.
        """
        with self.revising(who=who, why=why, at=at, gates=gates) as draft:
            return draft.retire(alias, revoked=revoked, force=force)

    def purge(
        self, alias: str, *, who: str, why: str, at: datetime, gates: Gates | None = None, force: bool = False
    ) -> Changed:
        """Take the certificate of the retired entry `alias` out of the keystore: it is not even recognised any more.

        Its history stays, and with it what past revisions held. Alias and certificate are free again.

        Raises:
            UnknownAlias: There is no such entry.
            StateUnchanged: It is not retired, or was revoked: a compromised key is never purged.
            GateClosed: `gates` hold something against it, and `force` is not set.
        """
        with self.revising(who=who, why=why, at=at, gates=gates) as draft:
            return draft.purge(alias, force=force)

    def adjust(
        self,
        alias: str,
        terms: Terms,
        *,
        who: str,
        why: str,
        at: datetime,
        new_alias: str | None = None,
        gates: Gates | None = None,
        force: bool = False,
    ) -> Changed:
        """Give the entry `alias` other terms, and with `new_alias` another name; its state stays.

        Raises:
            UnknownAlias: There is no such entry.
            AliasInvalid: `new_alias` is no plain name.
            AliasInUse: Another entry has it.
            StateUnchanged: The entry has these terms and this name already.
            GateClosed: It takes trust away, `gates` hold something against that, and `force` is not set.
        """
        with self.revising(who=who, why=why, at=at, gates=gates) as draft:
            return draft.adjust(alias, terms, new_alias=new_alias, force=force)

    def end_due(self, at: datetime, gates: Gates, who: str) -> tuple[DueEnd, ...]:
        """Retire every entry whose trust shall have ended by `at`, each in a revision of its own, through the gate.

        Ends from before schema 0005 that are yet to come are changed first, so that they come no more by themselves.

        Where a gate is closed the trust goes on, and the answer says why. To be called time and again by whoever knows
        of the traffic, with gates that see it as it is now.

        Args:
            at: Now.
            gates: What may be held against it.
            who: Who carries it out, for the history.
        """
        present = self.entries()
        if any(entry.will_end_by_itself(at) for entry in present):
            with new_revision(self._engine, who=who, why=TAKEN_OVER, at=at) as revision:
                take_over_ends(revision)
        ended = [self._end(entry, at, gates, who) for entry in present if entry.end_is_due(at)]
        return tuple(end for end in ended if end is not None)

    def _end(self, entry: StoredEntry, at: datetime, gates: Gates, who: str) -> DueEnd | None:
        why = f"its trust was to end at {entry.trusted_until:%Y-%m-%d %H:%M:%S}Z"
        try:
            with self.revising(who=who, why=why, at=at, gates=gates) as draft:
                changed = draft.end_due(entry.id)
        except Refused as refusal:
            return DueEnd(entry, None, refusal)
        return None if changed is None else DueEnd(changed.entry, changed, None)

    def due_ends(self, at: datetime, gates: Gates) -> tuple[DueEnd, ...]:
        """Every entry whose trust shall have ended by `at` and goes on, with what the gates hold against its end."""
        present = self.entries()
        with self._engine.connect() as connection:
            return tuple(ask(connection, present, at=at, gates=gates))

    def before_retiring(self, thumbprints: Sequence[Thumbprint], *, at: datetime, gates: Gates) -> tuple[Asked, ...]:
        """What the gates hold against retiring the certificates one after the other, those that are trusted still.

        Nothing is changed. Each is asked about as if those before it were retired already.
        """
        present = self.entries()
        with self._engine.connect() as connection:
            return tuple(ask_in_turn(connection, present, thumbprints, at=at, gates=gates))

    def entries(self) -> tuple[StoredEntry, ...]:
        """Every entry that is not purged, in the order of adding; those that are damaged say so in `problem`."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(entries).where(entries.c.state != State.PURGED).order_by(entries.c.id)
            ).mappings()
            return tuple(StoredEntry.from_row(row) for row in rows)

    def get(self, alias: str) -> StoredEntry:
        """The entry `alias`, in whatever case it is spelled.

        Raises:
            UnknownAlias: There is no such entry; the message names those that there are.
        """
        return named(self.entries(), alias)

    def history(self, alias: str | None = None) -> tuple[HistoryItem, ...]:
        """Every change, oldest first; with `alias` those of that entry, also after it was purged."""
        with self._engine.connect() as connection:
            return tuple(read_history(connection, alias))

    def revision(self) -> int:
        """The number of the newest revision, 0 before the first change: one row by its primary key."""
        with self._engine.connect() as connection:
            return current_revision(connection)

    def snapshot(self) -> TrustSnapshot:
        """The newest revision, to verify against. Entries unchanged since the last call are not decoded again.

        Damaged entries are left out; `entries` reports them.
        """
        with self._engine.connect() as connection:
            # One statement, so that entries and revision belong together at any isolation level.
            query = select(head.c.revision.label("head_revision"), entries).outerjoin_from(
                head, entries, entries.c.state != State.PURGED
            )
            rows = connection.execute(query.where(head.c.id == 1).order_by(entries.c.id)).mappings().all()
        known: dict[tuple[int, int], TrustedCertificate] = {}
        for row in rows:
            if row["id"] is None:
                continue
            key = row["id"], row["revision"]
            trusted = self._known.get(key) or StoredEntry.from_row(row).trusted()
            if trusted is not None:
                known[key] = trusted
        self._known = known
        return TrustSnapshot(tuple(known.values()), rows[0]["head_revision"] if rows else 0)

    def states_since(self) -> dict[int, datetime]:
        """Since when each entry has been in its stored state, by the entry's id; purged ones included."""
        with self._engine.connect() as connection:
            return states_since(connection)

    def purged(self) -> dict[Thumbprint, datetime]:
        """When each certificate that is gone was purged last."""
        with self._engine.connect() as connection:
            since = states_since(connection)
            rows = connection.execute(
                select(entries.c.id, entries.c.thumbprint).where(entries.c.state == State.PURGED).order_by(entries.c.id)
            )
            return {Thumbprint(thumbprint): since[row_id] for row_id, thumbprint in rows}

    def past(self, when: int | datetime) -> PastRevision:
        """The revision of that number, or the one in force at that instant (with a time zone).

        Raises:
            UnknownRevision: There is no revision of that number.
        """
        with self._engine.connect() as connection:
            return past_revision(connection, when)

    def snapshot_at(self, when: int | datetime) -> TrustSnapshot:
        """What that revision trusted. See `past`.

        Raises:
            UnknownRevision: There is no revision of that number.
        """
        past = self.past(when)
        found = [entry.trusted() for entry in past.entries]
        return TrustSnapshot([trusted for trusted in found if trusted is not None], past.number)

    def certificate(self, thumbprint: str, revision: int) -> TrustedCertificate | None:
        """The certificate of that thumbprint, with its entry as it is now, or else as `revision` had it.

        None where neither has it, or the stored bytes are damaged.
        """
        entries = self.entries()
        if 0 <= revision <= self.revision():
            entries += self.past(revision).entries
        for entry in entries:
            if entry.thumbprint == thumbprint and (trusted := entry.trusted()) is not None:
                return trusted
        return None
