import asyncio
import gc
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from gateway.ledger import (
    ChainState,
    LedgerBusy,
    LedgerClosed,
    LedgerTooSlow,
    LedgerUnavailable,
    LedgerWriter,
    Receipt,
    RecordRefused,
    verify_chain,
)
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.read import stored_records as on_record
from gateway.ledger.write import writer as writer_module
from gateway.ledger.write.writer import GROUP_LIMIT
from tests.databases import locked, on_sqlite
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups
from tests.gateway.ledger.load import NEW, OLD, RENEWED, accepted, mixture, rejected
from tests.gateway.ledger.losing import lose_one_answer


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(messages)).scalar_one()


def test_a_record_can_be_read_once_it_is_acknowledged(engine: Engine, writer: LedgerWriter) -> None:
    record = accepted(OLD, RENEWED, message_id="urn:uuid:1", warnings=("unbound",))
    assert writer.submit(record).result(10) == Receipt(record)
    stored = on_record.record(engine, record.id)
    assert stored is not None
    assert stored.record == replace(record, clock_offset=stored.record.clock_offset)
    assert stored.record.clock_offset is not None
    assert (stored.sequence, stored.previous_hash) == (1, "0" * 64)


def test_the_roll_ups_equal_the_rows(engine: Engine, writer: LedgerWriter) -> None:
    for future in [writer.submit(mixture(number)) for number in range(700)]:
        future.result(10)
    assert _count(engine) == 700
    traffic, usage = stored_rollups(engine)
    assert (traffic, usage) == counted_from_rows(engine)
    assert len(traffic) > 10
    assert len(usage) > 10


def test_one_certificate_under_two_aliases_counts_once(engine: Engine, writer: LedgerWriter) -> None:
    writer.submit(accepted(OLD, replace(OLD, alias=NEW.alias))).result(10)
    assert [(row.messages, row.share) for row in sums.usage(engine)] == [(1, 1.0)]


def test_many_waiting_records_share_a_transaction(engine: Engine, writer: LedgerWriter) -> None:
    writer.submit(mixture(0)).result(10)
    before = writer.state.groups
    with locked(engine):
        futures = [writer.submit(mixture(1))]
        while writer.queue_depth:  # the first is taken alone and waits for the lock
            time.sleep(0.001)
        futures += [writer.submit(mixture(number)) for number in range(2, 1002)]
    for future in futures:
        future.result(10)
    assert writer.state.groups - before == 1 + -(-1000 // GROUP_LIMIT)
    assert writer.state.records == 1002


def test_waiters_of_an_event_loop_are_woken_once_a_group(engine: Engine, writer: LedgerWriter) -> None:
    async def run() -> tuple[list[Receipt], int]:
        loop = asyncio.get_running_loop()
        wakes = 0
        wake = loop.call_soon_threadsafe

        def counted(*arguments: object, **keywords: object) -> asyncio.Handle:
            nonlocal wakes
            wakes += 1
            return wake(*arguments, **keywords)  # type: ignore[arg-type]  # passed on as they came

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]  # counts, and calls the real one
        with locked(engine):
            tasks = [asyncio.ensure_future(writer.append(mixture(number))) for number in range(200)]
            await asyncio.sleep(0.05)
        return await asyncio.gather(*tasks), wakes

    receipts, wakes = asyncio.run(run())
    assert len({receipt.record.id for receipt in receipts}) == 200
    assert wakes <= 2


def test_a_cancelled_waiter_does_not_take_its_record_back(engine: Engine, writer: LedgerWriter) -> None:
    record = mixture(1)

    async def run() -> None:
        with locked(engine):
            task = asyncio.ensure_future(writer.append(record))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    writer.submit(mixture(2)).result(10)
    assert on_record.record(engine, record.id) is not None


@pytest.mark.parametrize("is_taken", [True, False], ids=["being written", "queued"])
def test_a_record_that_is_too_late_is_taken_back_where_that_can_still_be_done(
    engine: Engine, writer: LedgerWriter, is_taken: bool
) -> None:
    record = mixture(1)

    async def run() -> None:
        with locked(engine):
            if not is_taken:
                writer.submit(mixture(0))
                while writer.queue_depth:
                    await asyncio.sleep(0.001)
            with pytest.raises(LedgerTooSlow, match=r"within 0\.05 s; it was ") as late:
                await writer.append(record, seconds=0.05)
            assert late.value.withdrawn is not is_taken
            assert writer.queue_depth == 0

    asyncio.run(run())
    writer.submit(mixture(2)).result(10)
    assert (on_record.record(engine, record.id) is not None) is is_taken
    assert writer.healthy


def test_a_cancelled_waiter_takes_back_what_is_only_queued(engine: Engine, writer: LedgerWriter) -> None:
    record = mixture(1)

    async def run() -> None:
        with locked(engine):
            writer.submit(mixture(0))
            while writer.queue_depth:
                await asyncio.sleep(0.001)
            task = asyncio.ensure_future(writer.append(record))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    writer.submit(mixture(2)).result(10)
    assert on_record.record(engine, record.id) is None


def test_cancelling_a_future_takes_its_queued_record_back(engine: Engine, writer: LedgerWriter) -> None:
    with locked(engine):
        first = writer.submit(mixture(0))
        while writer.queue_depth:
            time.sleep(0.001)
        assert not first.cancel(), "the writer has begun with it"
        second, third = writer.submit(mixture(1)), writer.submit(mixture(2))
        assert second.cancel()
    for future in (first, third):
        future.result(10)
    assert _count(engine) == 2
    assert writer.state.failed == 0
    assert [report.state for report in verify_chain(engine)] == [ChainState.INTACT]


def test_a_closed_event_loop_harms_nobody(engine: Engine, writer: LedgerWriter) -> None:
    async def leave() -> None:
        asyncio.get_running_loop().create_task(writer.append(mixture(1)))
        await asyncio.sleep(0.02)

    with locked(engine):
        asyncio.run(leave())
    writer.submit(mixture(2)).result(10)
    assert writer.healthy
    assert _count(engine) == 2


def test_the_same_record_is_not_written_twice(engine: Engine, writer: LedgerWriter) -> None:
    record = mixture(1)
    with locked(engine):
        futures = [writer.submit(one) for one in (mixture(0), record, record, mixture(2))]
    with pytest.raises(RecordRefused, match="in the ledger already"):
        futures[2].result(10)
    assert [futures[i].result(10).record.id for i in (1, 3)] == [record.id, futures[3].result().record.id]
    with pytest.raises(RecordRefused):
        writer.submit(record).result(10)
    assert _count(engine) == 3
    assert stored_rollups(engine) == counted_from_rows(engine)
    assert [report.state for report in verify_chain(engine)] == [ChainState.INTACT]
    assert writer.healthy


def test_a_record_that_cannot_be_stored_takes_no_other_down(engine: Engine, writer: LedgerWriter) -> None:
    good = mixture(1)
    with locked(engine):
        futures = [writer.submit(one) for one in (mixture(0), replace(good, upstream_ms=float("inf")), good)]
    with pytest.raises(RecordRefused, match="cannot be stored"):
        futures[1].result(10)
    assert futures[2].result(10).record.id == good.id


def test_too_many_waiting_records_are_refused_at_once(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1", queue_limit=5)
    futures: list[Future[Receipt]] = []
    with locked(engine):
        futures.append(writer.submit(mixture(0)))
        while writer.queue_depth:
            time.sleep(0.001)
        futures += [writer.submit(mixture(number)) for number in range(1, 6)]
        with pytest.raises(LedgerBusy, match="5 records wait"):
            writer.submit(mixture(6))
    assert len({future.result(10).record.id for future in futures}) == 6
    assert writer.close()


def test_closing_writes_what_is_queued_and_takes_no_more(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    with locked(engine):
        futures = [writer.submit(mixture(number)) for number in range(700)]
        assert not writer.close(timeout=0.01)
    assert writer.close(timeout=10)
    assert all(future.done() and future.exception() is None for future in futures)
    assert _count(engine) == 700
    assert not writer.healthy
    with pytest.raises(LedgerClosed):
        writer.submit(mixture(1000))


def _until(condition: bool, writer: LedgerWriter) -> None:
    deadline = time.monotonic() + 5
    while writer.healthy is not condition and time.monotonic() < deadline:
        time.sleep(0.01)
    assert writer.healthy is condition


@on_sqlite
def test_a_database_that_goes_and_comes_back(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    writer = LedgerWriter(engine, "host:1")
    writer.submit(mixture(0)).result(10)
    away = tmp_path / "away"
    away.mkdir()
    # Closed first, so that everything is in the one file: a database is moved while nobody works on it.
    writer._chains.open_anew()
    engine.dispose()
    (tmp_path / "wssgate.db").rename(away / "wssgate.db")
    lost = mixture(1)
    with pytest.raises(LedgerUnavailable, match="is gone; put it back or check its disk"):
        writer.submit(lost).result(10)
    assert not writer.healthy
    assert writer.last_error is not None
    assert "is gone" in writer.last_error
    assert list(tmp_path.glob("wssgate*")) == [], "no new, empty database is made"
    (away / "wssgate.db").rename(tmp_path / "wssgate.db")
    _until(True, writer)  # without a record: an unready gateway gets none
    writer.submit(lost).result(10)
    assert writer.close()
    assert _count(engine) == 2
    assert [(r.state, r.rows) for r in verify_chain(engine)] == [(ChainState.INTACT, 2)]


def test_records_in_a_database_that_cannot_be_written_fail_and_the_next_ones_do_not(
    engine: Engine, writer: LedgerWriter
) -> None:
    writer.submit(mixture(0)).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE key_uses_hourly RENAME TO gone"))
    failed = mixture(1)
    with pytest.raises(LedgerUnavailable, match=r"no such table|does not exist"):
        writer.submit(failed).result(10)
    assert on_record.record(engine, failed.id) is None, "never half recorded"
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO key_uses_hourly"))
    writer.submit(failed).result(10)
    assert writer.healthy
    assert stored_rollups(engine) == counted_from_rows(engine)
    assert [(r.state, r.rows) for r in verify_chain(engine)] == [(ChainState.INTACT, 2)]


def test_a_commit_whose_outcome_was_not_learned_is_not_repeated(
    engine: Engine, writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.submit(mixture(0)).result(10)
    committed = mixture(1)

    lose_one_answer(monkeypatch)
    with pytest.raises(LedgerUnavailable):
        writer.submit(committed).result(10)
    assert on_record.record(engine, committed.id) is not None, "it was committed, only nobody was told"
    writer.submit(mixture(2)).result(10)
    assert [(r.state, r.rows) for r in verify_chain(engine)] == [(ChainState.INTACT, 3)]


@on_sqlite
def test_an_older_copy_put_in_place_starts_a_chain_of_its_own(engine: Engine, tmp_path: Path) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(mixture(0)).result(10)
    writer._chains.open_anew()
    engine.dispose()
    copy = (tmp_path / "wssgate.db").read_bytes()
    writer.submit(mixture(1)).result(10)
    writer._chains.open_anew()
    engine.dispose()
    (tmp_path / "restored.db").write_bytes(copy)
    (tmp_path / "restored.db").rename(tmp_path / "wssgate.db")
    writer.submit(mixture(2)).result(10)
    assert writer.close()
    assert sorted((r.state, r.rows) for r in verify_chain(engine)) == [(ChainState.INTACT, 1), (ChainState.INTACT, 1)]


def test_nothing_is_left_behind(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(rejected("unsigned")).result(10)
    assert writer.close()
    engine.dispose()
    gc.collect()  # warnings of connections left open are errors here
    assert "Connections in pool: 0" in engine.pool.status()
