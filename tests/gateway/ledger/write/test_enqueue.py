"""Records that nobody waits for: promised when they are queued."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.ledger import (
    ChainState,
    LedgerBusy,
    LedgerClosed,
    LedgerUnavailable,
    LedgerWriter,
    RecordRefused,
    verify_chain,
)
from gateway.ledger.read import stored_records
from gateway.ledger.write import writer as writer_module
from tests.databases import locked, on_sqlite
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups
from tests.gateway.ledger.load import mixture
from tests.gateway.ledger.losing import lose_one_answer


def _wait(writer: LedgerWriter, *, depth: int = 0, healthy: bool = True) -> None:
    deadline = time.monotonic() + 10
    while (writer.queue_depth, writer.healthy) != (depth, healthy) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert (writer.queue_depth, writer.healthy) == (depth, healthy)


def _move(engine: Engine, source: Path, target: Path) -> None:
    # Closed first, so that everything is in the one file.
    engine.dispose()
    source.rename(target)


def test_a_queued_record_is_written_without_anybody_waiting(engine: Engine, writer: LedgerWriter) -> None:
    made = [mixture(number) for number in range(700)]
    assert [writer.enqueue(record).record.id for record in made] == [record.id for record in made]
    assert writer.close(10)
    assert len(stored_records.records(engine, limit=1000)) == 700
    assert stored_rollups(engine) == counted_from_rows(engine)
    assert [(r.state, r.rows) for r in verify_chain(engine)] == [(ChainState.INTACT, 700)]
    assert (writer.state.failed, writer.state.lost) == (0, 0)
    with pytest.raises(LedgerClosed):
        writer.enqueue(mixture(700))


@on_sqlite
def test_what_is_owed_is_written_once_the_database_is_back(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    writer = LedgerWriter(engine, "host:1", queue_limit=3)
    writer.submit(mixture(0)).result(10)
    _move(engine, tmp_path / "wssgate.db", tmp_path / "away.db")
    owed = mixture(1)
    writer.enqueue(owed)
    _wait(writer, depth=1, healthy=False)
    with pytest.raises(LedgerUnavailable, match=r"not queued, for none can be written: .*is gone"):
        writer.enqueue(mixture(2))
    assert writer.queue_depth == 1
    (tmp_path / "away.db").rename(tmp_path / "wssgate.db")
    _wait(writer)
    writer.enqueue(mixture(2))
    assert writer.close(10)
    assert stored_records.record(engine, owed.id) is not None
    assert [(r.state, r.rows) for r in verify_chain(engine)] == [(ChainState.INTACT, 3)]
    assert (writer.state.failed, writer.state.lost) == (0, 0)


@on_sqlite
def test_what_is_owed_at_the_end_is_tried_once_more_and_then_counted_as_lost(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 30)
    for comes_back in (True, False):
        writer = LedgerWriter(engine, "host:1")
        writer.submit(mixture(0)).result(10)
        _move(engine, tmp_path / "wssgate.db", tmp_path / "away.db")
        writer.enqueue(mixture(1))
        _wait(writer, depth=1, healthy=False)
        if comes_back:
            (tmp_path / "away.db").rename(tmp_path / "wssgate.db")
        assert writer.close(10)
        assert writer.state.lost == (0 if comes_back else 1)


def test_a_commit_whose_outcome_was_not_learned_is_not_repeated(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    writer = LedgerWriter(engine, "host:1")
    writer.submit(mixture(0)).result(10)

    lose_one_answer(monkeypatch)
    writer.enqueue(mixture(1))
    writer.submit(mixture(2)).exception(10)
    _wait(writer)
    assert writer.close(10)
    assert writer.state.lost == 0
    found = stored_records.records(engine)
    assert len({stored.record.id for stored in found}) == len(found) >= 2
    assert [r.state for r in verify_chain(engine)] == [ChainState.INTACT]


def test_the_queue_is_bounded(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1", queue_limit=5)
    with locked(engine):
        writer.enqueue(mixture(0))
        while writer.queue_depth:
            time.sleep(0.001)
        for number in range(1, 6):
            writer.enqueue(mixture(number))
        with pytest.raises(LedgerBusy, match="5 records wait"):
            writer.enqueue(mixture(6))
    assert writer.close(10)
    assert len(stored_records.records(engine)) == 6


def test_a_record_that_cannot_be_stored_is_refused_before_anything_is_released(writer: LedgerWriter) -> None:
    with pytest.raises(RecordRefused, match="cannot be stored"):
        writer.enqueue(replace(mixture(0), upstream_ms=float("nan")))
    assert writer.queue_depth == 0


def test_owed_records_are_encoded_anew_where_one_of_their_group_is_refused(
    engine: Engine, writer: LedgerWriter
) -> None:
    first, second = mixture(1), mixture(2)
    with locked(engine):
        for record in (first, first, second):  # the attempt with all three has added the chain's columns to each
            writer.enqueue(record)
        rest = writer.submit(mixture(3))
    rest.result(10)
    assert (writer.state.records, writer.state.lost) == (3, 0)
    assert [report.state for report in verify_chain(engine)] == [ChainState.INTACT]
