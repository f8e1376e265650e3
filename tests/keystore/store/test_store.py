"""The keystore in a database."""

import threading
from datetime import timedelta

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, event, text, update
from sqlalchemy.exc import DatabaseError

from keystore import (
    NO_HINT,
    AliasInUse,
    AliasInvalid,
    AlreadyThere,
    NotAdmitted,
    Refused,
    State,
    StateUnchanged,
    UnknownAlias,
    UnknownRevision,
)
from keystore.store import CHANGES_CHANNEL, KeystoreStore, NewCertificate, keystore_tables
from keystore.store.outcome import Action
from keystore.store.table_definitions import entries
from tests.databases import on_postgresql, on_sqlite, refuse
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, HOUR, later


def test_an_empty_keystore_is_revision_zero(store: KeystoreStore) -> None:
    assert store.revision() == 0
    assert store.entries() == ()
    assert store.history() == ()
    for snapshot in (store.snapshot(), store.snapshot_at(0), store.snapshot_at(NOON)):
        assert (snapshot.entries, snapshot.revision) == ((), 0)


def test_an_added_certificate_is_trusted_and_comes_back_whole(store: KeystoreStore) -> None:
    certificate = issue("acme")
    added = store.add(
        "acme-2026",
        certificate,
        **BY,
        endpoints=["orders", "invoices"],
        trusted_from=NOON - HOUR,
        trusted_until=NOON + HOUR,
    )
    assert (added.revision, added.warnings) == (1, ())
    assert store.entries() == (added.entry,)
    found = store.get("ACME-2026")
    assert found == added.entry
    assert (found.added_by, found.added_at, found.changed_at, found.revision) == ("eva", NOON, NOON, 1)
    assert found.note == "added 2026-06-01 by eva: ticket 7"
    (trusted,) = store.snapshot().entries
    assert trusted == found.trusted()
    assert (trusted.alias, trusted.certificate, trusted.state) == ("acme-2026", certificate, State.TRUSTED)
    assert trusted.endpoints == frozenset({"orders", "invoices"})
    assert (trusted.trusted_from, found.trusted_until) == (NOON - HOUR, NOON + HOUR)
    assert trusted.trusted_until is None, "its trust does not end by itself"
    assert found.state_at(NOON) is State.TRUSTED
    assert found.state_at(NOON + HOUR) is State.TRUSTED
    assert [c.key_id for c in store.snapshot().candidates(NO_HINT, NOON)] == [trusted.key_id]


def test_a_staged_certificate_becomes_trusted_retired_revoked_and_restored(store: KeystoreStore) -> None:
    store.add("other", issue("other"), **BY)
    store.add("acme", issue("acme"), **BY, stage=True)
    assert store.get("acme").note == "staged 2026-06-01 by eva: ticket 7"
    with pytest.raises(StateUnchanged, match="staged and was not retired: trust it instead"):
        store.restore("acme", **BY)
    assert store.trust("Acme", **later(1)).entry.state is State.TRUSTED
    with pytest.raises(StateUnchanged, match="trusted already"):
        store.trust("acme", **BY)
    with pytest.raises(StateUnchanged, match="trusted already"):
        store.restore("acme", **BY)
    retired = store.retire("acme", **later(2))
    assert (retired.entry.state, retired.still_trusted_through, retired.warnings) == (State.RETIRED, (), ())
    assert retired.entry.note == "retired 2026-06-01 by bo"
    with pytest.raises(StateUnchanged, match="acme is already retired 2026-06-01 by bo: nothing to do"):
        store.retire("acme", **BY)
    with pytest.raises(StateUnchanged, match="is retired: restore it"):
        store.trust("acme", **BY)
    assert store.restore("acme", **later(3)).entry.state is State.TRUSTED
    store.retire("acme", **later(4))
    revoked = store.retire("acme", **later(5), revoked=True)
    assert revoked.entry.revoked
    (trusted,) = [e for e in store.snapshot().entries if e.alias == "acme"]
    assert trusted.revoked
    with pytest.raises(StateUnchanged, match="already revoked"):
        store.retire("acme", **BY, revoked=True)
    with pytest.raises(NotAdmitted, match="its key is compromised"):
        store.restore("acme", **BY)
    assert not store.restore("acme", **later(6), force=True).entry.revoked
    assert [(h.revision, h.action, h.who, h.why) for h in store.history("ACME")] == [
        (2, Action.STAGED, "eva", "ticket 7"),
        (3, Action.TRUSTED, "bo", ""),
        (4, Action.RETIRED, "bo", ""),
        (5, Action.RESTORED, "bo", ""),
        (6, Action.RETIRED, "bo", ""),
        (7, Action.REVOKED, "bo", ""),
        (8, Action.RESTORED, "bo", ""),
    ]
    assert len(store.history()) == 8
    assert store.revision() == 8, "a refused change leaves no revision"


def test_the_trust_window_counts_as_a_state_and_a_change_ends_it(store: KeystoreStore) -> None:
    store.add("later", issue("later"), **BY, trusted_from=NOON + HOUR)
    store.add("over", issue("over"), **BY, trusted_until=NOON)
    assert store.trust("later", **BY).entry.state_at(NOON) is State.TRUSTED
    assert store.restore("over", **BY).entry.state_at(NOON) is State.TRUSTED
    assert store.retire("over", **BY).entry.state is State.RETIRED


def test_retiring_names_what_stays_trusted(store: KeystoreStore) -> None:
    store.add("acme-2024", issue("acme", serial=1), **BY)
    (warning,) = store.add("acme-2026", issue("acme", serial=2), **BY).warnings
    assert "same public key as acme-2024 (trusted)" in warning
    first = store.retire("acme-2024", **BY)
    assert first.still_trusted_through == ("acme-2026",)
    assert "the same public key stays trusted through acme-2026" in first.warnings[0]
    last = store.retire("acme-2026", **BY)
    assert last.still_trusted_through == ()
    assert last.warnings == ("no trusted certificate is left: every message will be rejected",)


EXPIRED = issue("expired", not_after=NOON - HOUR)


@pytest.mark.parametrize(
    ("alias", "certificate", "error", "sentence"),
    [
        ("new", issue("acme"), AlreadyThere, r"in the keystore already, as acme \(trusted\): nothing to do"),
        ("staged", issue("coming"), AlreadyThere, r"as coming \(staged\): trust it instead"),
        ("acme", issue("gone"), AlreadyThere, r"as gone \(retired\): restore it"),
        ("ACME", issue("new"), AliasInUse, "the alias acme is in use for another certificate"),
        ("gone", issue("new"), AliasInUse, "the alias gone is in use"),
        ("a b", issue("new"), AliasInvalid, "cannot be an alias"),
        ("old", EXPIRED, NotAdmitted, "old is not admitted: it expired on 2026-06-01"),
        ("curve", issue("c", key="secp256k1"), NotAdmitted, "on the curve secp256k1"),
    ],
)
def test_a_refusal_says_why_and_leaves_nothing(
    store: KeystoreStore, alias: str, certificate: x509.Certificate, error: type[Exception], sentence: str
) -> None:
    store.add("acme", issue("acme"), **BY)
    store.add("coming", issue("coming"), **BY, stage=True)
    store.add("gone", issue("gone"), **BY)
    store.retire("gone", **BY)
    before = store.entries(), store.history(), store.revision()
    with pytest.raises(error, match=sentence):
        store.add(alias, certificate, **BY)
    with pytest.raises(error, match=sentence):
        store.add_many([NewCertificate("fine", issue("fine")), NewCertificate(alias, certificate)], **BY)
    assert (store.entries(), store.history(), store.revision()) == before


def test_force_admits_what_may_be_forced_and_says_it(store: KeystoreStore) -> None:
    (warning,) = store.add("old", EXPIRED, **BY, force=True).warnings
    assert "it expired on" in warning
    with pytest.raises(NotAdmitted):
        store.add("curve", issue("c", key="secp256k1"), **BY, force=True)
    store.retire("old", **BY)
    with pytest.raises(NotAdmitted, match="it expired on"):
        store.restore("old", **BY)
    assert store.restore("old", **BY, force=True).entry.state is State.TRUSTED


def test_many_are_added_in_one_revision(store: KeystoreStore) -> None:
    added = store.add_many([NewCertificate(a, issue(a)) for a in ("one", "two")], **BY)
    assert [(a.entry.alias, a.revision) for a in added] == [("one", 1), ("two", 1)]
    with pytest.raises(AlreadyThere, match="as three"):
        store.add_many([NewCertificate("three", issue("three")), NewCertificate("four", issue("three"))], **BY)
    with pytest.raises(AliasInUse, match="the alias three is in use"):
        store.add_many([NewCertificate("three", issue("three")), NewCertificate("Three", issue("four"))], **BY)
    assert [e.alias for e in store.entries()] == ["one", "two"]


def test_a_change_that_makes_no_sense_is_refused(store: KeystoreStore) -> None:
    with pytest.raises(Refused, match="no certificate to add"):
        store.add_many([], **BY)
    with pytest.raises(Refused, match="no endpoint is named"):
        store.add("acme", issue("acme"), **BY, endpoints=[])
    with pytest.raises(Refused, match="would end before it begins"):
        store.add("acme", issue("acme"), **BY, trusted_from=NOON, trusted_until=NOON)
    with pytest.raises(Refused, match="nobody is named as the author"):
        store.add("acme", issue("acme"), who=" \n", why="x", at=NOON)
    with pytest.raises(ValueError, match="has no time zone"):
        store.add("acme", issue("acme"), who="eva", why="x", at=NOON.replace(tzinfo=None))
    assert store.revision() == 0


def test_an_unknown_alias_names_the_known_ones(store: KeystoreStore) -> None:
    with pytest.raises(UnknownAlias, match="there is no entry 'acme' in the keystore; there are: none yet"):
        store.get("acme")
    store.add_many([NewCertificate(f"e{i}", issue(f"e{i}")) for i in range(12)], **BY)
    with pytest.raises(UnknownAlias, match=r"there are: e0, e1, .*, e9 and 2 more"):
        store.retire("acme", **BY)


def test_who_and_why_are_one_line_of_bounded_length(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), who="eva\x1b[31m\n", why="line\nbreak " + "x" * 1000, at=NOON)
    (item,) = store.history()
    assert item.who == "eva [31m"
    assert item.why.startswith("line break x")
    assert len(item.why) == 500


def test_every_past_revision_can_be_read_back(store: KeystoreStore) -> None:
    seen = [store.snapshot()]
    store.add("acme-2024", issue("old"), **later(0))
    seen.append(store.snapshot())
    store.add("acme-2026", issue("new"), **later(1), endpoints=["orders"], stage=True)
    seen.append(store.snapshot())
    store.trust("acme-2026", **later(2))
    seen.append(store.snapshot())
    store.retire("acme-2024", **later(3))
    seen.append(store.snapshot())
    for number, then in enumerate(seen):
        again = store.snapshot_at(number)
        assert (again.entries, again.revision) == (then.entries, number) == (again.entries, then.revision)
        at = NOON + (number - 1) * HOUR
        assert store.snapshot_at(at).entries == then.entries
        assert store.snapshot_at(at + HOUR - timedelta(microseconds=1)).revision == number
    for number in (-1, 5):
        with pytest.raises(UnknownRevision, match=f"no revision {number}: the newest one is 4"):
            store.snapshot_at(number)
    with pytest.raises(ValueError, match="has no time zone"):
        store.snapshot_at(NOON.replace(tzinfo=None))


def test_entries_that_did_not_change_are_not_decoded_again(store: KeystoreStore) -> None:
    store.add("acme-2024", issue("old"), **BY)
    (before,) = store.snapshot().entries
    store.add("acme-2026", issue("new"), **BY)
    assert store.snapshot().entries[0] is before
    store.retire("acme-2024", **BY)
    assert store.snapshot().entries[0].state is State.RETIRED


@pytest.mark.parametrize(
    ("damage", "problem", "changeable"),
    [
        ({"certificate": b"rubbish"}, "its certificate in the database is damaged", True),
        ({"certificate": issue("other").public_bytes(Encoding.DER)}, "not the one", True),
        ({"state": "holy"}, "is damaged: restore it from a backup", False),
        ({"alias": "a b"}, "is damaged: restore it from a backup", False),
        ({"endpoints": "{"}, "is damaged: restore it from a backup", False),
        ({"trusted_from": 2**62}, "is damaged: restore it from a backup", False),
    ],
)
def test_a_damaged_entry_takes_no_other_down(
    store: KeystoreStore, engine: Engine, damage: dict[str, object], problem: str, changeable: bool
) -> None:
    store.add("bad", issue("bad"), **BY)
    store.add("good", issue("good"), **BY)
    with engine.begin() as connection:
        connection.execute(update(entries).where(entries.c.alias == "bad").values(damage))
    fresh = KeystoreStore(engine)
    assert [e.alias for e in fresh.snapshot().entries] == ["good"]
    bad, good = fresh.entries()
    assert good.problem is None
    assert problem in str(bad.problem)
    assert (bad.certificate, bad.trusted()) == (None, None)
    assert bad.state_at(NOON) is bad.state
    fresh.add("more", issue("more"), **BY)
    if changeable:
        assert fresh.retire("bad", **BY).entry.state is State.RETIRED
        with pytest.raises(NotAdmitted, match="bad cannot be trusted: its certificate in the database"):
            fresh.restore("bad", **BY)
    else:
        assert bad.alias == "damaged-1"
        with pytest.raises(StateUnchanged, match="damaged-1 cannot be changed: row 1"):
            fresh.retire("damaged-1", **BY)
    assert [e.alias for e in fresh.snapshot_at(2).entries] == ["bad", "good"], "the history is not damaged"


def test_a_purged_entry_is_gone_and_its_history_stays(store: KeystoreStore, engine: Engine) -> None:
    store.add("acme", issue("acme"), **BY)
    with engine.begin() as connection:
        connection.execute(update(entries).values(state="purged", certificate=None))
    assert store.entries() == ()
    assert store.snapshot().entries == ()
    assert store.snapshot().revision == 1
    assert [item.action for item in store.history("acme")] == [Action.ADDED]
    again = store.add("acme", issue("acme"), **BY)
    assert store.entries() == (again.entry,), "alias and certificate are free again"


def test_a_crash_in_the_middle_leaves_nothing(store: KeystoreStore, engine: Engine) -> None:
    store.add("acme", issue("acme"), **BY)
    before = store.entries(), store.history(), store.revision()
    with engine.begin() as connection:
        refuse(connection, "INSERT ON keystore_history", "crash", when="NEW.alias IN ('two', 'acme')")
    with pytest.raises(DatabaseError, match="crash"):
        store.add_many([NewCertificate(a, issue(a)) for a in ("one", "two")], **BY)
    with pytest.raises(DatabaseError, match="crash"):
        store.retire("acme", **BY)
    assert (store.entries(), store.history(), store.revision()) == before


@pytest.mark.parametrize("table", ["keystore_history", "keystore_revisions"])
def test_history_is_append_only(store: KeystoreStore, engine: Engine, table: str) -> None:
    store.add("acme", issue("acme"), **BY)
    for statement in (f"UPDATE {table} SET revision = 9", f"DELETE FROM {table}"):  # noqa: S608 - the names above
        with pytest.raises(DatabaseError, match="is append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    assert len(store.history()) == 1


def test_writers_at_once_make_one_consistent_history(store: KeystoreStore) -> None:
    def work(name: str) -> None:
        try:
            for number in range(5):
                store.add(f"{name}-{number}", issue(f"{name}-{number}"), **BY)
                store.retire(f"{name}-{number}", **BY)
        except Exception as error:  # noqa: BLE001 - a thread must hand its failure over
            failures.append(error)

    failures: list[Exception] = []
    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        snapshot = store.snapshot()
        assert snapshot.entries == store.snapshot_at(snapshot.revision).entries, "a reader sees whole revisions"
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.revision() == 40
    assert [item.revision for item in store.history()] == list(range(1, 41))
    assert len(store.entries()) == 20


def test_of_two_writers_that_add_the_same_certificate_one_is_told(store: KeystoreStore) -> None:
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def work(alias: str) -> None:
        barrier.wait(10)
        try:
            store.add(alias, issue("acme"), **BY)
            outcomes.append("added")
        except AlreadyThere:
            outcomes.append("already there")

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["added", "already there", "already there", "already there"]
    assert len(store.entries()) == 1


@on_sqlite
def test_asking_for_the_revision_is_one_query(store: KeystoreStore, engine: Engine) -> None:
    store.add("acme", issue("acme"), **BY)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert store.revision() == 1
    (statement,) = statements
    with engine.connect() as connection:
        (plan,) = connection.execute(text(f"EXPLAIN QUERY PLAN {statement}".replace("?", "1"))).all()
    assert "INTEGER PRIMARY KEY" in plan[-1]


def test_a_database_without_tables_is_an_error_of_the_environment(engine: Engine) -> None:
    keystore_tables.drop_all(engine)
    with pytest.raises(DatabaseError, match=r"no such table|does not exist"):
        KeystoreStore(engine).revision()


@on_postgresql
def test_each_revision_is_announced_when_it_is_committed_and_no_other_is(store: KeystoreStore, engine: Engine) -> None:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANGES_CHANNEL}")
        store.add("acme", issue("acme"), **BY)
        with pytest.raises(AliasInUse):
            store.add("acme", issue("other"), **BY)
        store.retire("acme", **BY)
        assert [notice.payload for notice in listener.notifies(timeout=5, stop_after=2)] == ["1", "2"]
        assert list(listener.notifies(timeout=0.1)) == []


@pytest.mark.parametrize(
    ("wanted", "widen"),
    [
        (frozenset({"orders"}), "--endpoint invoices --endpoint orders"),
        (frozenset({"invoices", "orders"}), "--endpoint invoices --endpoint orders"),
        (None, "--all-endpoints"),
    ],
)
def test_a_certificate_that_is_there_for_fewer_endpoints_is_not_all_done(
    store: KeystoreStore, wanted: frozenset[str] | None, widen: str
) -> None:
    store.add("acme", issue("acme"), endpoints={"invoices"}, **BY)
    sentence = rf"as acme \(trusted\), for invoices alone: keystore set acme {widen} lets it count for more"
    with pytest.raises(AlreadyThere, match=sentence):
        store.add("new", issue("acme"), endpoints=wanted, **BY)
    with pytest.raises(AlreadyThere, match="nothing to do"):
        store.add("new", issue("acme"), endpoints={"invoices"}, **BY)
