"""Databases of every schema that was published before: nothing in them is lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from gateway.ledger import (
    ChainState,
    LedgerWriter,
    Role,
    SchemaMismatch,
    SchemaStatus,
    Succession,
    migrate,
    open_database,
    records,
    schema_state,
    seen_after,
    usage,
    verify_chain,
)
from gateway.ledger.database.connections import reading, writing
from gateway.verify import VerifiedBy
from keystore.store import HistoryState, KeystoreStore, keystore_tables, verify_history
from keystore.store import migrate as migrate_keystore
from tests.databases import on_sqlite
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted
from tests.gateway.ledger.old_schemas import REVISIONS, change_keystore, fill, fill_ledger, make_schema
from tests.keystore.store.authoring import later


@pytest.fixture
def opened(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_old_database_is_migrated_with_everything_in_it(opened: Engine, revision: str, tmp_path: Path) -> None:
    with writing(opened) as connection:
        make_schema(connection, revision)
        fill(connection, tmp_path)
    before = schema_state(opened)
    assert (before.status, before.revision) == (SchemaStatus.OUTDATED, revision)
    separate = dict.fromkeys("7890", before.keystore.head)
    keystore = ({"1": "0001", "2": "0001", "6": "0003"} | separate).get(revision[-1], "0002")
    assert before.keystore.revision == keystore

    after = migrate(opened)

    assert after.status is after.keystore.status is SchemaStatus.CURRENT
    store = KeystoreStore(opened)
    assert [(entry.alias, entry.state) for entry in store.entries()] == [("new", "trusted")]
    assert [(item.revision, item.alias, item.action) for item in store.history()] == [
        (1, "old", "added"),
        (1, "new", "added"),
        (2, "old", "retired"),
        (3, "old", "purged"),
    ]
    with reading(opened) as connection:
        report = verify_history(connection)
    assert (report.state, report.revisions) == (HistoryState.INTACT, 3)
    (chain,) = verify_chain(opened)
    assert (chain.state, chain.rows) == (ChainState.INTACT, 2)
    # And both go on.
    store.retire("new", **later(3))
    writer = LedgerWriter(opened, "host:1")
    writer.submit(accepted(NEW)).result(10)
    assert writer.close()
    assert store.revision() == 4
    found = [stored.record for stored in records(opened)]
    assert [record.verified_by for record in found] == [(NEW,), (), (OLD,)]
    # Of what was recorded before, nobody looked who else had signed, or by how much the clock was off.
    assert [record.signers is None for record in found] == [False, True, True]
    assert [record.clock_offset is None for record in found] == [False, True, True]
    assert {(report.state, report.rows) for report in verify_chain(opened)} == {
        (ChainState.INTACT, 1),
        (ChainState.INTACT, 2),
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_was_counted_before_roles_were_told_apart_is_told_as_such(opened: Engine, revision: str) -> None:
    with writing(opened) as connection:
        make_schema(connection, revision)
        fill_ledger(connection)
    migrate(opened)
    writer = LedgerWriter(opened, "host:1")
    writer.submit(accepted(OLD)).result(10)
    assert writer.close()

    told = [(row.alias, row.role, row.outcome, row.messages, row.server) for row in usage(opened)]

    assert told == [
        ("acme-2024", Role.EARLIER, "accepted", 1, ""),
        ("acme-2024", Role.NEEDED, "accepted", 1, ""),
        ("acme-2025", Role.EARLIER, "rejected", 1, ""),
    ]
    before = NOON - timedelta(seconds=1)

    def seen(entry: VerifiedBy, *roles: Role) -> Succession:
        return seen_after(opened, "orders", OPERATIONS[0], "", [entry.thumbprint], before, roles)

    assert seen(OLD, Role.EARLIER) == seen(RENEWED, Role.EARLIER) == Succession(1, NOON, exact=True)
    assert seen(OLD, Role.NEEDED) == Succession(1, NOON, exact=True)
    assert seen(OLD, *Role).messages == 2
    assert seen(RENEWED, Role.NEEDED, Role.PRESENT, Role.REPEATED) == Succession(0, None, exact=True)
    # They are closed: nobody adds to them, takes from them, or removes them.
    for change in ("UPDATE key_usage_hourly SET messages = messages + 1", "DELETE FROM key_usage_hourly"):
        with pytest.raises(DBAPIError, match=r"closed|never removed"), writing(opened) as connection:
            connection.execute(text(change))


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_old_database_becomes_what_a_fresh_one_is(opened: Engine, revision: str) -> None:
    with writing(opened) as connection:
        make_schema(connection, revision)
    migrate(opened)
    with opened.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _of_keystore})
        assert compare_metadata(context, keystore_tables) == []
        assert _triggers(connection) == _KEYSTORE_TRIGGERS[connection.dialect.name]


def test_a_fresh_database_has_the_same_triggers(engine: Engine) -> None:
    with engine.connect() as connection:
        assert _triggers(connection) == _KEYSTORE_TRIGGERS[connection.dialect.name]


def _of_keystore(thing: Any, name: str | None, kind: str, *_: object) -> bool:
    return kind != "table" or str(name) in keystore_tables.tables


_TABLES = ("keystore_revisions", "keystore_history", "keystore_chain")
_KEYSTORE_TRIGGERS = {
    "sqlite": {(f"{table}_refuses_{change}", "") for table in _TABLES for change in ("update", "delete")},
    "postgresql": {
        (f"{table}_refuses_{change}", "keystore_refuse_change")
        for table in _TABLES
        for change in ("update", "delete", "truncate")
    },
}


def _triggers(connection: Any) -> set[tuple[str, str]]:
    """The triggers on the keystore's tables, on PostgreSQL with the functions that they call."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, '' FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'keystore%'"
    else:
        query = (
            "SELECT tgname, proname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
            "WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'keystore%'"
        )
    return {(row[0], row[1]) for row in connection.execute(text(query))}


def test_a_keystore_that_was_made_alone_becomes_the_gateways(opened: Engine) -> None:
    with writing(opened) as connection:
        migrate_keystore(connection)
    change_keystore(KeystoreStore(opened))
    assert schema_state(opened).status is SchemaStatus.EMPTY
    assert migrate(opened).status is SchemaStatus.CURRENT
    assert KeystoreStore(opened).revision() == 3


def test_the_schema_is_shown_with_both_revisions(opened: Engine) -> None:
    assert schema_state(opened).found == "none (keystore none)"
    state = migrate(opened)
    assert state.found == state.needed == f"{state.head} (keystore {state.keystore.head})"


def test_tables_of_the_keystore_that_are_newer_are_left_alone(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE keystore_schema_version SET version_num = '9999'"))
    for use in (lambda: open_database(url), lambda: migrate(engine)):
        with pytest.raises(SchemaMismatch, match="the keystore's tables have schema 9999, made by a newer version"):
            use()


@pytest.mark.parametrize("lost", [["keystore_chain"], ["keystore_schema_version", "keystore_chain"]])
def test_a_keystore_of_which_a_part_is_lost_is_not_made_anew(engine: Engine, url: str, lost: list[str]) -> None:
    with writing(engine) as connection:
        for table in lost:
            connection.execute(text(f"DROP TABLE {table}"))
    with pytest.raises(SchemaMismatch, match="tables of the keystore are missing, or not as any version made them"):
        migrate(engine)


def test_a_keystore_that_is_lost_altogether_is_not_made_anew(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        for table in ("keystore_chain", "keystore_history", "keystore_entries", "keystore_revisions", "keystore_head"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP TABLE keystore_schema_version"))
    with pytest.raises(SchemaMismatch, match="has lost the tables of the keystore; restore a backup"):
        open_database(url)
    assert not inspect(engine).has_table("keystore_head")


@on_sqlite
def test_a_migration_that_fails_leaves_the_database_as_it_was(opened: Engine, tmp_path: Path) -> None:
    with writing(opened) as connection:
        make_schema(connection, "0004")
        fill(connection, tmp_path)
        connection.execute(text("CREATE TABLE instances (id TEXT)"))  # in the way of 0005
    with pytest.raises(Exception, match="already exists"):
        migrate(opened)
    state = schema_state(opened)
    assert (state.revision, state.keystore.revision) == ("0004", "0002")
    assert not inspect(opened).has_table("keystore_schema_version")
