from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, insert, text

from gateway.ledger import LedgerWriter, SchemaStatus, migrate, open_database, schema, verify_chain
from gateway.ledger.chain import Link, store_head
from gateway.ledger.connections import writing
from gateway.ledger.encoding import row_of
from gateway.ledger.tables import messages
from gateway.ledger.verification import ChainReport, ChainState
from gateway.second_opinion import Opinion, SecondOpinion
from tests.gateway.ledger.load import mixture


@pytest.fixture
def ids(engine: Engine) -> list[str]:
    """Ten records of one writer."""
    writer = LedgerWriter(engine, "host:1")
    made = [writer.submit(mixture(number)).result(10).record_id for number in range(10)]
    writer.close()
    return made


def _tamper(engine: Engine, *statements: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("DROP TRIGGER messages_are_append_only"))
        for statement in statements:
            connection.execute(text(statement))


def _verify(engine: Engine) -> ChainReport:
    reports = verify_chain(engine)
    assert len(reports) == 1
    return reports[0]


def test_a_row_from_before_a_column_was_added_keeps_its_hash(url: str) -> None:
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = row_of(mixture(1))
        old = {name: value for name, value in row.items() if name not in {"embedded", "second_opinion"}}
        link = Link.first().extend(old)
        connection.execute(insert(messages), old)
        store_head(connection, link, "host:1")
    assert migrate(engine).status is SchemaStatus.CURRENT
    assert _verify(engine).state is ChainState.INTACT
    engine.dispose()


def test_a_finding_that_was_taken_out_of_a_row_is_missed(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    told = replace(mixture(1), second_opinion=SecondOpinion(Opinion.DISAGREES, "the value is wrong"))
    writer.submit(told).result(10)
    writer.close()
    assert _verify(engine).state is ChainState.INTACT
    _tamper(engine, "UPDATE messages SET second_opinion = NULL")
    assert _verify(engine).state is ChainState.ALTERED


def test_an_empty_ledger_has_no_chain(engine: Engine) -> None:
    assert verify_chain(engine) == ()


def test_what_was_written_is_intact(engine: Engine, ids: list[str]) -> None:
    report = _verify(engine)
    assert (report.state, report.rows, report.sequence, report.instance) == (ChainState.INTACT, 10, None, "host:1")


@pytest.mark.parametrize(
    "change",
    [
        "outcome = 'rejected'",
        "time = time + 1",
        "verified_by = '[]'",
        "released = NOT released",
        "upstream_ms = upstream_ms + 0.1",
        "reason = 'unsigned'",
        "message_id = 'urn:1'",
        "body_sha256 = x'00'",
        "hash = '" + "0" * 64 + "'",
        "previous_hash = '" + "1" * 64 + "'",
        "instance = 'host:2'",
        "embedded = '{}'",
        "second_opinion = '{}'",
    ],
)
def test_an_altered_row_is_found(engine: Engine, ids: list[str], change: str) -> None:
    _tamper(engine, f"UPDATE messages SET {change} WHERE sequence = 4")  # noqa: S608 - the statements are those above
    report = _verify(engine)
    assert (report.state, report.sequence, report.record_id, report.rows) == (ChainState.ALTERED, 4, ids[3], 3)


def test_an_inserted_row_is_found(engine: Engine, ids: list[str]) -> None:
    _tamper(
        engine,
        "CREATE TEMP TABLE one AS SELECT * FROM messages WHERE sequence = 10",
        "UPDATE one SET id = 'x', sequence = 11, previous_hash = hash",
        "INSERT INTO messages SELECT * FROM one",
    )
    assert (_verify(engine).state, _verify(engine).sequence) == (ChainState.ALTERED, 11)


@pytest.mark.parametrize(
    ("removed", "at"), [("sequence = 1", 1), ("sequence IN (5, 6)", 5), ("sequence > 8", 9), ("1", 1)]
)
def test_a_removed_row_is_missed(engine: Engine, ids: list[str], removed: str, at: int) -> None:
    _tamper(engine, f"DELETE FROM messages WHERE {removed}")  # noqa: S608 - the statements are those above
    report = _verify(engine)
    assert (report.state, report.sequence, report.rows) == (ChainState.MISSING, at, at - 1)


def test_a_changed_head_is_found(engine: Engine, ids: list[str]) -> None:
    _tamper(engine, "UPDATE chains SET sequence = 9")
    assert _verify(engine).state is ChainState.ALTERED


def test_a_removed_head_is_found(engine: Engine, ids: list[str]) -> None:
    _tamper(engine, "DELETE FROM chains")
    assert (_verify(engine).state, _verify(engine).rows) == (ChainState.ALTERED, 10)


def test_each_writer_has_a_chain_of_its_own(engine: Engine, ids: list[str]) -> None:
    writer = LedgerWriter(engine, "host:2")
    writer.submit(mixture(10)).result(10)
    writer.close()
    _tamper(engine, "DELETE FROM messages WHERE sequence = 2")
    found = [(report.instance, report.state, report.rows) for report in verify_chain(engine)]
    assert found == [("host:1", ChainState.MISSING, 1), ("host:2", ChainState.INTACT, 1)]
