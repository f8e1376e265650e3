from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from keystore import Alias
from keystore.hash_chain import CHAIN_START
from keystore.store import (
    HistoryAnchor,
    HistoryReport,
    HistoryState,
    KeystoreStore,
    NewCertificate,
    find_history_anchors,
    history_anchor,
    verify_history,
)
from keystore.store.revision_chain import seal
from tests.databases import on_sqlite
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY, later

FORGED = "f" * 64


@pytest.fixture
def changed(store: KeystoreStore) -> KeystoreStore:
    """Five revisions: two entries in one, a third, a retirement by force, a name, a purge."""
    store.add_many([NewCertificate("old", issue("old")), NewCertificate("new", issue("new"))], **BY)
    store.add("gone", issue("gone"), **later(1))
    store.retire("old", **later(2))
    store.retire("gone", **later(3))
    store.purge("gone", **later(4))
    return store


def _verify(
    engine: Engine, *anchors: HistoryAnchor, seen_revision: int = 0, relied_on: Iterable[tuple[int, str]] = ()
) -> HistoryReport:
    with engine.connect() as connection:
        return verify_history(connection, anchors, seen_revision=seen_revision, relied_on=relied_on)


def _anchor(engine: Engine) -> HistoryAnchor:
    """The anchor, as somebody reads it in a log."""
    with engine.connect() as connection:
        (found,) = find_history_anchors(f'[info] anchor anchor="{history_anchor(connection)}" instance=host:1')
    return found


@contextmanager
def _unprotected(engine: Engine) -> Iterator[Connection]:
    """The database as somebody has it who may do anything: without triggers and references between tables."""
    with engine.begin() as connection:
        is_postgresql = connection.dialect.name == "postgresql"
        for table in ("keystore_history", "keystore_revisions", "keystore_chain"):
            for change in ("update", "delete"):
                of_table = f" ON {table}" if is_postgresql else ""
                connection.execute(text(f"DROP TRIGGER {table}_refuses_{change}{of_table}"))
        if is_postgresql:  # SQLite keeps no references unless it is asked to
            for table in ("keystore_history", "keystore_chain", "keystore_entries"):
                connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {table}_revision_fkey"))
        yield connection


def _tamper(engine: Engine, *statements: str) -> None:
    with _unprotected(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_keystore_without_changes_is_intact(engine: Engine) -> None:
    report = _verify(engine)
    assert (report.state, report.revisions, report.revision) == (HistoryState.INTACT, 0, None)
    with engine.connect() as connection:
        assert history_anchor(connection) is None


def test_what_was_changed_through_the_store_is_intact(changed: KeystoreStore, engine: Engine) -> None:
    report = _verify(engine, _anchor(engine), seen_revision=5)
    assert (report.state, report.revisions, report.revision) == (HistoryState.INTACT, 5, None)
    assert (_anchor(engine).revision, _anchor(engine).time) == (5, later(4)["at"])


def test_what_came_to_nothing_leaves_no_link(changed: KeystoreStore, engine: Engine) -> None:
    before = _anchor(engine)
    with changed.revising(**BY) as draft:
        draft.retire("new")
        draft.drop()
    assert _anchor(engine) == before
    changed.retire("new", **later(5))
    assert (_verify(engine, before).state, _anchor(engine).revision) == (HistoryState.INTACT, 6)


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ("keystore_revisions SET who = 'mallory' WHERE revision = 1", 1),
        ("keystore_revisions SET why = 'ticket 8' WHERE revision = 1", 1),
        ("keystore_revisions SET time = time + 1 WHERE revision = 3", 3),
        ("keystore_history SET action = 'added' WHERE revision = 3", 3),
        ("keystore_history SET alias = 'other' WHERE revision = 2", 2),
        ("keystore_history SET thumbprint = '' WHERE revision = 2", 2),
        ("keystore_history SET entry = replace(entry, 'bo', 'eva') WHERE revision = 3", 3),
        ("keystore_history SET entry_id = 2 WHERE revision = 3", 3),
        ("keystore_history SET overrode = 'nothing' WHERE revision = 3", 3),
        ("keystore_history SET gate = '{}' WHERE revision = 3", 3),
        ("keystore_history SET revision = 2 WHERE revision = 1 AND alias = 'new'", 1),
        ("keystore_history SET id = 90 WHERE revision = 1 AND alias = 'old'", 1),
        (f"keystore_chain SET hash = '{FORGED}' WHERE revision = 4", 4),
        ("keystore_chain SET hash = 'no hash' WHERE revision = 4", 4),
        (f"keystore_head SET hash = '{FORGED}'", 5),
        ("keystore_head SET revision = 4", 5),
    ],
)
def test_an_altered_history_is_found(changed: KeystoreStore, engine: Engine, change: str, at: int) -> None:
    _tamper(engine, f"UPDATE {change}")
    report = _verify(engine)
    assert (report.state, report.revision) == (HistoryState.ALTERED, at)
    assert report.revisions == (at if "head" in change else at - 1)


@on_sqlite
def test_values_of_another_type_are_found(changed: KeystoreStore, engine: Engine) -> None:
    _tamper(engine, "UPDATE keystore_revisions SET why = x'00' WHERE revision = 2")
    assert (_verify(engine).state, _verify(engine).revision) == (HistoryState.ALTERED, 2)


@pytest.mark.parametrize(
    ("statements", "state", "at"),
    [
        (("DELETE FROM keystore_revisions WHERE revision = 1",), HistoryState.MISSING, 1),
        (("DELETE FROM keystore_revisions WHERE revision IN (3, 4)",), HistoryState.MISSING, 3),
        (("DELETE FROM keystore_chain WHERE revision = 5",), HistoryState.MISSING, 5),
        (("DELETE FROM keystore_history WHERE revision = 3",), HistoryState.ALTERED, 3),
        (("DELETE FROM keystore_history WHERE alias = 'new'",), HistoryState.ALTERED, 1),
        (("DELETE FROM keystore_revisions WHERE revision = 5",), HistoryState.TRUNCATED, 5),
        (("DELETE FROM keystore_revisions",), HistoryState.TRUNCATED, 1),
        (("DELETE FROM keystore_head",), HistoryState.ALTERED, 5),
    ],
)
def test_what_was_taken_out_is_missed(
    changed: KeystoreStore, engine: Engine, statements: tuple[str, ...], state: HistoryState, at: int
) -> None:
    _tamper(engine, *statements)
    assert (_verify(engine).state, _verify(engine).revision) == (state, at)


def test_an_invented_revision_is_found(changed: KeystoreStore, engine: Engine) -> None:
    _tamper(
        engine,
        "INSERT INTO keystore_revisions SELECT 6, time, who, why FROM keystore_revisions WHERE revision = 5",
        "UPDATE keystore_head SET revision = 6",
    )
    assert (_verify(engine).state, _verify(engine).revision) == (HistoryState.MISSING, 6)


CUT = (
    "DELETE FROM keystore_history WHERE revision > 3",
    "DELETE FROM keystore_chain WHERE revision > 3",
    "DELETE FROM keystore_revisions WHERE revision > 3",
    "UPDATE keystore_head SET revision = 3, hash = (SELECT hash FROM keystore_chain WHERE revision = 3)",
)


def _cut(store: KeystoreStore, engine: Engine) -> None:
    """Take the last two revisions out so that nothing in the database tells: the entry is as it was before, too."""
    was = next(item.entry for item in store.history("gone") if item.revision == 2)
    with _unprotected(engine) as connection:
        for statement in CUT:
            connection.execute(text(statement))
        again = text(
            "UPDATE keystore_entries SET state = 'trusted', certificate = :der, note = :note, changed_at = added_at, "
            "revision = 2 WHERE alias = 'gone'"
        )
        connection.execute(again, {"der": was.der, "note": was.note})


def test_a_history_that_was_cut_short_together_with_its_head_differs_from_its_anchor(
    changed: KeystoreStore, engine: Engine
) -> None:
    anchor = _anchor(engine)
    _cut(changed, engine)
    assert _verify(engine).state is HistoryState.INTACT, "without an anchor nothing tells"
    report = _verify(engine, anchor)
    assert (report.state, report.revision, report.revisions) == (HistoryState.TRUNCATED, 4, 3)
    assert report.detail == "2 revisions at the end are gone, with the head moved back: an anchor knows them"


def test_a_revision_that_was_worked_with_must_be_there(changed: KeystoreStore, engine: Engine) -> None:
    _cut(changed, engine)
    assert _verify(engine, seen_revision=3).state is HistoryState.INTACT
    report = _verify(engine, seen_revision=4)
    assert (report.state, report.revision) == (HistoryState.TRUNCATED, 4)
    assert report.detail == "one revision at the end is gone, with the head moved back: they were worked with"


def test_whoever_was_relied_on_must_have_been_trusted_then(changed: KeystoreStore, engine: Engine) -> None:
    thumbprints = {item.alias: item.thumbprint for item in changed.history()}
    old, new, gone = (thumbprints[Alias(name)] for name in ("old", "new", "gone"))
    report = _verify(engine, relied_on=[(1, old), (1, new), (2, old), (2, gone), (3, gone), (5, new)])
    assert report.state is HistoryState.INTACT
    for revision, thumbprint in ((0, new), (1, gone), (3, old), (4, gone), (5, gone), (5, FORGED)):
        report = _verify(engine, relied_on=[(5, new), (revision, thumbprint)])
        assert (report.state, report.revision, report.revisions) == (HistoryState.ALTERED, revision, 5)
        assert report.detail == f"a certificate was relied on that was not trusted in it, SHA-256 {thumbprint}"


def test_a_history_that_was_written_anew_differs_from_its_anchor(changed: KeystoreStore, engine: Engine) -> None:
    kept = _anchor(engine)
    early = replace(kept, revision=2, hash=FORGED)
    assert (_verify(engine, kept, early).state, _verify(engine, kept, early).revision) == (HistoryState.ALTERED, 2)
    assert _verify(engine, replace(kept, hash=FORGED)).revision == 5


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ("state = 'trusted' WHERE alias = 'old'", 3),
        ("revoked = NOT revoked WHERE alias = 'old'", 3),
        ("endpoints = '[]' WHERE alias = 'new'", 1),
        ("certificate = (SELECT certificate FROM keystore_entries WHERE alias = 'old') WHERE alias = 'new'", 1),
        ("added_by = 'mallory' WHERE alias = 'new'", 1),
        ("note = '' WHERE alias = 'gone'", 5),
        ("trusted_until = 1 WHERE alias = 'new'", 1),
        ("scheduled_end = 1 WHERE alias = 'new'", 1),
        ("replaces = '[]' WHERE alias = 'new'", 1),
    ],
)
def test_an_entry_that_is_not_what_the_history_says_is_found(
    changed: KeystoreStore, engine: Engine, change: str, at: int
) -> None:
    with engine.begin() as connection:  # nothing protects the entries: they change
        connection.execute(text(f"UPDATE keystore_entries SET {change}"))  # noqa: S608 - the statements are those above
    report = _verify(engine)
    assert (report.state, report.revision, report.revisions) == (HistoryState.ALTERED, at, 5)
    assert "is not what its last change, in this revision, made it" in report.detail


def test_somebody_who_is_trusted_without_a_change_is_found(changed: KeystoreStore, engine: Engine) -> None:
    columns = ", ".join(column for column in changed.entries()[0].columns() if not column.startswith("alias"))
    with engine.begin() as connection:
        copy = f"INSERT INTO keystore_entries (id, alias, alias_folded, {columns}) SELECT 9, 'evil', 'evil', {columns}"
        connection.execute(text(f"{copy} FROM keystore_entries WHERE alias = 'gone'"))
    report = _verify(engine)
    assert (report.state, report.revision) == (HistoryState.ALTERED, 5)
    assert report.detail == "the entry 'evil' is in the keystore without any change that put it there"


def test_an_entry_that_is_gone_is_missed(changed: KeystoreStore, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM keystore_entries WHERE alias = 'old'"))
    report = _verify(engine)
    assert (report.state, report.revision) == (HistoryState.ALTERED, 3)
    assert "which it changed last, is gone" in report.detail


def test_a_history_of_nonsense_whose_hashes_fit_is_found(store: KeystoreStore, engine: Engine) -> None:
    store.add("acme", issue("acme"), **BY)
    with _unprotected(engine) as connection:
        connection.execute(text("UPDATE keystore_history SET entry = 'nonsense'"))
        connection.execute(text("DELETE FROM keystore_chain"))
        seal(connection, 1, CHAIN_START)
    report = _verify(engine, relied_on=[(1, "")])
    assert (report.state, report.revision, report.revisions) == (HistoryState.ALTERED, 1, 1)


def test_only_real_anchors_are_read_out_of_a_text(changed: KeystoreStore, engine: Engine) -> None:
    word = str(_anchor(engine))
    assert [str(found) for found in find_history_anchors(f"{word}\n{word}x {word[:-1]}\n{word};")] == [word] * 2
    assert list(find_history_anchors(word.replace("-06-", "-13-"))) == []


@pytest.mark.parametrize("statement", ["UPDATE keystore_chain SET hash = ''", "DELETE FROM keystore_chain"])
def test_the_database_refuses_to_change_the_chain(changed: KeystoreStore, engine: Engine, statement: str) -> None:
    with pytest.raises(DatabaseError, match="is append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert _verify(engine).state is HistoryState.INTACT
