"""The keystore's history in the gateway's database: chained by the migration, and tied to the records."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError

from gateway.ledger import LedgerWriter, SchemaStatus, migrate, open_database, verify_chain
from gateway.ledger.database.connections import reading, rehearsing, writing
from keystore.store import (
    HistoryReport,
    HistoryState,
    KeystoreStore,
    history_anchor,
    verify_history,
)
from keystore.store.table_definitions import head
from tests.gateway.ledger.load import OLD, accepted, rejected
from tests.gateway.ledger.old_schemas import change_keystore, fill, make_schema
from tests.keystore.store.authoring import later


def _verify(engine: Engine) -> HistoryReport:
    with reading(engine) as connection:
        return verify_history(connection)


@pytest.fixture
def before(url: str, tmp_path: Path) -> Engine:
    """A database of the schema before the chain, with three revisions in it."""
    engine = open_database(url)
    with writing(engine) as connection:
        make_schema(connection, "0005")
        fill(connection, tmp_path)
    return engine


def test_a_history_from_before_is_chained_and_goes_on(before: Engine) -> None:
    assert migrate(before).status is SchemaStatus.CURRENT
    assert (_verify(before).state, _verify(before).revisions) == (HistoryState.INTACT, 3)
    store = KeystoreStore(before)
    assert [item.revision for item in store.history()] == [1, 1, 2, 3]
    store.retire("new", **later(3))
    with reading(before) as connection:
        anchor = history_anchor(connection)
        assert anchor is not None
        assert (verify_history(connection, [anchor]).revisions, anchor.revision) == (4, 4)
        assert connection.execute(select(head.c.hash)).scalar_one() == anchor.hash
    with pytest.raises(Exception, match="is append-only"), writing(before) as connection:
        connection.execute(text("UPDATE keystore_chain SET hash = ''"))
    before.dispose()


def test_a_history_that_is_altered_after_the_migration_is_found(before: Engine) -> None:
    migrate(before)
    with writing(before) as connection:
        of_table = " ON keystore_revisions" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER keystore_revisions_refuses_update{of_table}"))
        connection.execute(text("UPDATE keystore_revisions SET who = 'mallory' WHERE revision = 2"))
    assert (_verify(before).state, _verify(before).revision) == (HistoryState.ALTERED, 2)
    before.dispose()


def test_an_empty_keystore_is_migrated_too(url: str) -> None:
    engine = open_database(url)
    migrate(engine)
    assert _verify(engine).state is HistoryState.INTACT
    change_keystore(KeystoreStore(engine))
    assert (_verify(engine).state, _verify(engine).revisions) == (HistoryState.INTACT, 3)
    engine.dispose()


def test_a_command_of_the_former_version_makes_no_revision_without_a_hash(before: Engine) -> None:
    # The first statement of its every change.
    counted = text(
        "INSERT INTO keystore_head (id, revision) VALUES (1, 1) "
        "ON CONFLICT (id) DO UPDATE SET revision = (keystore_head.revision + 1)"
    )
    with rehearsing(before) as connection:
        connection.execute(counted)
    migrate(before)
    with pytest.raises(IntegrityError), writing(before) as connection:
        connection.execute(counted)
    before.dispose()


def test_the_records_tell_which_revision_there_must_be(engine: Engine, writer: LedgerWriter) -> None:
    for revision in (3, 7, 5):
        writer.submit(accepted(OLD, keystore_revision=revision)).result(10)
    writer.submit(rejected("unsigned", keystore_revision=8)).result(10)
    (report,) = verify_chain(engine)
    assert report.keystore_revision == 8
    assert report.relied_on == {(revision, OLD.thumbprint) for revision in (3, 7, 5)}
