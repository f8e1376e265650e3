"""What could not be recorded is told as soon as anything can be: which keys signed it."""

import asyncio
import contextlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from gateway.ledger import (
    AlreadyRecorded,
    EventKind,
    KeptUses,
    LedgerBusy,
    LedgerClosed,
    LedgerTooSlow,
    LedgerUnavailable,
    LedgerWriter,
    MessageRecord,
    RecordRefused,
    Role,
    usage,
    verify_ledger,
)
from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import events, messages
from gateway.ledger.proof.event_contents import content_fault
from gateway.ledger.write import writer as writer_module
from gateway.ledger.write.unrecorded_uses import UnrecordedUses
from gateway.ledger.write.use_cells import MOST_CELLS
from tests.databases import locked, on_sqlite
from tests.gateway.ledger.load import NEW, NOON, OLD, RENEWED, accepted, rejected, signer
from tests.gateway.ledger.losing import is_away, lose_one_answer, record_taken, without_records

BAD: Any = {"upstream_ms": float("nan")}


def told(engine: Engine) -> list[tuple[str, str, str, int]]:
    """Operation, alias, role and number of messages of what the ledger was told, in its order."""
    columns = events.c
    query = select(columns.content).where(columns.kind == EventKind.UNRECORDED).order_by(columns.writer, columns.number)
    with reading(engine) as connection:
        contents = [json.loads(text) for text in connection.execute(query).scalars()]
    assert [content_fault(EventKind.UNRECORDED, one) for one in contents] == [None] * len(contents)
    return [(use[1], use[5], use[6], use[8]) for one in contents for use in one["uses"]]


def of(operation: str, *signers: Any, **fields: Any) -> MessageRecord:
    return accepted(OLD, operation=operation, signers=signers or (signer(OLD, 1),), **fields)


def test_what_waits_when_the_database_goes_is_told_when_it_is_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    writer = LedgerWriter(engine, "host:1")
    writer.submit(of("before")).result(10)
    write = writer._chains.write

    monkeypatch.setattr(writer._chains, "write", is_away)
    for record in (of("a"), of("a"), of("b", signer(OLD, 1, needed=False), signer(RENEWED, 1)), of("c", *())):
        with pytest.raises(LedgerUnavailable):
            writer.submit(record).result(10)
    with pytest.raises(LedgerUnavailable):
        writer.enqueue(of("d"))
    monkeypatch.setattr(writer._chains, "write", write)
    deadline = time.monotonic() + 30
    while not told(engine) and time.monotonic() < deadline:  # without a record, and without a heartbeat
        time.sleep(0.01)
    assert told(engine) == [
        ("a", "acme-2024", "needed", 2),
        ("b", "acme-2024", "present", 1),
        ("b", "acme-2025", "needed", 1),
        ("c", "acme-2024", "needed", 1),
        ("d", "acme-2024", "needed", 1),
    ]
    assert writer.close(10)
    assert len(told(engine)) == 5, "once"
    assert verify_ledger(engine).is_intact


def test_who_signed_nothing_is_no_use(engine: Engine, writer: LedgerWriter) -> None:
    for record in (rejected("unsigned", **BAD), accepted(OLD, signers=None, **BAD)):
        with pytest.raises(RecordRefused):
            writer.submit(record).result(10)
    assert writer.close(10)
    assert told(engine) == []


def test_what_cannot_be_stored_is_told(engine: Engine, writer: LedgerWriter) -> None:
    with pytest.raises(RecordRefused):
        writer.submit(of("a", **BAD)).result(10)
    with pytest.raises(RecordRefused):
        writer.enqueue(of("b", **BAD))
    once = of("c")
    writer.submit(once).result(10)
    with pytest.raises(RecordRefused):
        writer.submit(replace(once, detail="there is one of this id")).result(10)
    writer.submit(of("d")).result(10)
    assert told(engine) == [("a", "acme-2024", "needed", 1), ("b", "acme-2024", "needed", 1)]


async def _until(writer: LedgerWriter, depth: int) -> None:
    async with asyncio.timeout(30):
        while writer.queue_depth != depth:
            await asyncio.sleep(0.005)


@on_sqlite
def test_who_waited_too_long_or_found_no_room_or_went_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LedgerWriter(engine, "host:1", queue_limit=2)
    writer.submit(of("before")).result(10)
    is_taken = record_taken(monkeypatch)

    async def scenario() -> None:
        first = asyncio.create_task(writer.append(of("in the writer's hands")))
        assert await asyncio.to_thread(is_taken.wait, 30)
        with pytest.raises(LedgerTooSlow):
            await writer.append(of("too slow"), seconds=0.05)
        gone = asyncio.create_task(writer.append(of("gone")))
        await _until(writer, 1)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        waiting = [asyncio.create_task(writer.append(of("waits"))) for _ in range(2)]
        await _until(writer, 2)
        with pytest.raises(LedgerBusy):
            await writer.append(of("no room"))
        lock.close()
        await asyncio.gather(first, *waiting)

    with contextlib.ExitStack() as lock:
        lock.enter_context(locked(engine))
        asyncio.run(scenario())
    assert sorted(told(engine)) == [(name, "acme-2024", "needed", 1) for name in ("gone", "no room", "too slow")]
    assert writer.close(10)
    with pytest.raises(LedgerClosed):
        writer.submit(of("too late"))
    assert len(told(engine)) == 3


def test_a_crowd_of_operations_fills_no_memory() -> None:
    unrecorded = UnrecordedUses(KeptUses())
    assert not unrecorded
    for number in range(MOST_CELLS + 10):
        unrecorded.add(of(f"op-{number}", server="node-1"))
    unrecorded.add(of("op-1", signer(NEW, 1)))
    found = unrecorded.untold()
    assert sorted(count for cell, count in found.messages.items() if cell[1] == "*") == [1, 10]
    assert sum(found.messages.values()) == MOST_CELLS + 11
    rows = found.uses((), {}, int(NOON.timestamp()) * 1_000_000).rows()
    assert {row[7] for row in rows} == {"failed"}
    unrecorded.add(of("op-0", server="node-1"))
    unrecorded.forget(found)
    assert sum(unrecorded.untold().messages.values()) == 1, "what came since"


def test_what_was_written_after_all_is_taken_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(of("before")).result(10)
    lose_one_answer(monkeypatch)
    with pytest.raises(LedgerUnavailable):
        writer.submit(of("committed, and nobody knows")).result(10)
    with pytest.raises(RecordRefused):
        writer.submit(of("refused", **BAD)).result(10)
    writer.submit(of("after")).result(10)
    assert writer.close(10)
    assert told(engine) == [("refused", "acme-2024", "needed", 1)]
    assert verify_ledger(engine).is_intact


@on_sqlite
def test_who_comes_while_the_writer_ends_is_told_with_its_last_word(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(of("before")).result(10)
    is_taken = record_taken(monkeypatch)
    with locked(engine):
        last = writer.submit(of("in the writer's hands"))
        assert is_taken.wait(30)
        assert not writer.close(0)
        with pytest.raises(LedgerClosed):
            writer.submit(of("too late"))
    last.result(10)
    assert writer.close(30)
    assert told(engine) == [("too late", "acme-2024", "needed", 1)]


def test_what_was_promised_and_is_lost_at_the_end_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(of("before")).result(10)
    monkeypatch.setattr(writer._chains, "write", without_records(writer._chains.write))
    writer.enqueue(of("owed"))
    assert writer.close(30)
    assert writer.state.lost == 1
    assert told(engine) == [("owed", "acme-2024", "needed", 1)]


def test_what_was_told_is_not_taken_back_from_what_came_since() -> None:
    unrecorded = UnrecordedUses(KeptUses())
    first, second = of("a"), of("a")
    unrecorded.add(first)
    unrecorded.forget(unrecorded.untold())
    unrecorded.add(second)
    unrecorded.take_back(first)
    assert sum(unrecorded.untold().messages.values()) == 1
    for number in range(5000):
        unrecorded.add(of("b", signer(NEW, number)))
    assert len(unrecorded._latest) < 5000
    unrecorded.take_back(second)
    assert sum(unrecorded.untold().messages.values()) == 5001, "of so long ago it is not known any more, and counts"


def late(number: int, **fields: Any) -> MessageRecord:
    """A message that is rejected although its signature is good."""
    return rejected("timestamp-stale", operation="late", signers=(signer(OLD, number),), **fields)


def lose(writer: LedgerWriter, *records: MessageRecord) -> None:
    """Messages that cannot be stored, and one that can, with which they are told."""
    for record in records:
        with pytest.raises(RecordRefused):
            writer.submit(replace(record, **BAD)).result(10)
    writer.submit(of("after", signer(NEW, 1))).result(10)


def test_an_old_message_that_is_sent_again_is_no_use(engine: Engine, writer: LedgerWriter) -> None:
    """As with those that are recorded: or a stranger could keep a gate shut with it."""
    writer.submit(late(1)).result(10)
    lose(writer, late(1), late(1))
    assert told(engine) == []
    lose(writer, late(1), late(2), late(2), of("late", signer(OLD, 1)))
    first = told(engine)
    assert {use[:3] for use in first} == {("late", "acme-2024", "needed")}
    assert sum(use[3] for use in first) == 2, "an accepted one counts in any case, and the new one once"
    lose(writer, late(2))
    assert told(engine) == first, "it was told"
    again = late(2)
    writer.submit(again).result(10)
    assert usage(engine)[-1].role is Role.REPEATED
    assert verify_ledger(engine).is_intact


def test_what_one_key_repeats_and_another_signs_anew_is_a_use_of_the_other(
    engine: Engine, writer: LedgerWriter
) -> None:
    writer.submit(late(1)).result(10)
    lose(writer, rejected("timestamp-stale", operation="late", signers=(signer(OLD, 1), signer(NEW, 9))))
    assert told(engine) == [("late", "acme-2026", "needed", 1)]
    lose(writer, rejected("timestamp-stale", operation="late", signers=(signer(OLD, 1), signer(OLD, 8))))
    assert told(engine)[1:] == [("late", "acme-2024", "needed", 1)]


def test_one_message_that_is_sent_again_and_again_fills_no_memory() -> None:
    unrecorded = UnrecordedUses(KeptUses())
    for _ in range(20_000):
        unrecorded.add(late(1))
    assert sum(unrecorded.untold().messages.values()) == 1
    assert len(unrecorded._latest) == 1
    unrecorded.forget(unrecorded.untold())
    assert not unrecorded._met
    for number in range(20_000):
        unrecorded.add(late(number))
    assert len(unrecorded._met) < 20_000
    assert len(unrecorded._latest) < 5_000


def test_what_is_in_the_way_of_a_record_does_not_hide_its_signers(engine: Engine, writer: LedgerWriter) -> None:
    """Another row at its place in the chain: the record is nowhere."""
    writer.submit(of("before")).result(10)
    with engine.begin() as connection:
        row = dict(connection.execute(select(messages)).mappings().one())
        row |= {"id": "0198f0a4-0000-7000-8000-000000000000", "sequence": 2}
        connection.execute(insert(messages), row)
    refused = writer.submit(of("lost"))
    with pytest.raises(RecordRefused) as raised:
        refused.result(10)
    assert not isinstance(raised.value, AlreadyRecorded)
    deadline = time.monotonic() + 30
    while not told(engine) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told(engine) == [("lost", "acme-2024", "needed", 1)]
