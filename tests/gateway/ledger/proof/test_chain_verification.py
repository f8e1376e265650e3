from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from gateway.cross_check import CrossCheck, Opinion
from gateway.ledger import (
    Anchor,
    LedgerWriter,
    SchemaStatus,
    anchors,
    find_anchors,
    migrate,
    open_database,
    records_to_verify,
    verify_chain,
)
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import chains, messages
from gateway.ledger.proof import chain_verification as verification
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.ledger_findings import ChainReport, ChainState
from gateway.ledger.record_rows import row_of
from keystore import from_microseconds
from tests.databases import on_sqlite, unprotected
from tests.gateway.ledger.load import mixture
from tests.gateway.ledger.old_schemas import make_schema


@pytest.fixture
def ids(engine: Engine) -> list[str]:
    """Ten records of one writer."""
    writer = LedgerWriter(engine, "host:1")
    made = [writer.submit(mixture(number)).result(10).record.id for number in range(10)]
    writer.close()
    return made


def _tamper(engine: Engine, *statements: str) -> None:
    with writing(engine) as connection, unprotected(connection):
        for statement in statements:
            connection.execute(text(statement))


def _verify(engine: Engine) -> ChainReport:
    reports = verify_chain(engine)
    assert len(reports) == 1
    return reports[0]


def test_a_row_from_before_a_column_was_added_keeps_its_hash(url: str) -> None:
    engine = open_database(url)
    with writing(engine) as connection:
        make_schema(connection, "0001")
        row = row_of(mixture(1))
        young = {"embedded", "second_opinion", "server", "response_element", "signers", "receipts", "clock_offset"} | {
            "attachments"
        }
        old = {name: value for name, value in row.items() if name not in young}
        link = Link.first().extend(old)
        connection.execute(insert(messages), old)
        head = {"writer": link.writer, "instance": "host:1", "sequence": 1, "hash": link.hash}
        connection.execute(insert(chains), head)
    assert migrate(engine).status is SchemaStatus.CURRENT
    assert _verify(engine).state is ChainState.INTACT
    engine.dispose()


def test_a_finding_that_was_taken_out_of_a_row_is_missed(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    told = replace(mixture(1), second_opinion=CrossCheck(Opinion.DISAGREES, "the value is wrong"))
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
        "body_sha256 = '00'",
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


@on_sqlite
def test_a_value_of_another_type_is_found(engine: Engine, ids: list[str]) -> None:
    _tamper(engine, "UPDATE messages SET body_sha256 = x'00' WHERE sequence = 4")
    assert (_verify(engine).state, _verify(engine).sequence) == (ChainState.ALTERED, 4)


def test_an_inserted_row_is_found(engine: Engine, ids: list[str]) -> None:
    _tamper(
        engine,
        "CREATE TEMP TABLE one AS SELECT * FROM messages WHERE sequence = 10",
        "UPDATE one SET id = 'x', sequence = 11, previous_hash = hash",
        "INSERT INTO messages SELECT * FROM one",
    )
    assert (_verify(engine).state, _verify(engine).sequence) == (ChainState.ALTERED, 11)


@pytest.mark.parametrize(
    ("removed", "at", "state"),
    [
        ("sequence = 1", 1, ChainState.MISSING),
        ("sequence IN (5, 6)", 5, ChainState.MISSING),
        ("sequence > 8", 9, ChainState.TRUNCATED),
        ("1 = 1", 1, ChainState.TRUNCATED),
    ],
)
def test_a_removed_row_is_missed(engine: Engine, ids: list[str], removed: str, at: int, state: ChainState) -> None:
    _tamper(engine, f"DELETE FROM messages WHERE {removed}")  # noqa: S608 - the statements are those above
    report = _verify(engine)
    assert (report.state, report.sequence, report.rows) == (state, at, at - 1)


@pytest.mark.parametrize("statement", ["DELETE FROM messages WHERE sequence = 10", "UPDATE messages SET mode = ''"])
def test_the_database_refuses_to_change_the_ledger(engine: Engine, ids: list[str], statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), writing(engine) as connection:
        connection.execute(text(statement))
    assert _verify(engine).state is ChainState.INTACT


def _anchor(engine: Engine) -> Anchor:
    """The anchor, as somebody reads it in a log."""
    (found,) = find_anchors(f'2026-06-01 [info] anchor anchor="{anchors(engine)[0]}" instance=host:1')
    return found


CUT = (
    "DELETE FROM messages WHERE sequence > 6",
    "DELETE FROM events WHERE number > 1",
    "UPDATE chains SET sequence = 6, hash = (SELECT max(hash) FROM six), event_number = 1, "
    "event_hash = (SELECT hash FROM events)",
)
"""And whatever knows of them."""


def test_a_chain_that_was_cut_short_together_with_its_head_differs_from_its_anchor(
    engine: Engine, ids: list[str]
) -> None:
    anchor = _anchor(engine)
    assert (anchor.sequence, anchor.pruned, str(anchor)) == (10, 0, str(anchors(engine)[0]))
    assert verify_chain(engine, [anchor])[0].state is ChainState.INTACT
    _tamper(engine, "CREATE TEMP TABLE six AS SELECT hash FROM messages WHERE sequence = 6", *CUT)
    assert _verify(engine).state is ChainState.INTACT, "without an anchor nothing tells"
    report = verify_chain(engine, [anchor])[0]
    assert (report.state, report.sequence, report.rows) == (ChainState.TRUNCATED, 7, 6)
    assert "the last 4 records are gone, with the head moved back" in report.detail


def test_a_chain_that_is_gone_as_a_whole_is_missed_by_its_anchor(engine: Engine, ids: list[str]) -> None:
    anchor = _anchor(engine)
    _tamper(engine, "DELETE FROM messages", "DELETE FROM events", "DELETE FROM chains")
    assert verify_chain(engine) == ()
    (report,) = verify_chain(engine, [anchor])
    assert (report.state, report.writer, report.rows) == (ChainState.TRUNCATED, anchor.writer, 0)


def test_a_chain_that_was_written_anew_differs_from_its_anchor(engine: Engine, ids: list[str]) -> None:
    anchor = replace(_anchor(engine), hash="f" * 64)
    report = verify_chain(engine, [anchor])[0]
    assert (report.state, report.sequence, report.record_id) == (ChainState.ALTERED, 10, ids[9])


def test_a_forged_checkpoint_does_not_hide_young_records_from_an_anchor(engine: Engine, ids: list[str]) -> None:
    anchor = _anchor(engine)
    _tamper(
        engine,
        "INSERT INTO checkpoints SELECT writer, sequence, hash, time, time FROM messages WHERE sequence = 10",
        "DELETE FROM messages",
    )
    assert _verify(engine).state is ChainState.INTACT, "without an anchor it looks pruned"
    assert verify_chain(engine, [anchor])[0].state is ChainState.INTACT
    report = verify_chain(engine, [anchor], pruned_before=anchor.time - timedelta(days=90))[0]
    assert (report.state, report.sequence) == (ChainState.MISSING, 10)
    other = replace(anchor, hash="0" * 64)
    assert verify_chain(engine, [other])[0].state is ChainState.ALTERED


def test_an_anchor_within_what_was_pruned_is_missed_only_where_it_was_too_young(engine: Engine, ids: list[str]) -> None:
    whole = _anchor(engine)
    with reading(engine) as connection:
        row = connection.execute(select(messages).where(messages.c.sequence == 4)).one()
    anchor = replace(whole, sequence=4, hash=row.hash, time=from_microseconds(row.time))
    assert verify_chain(engine, [anchor, whole])[0].state is ChainState.INTACT
    _tamper(
        engine,
        "INSERT INTO checkpoints SELECT writer, sequence, hash, time, time FROM messages WHERE sequence = 6",
        "DELETE FROM messages WHERE sequence <= 6",
    )
    assert verify_chain(engine, [anchor, whole])[0].state is ChainState.INTACT
    report = verify_chain(engine, [anchor, whole], pruned_before=anchor.time - timedelta(days=90))[0]
    assert (report.state, report.sequence) == (ChainState.MISSING, 4)


def test_a_record_put_where_records_were_pruned_is_found(engine: Engine, ids: list[str]) -> None:
    _tamper(
        engine,
        "INSERT INTO checkpoints SELECT writer, sequence, hash, time, time FROM messages WHERE sequence = 3",
    )
    report = _verify(engine)
    assert (report.state, report.sequence, report.record_id) == (ChainState.ALTERED, 1, ids[0])


def test_only_real_anchors_are_read_out_of_a_text(engine: Engine, ids: list[str]) -> None:
    text_of = str(anchors(engine)[0])
    assert [str(found) for found in find_anchors(f"{text_of}\n{text_of}x {text_of[:-1]}\n{text_of};")] == [text_of] * 2
    assert list(find_anchors(text_of.replace("-06-", "-13-"))) == []


def test_anchors_since_an_instant_are_those_of_the_chains_that_grew(engine: Engine, ids: list[str]) -> None:
    (anchor,) = anchors(engine)
    assert anchors(engine, anchor.time) == [anchor]
    assert anchors(engine, anchor.time + timedelta(microseconds=1)) == []


def test_the_way_along_a_chain_is_told(engine: Engine, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "PAGE", 4)
    steps: list[int] = []
    verify_chain(engine, on_progress=steps.append)
    assert (steps, records_to_verify(engine)) == ([4, 4, 2], 10)


def test_a_ledger_that_is_written_meanwhile_is_no_forgery(
    engine: Engine, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAGE", 4)
    writer = LedgerWriter(engine, "host:2")

    def write_on(_records: int) -> None:
        if writer.state.records < 30:
            for _ in range(3):
                writer.submit(mixture(writer.state.records)).result(10)

    write_on(0)
    found = [(report.state, report.rows) for report in verify_chain(engine, on_progress=write_on)]
    assert found == [(ChainState.INTACT, 10), (ChainState.INTACT, 30)]
    writer.close()


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
