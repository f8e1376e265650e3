"""Which signatures came before: a message that is sent again is no new use of its key."""

import threading
import time
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event, insert, select

from gateway.ledger import LedgerWriter, MessageRecord, Role, forget_signatures, usage
from gateway.ledger.clock import LedgerClock, own_clock, steady_clock
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import chains, signature_uses
from gateway.ledger.read import stored_records
from gateway.ledger.write import signature_uses as signature_uses_module
from gateway.ledger.write.signature_uses import MEMORY_DAYS
from keystore import CHAIN_START, from_microseconds
from tests.databases import locked
from tests.gateway.ledger.load import NEW, OLD, RENEWED, accepted, rejected, signature_id, signer

DAY: Final = 24 * 3_600_000_000
TODAY: Final = own_clock() // DAY + 5 * 365
"""In the future of any clock: the ledger's goes on from the head of a chain."""


def _at(engine: Engine, day: int) -> LedgerWriter:
    """A writer on the day of that number, at noon."""
    instant = day * DAY + DAY // 2
    head = {"writer": f"before {day}", "instance": "", "sequence": 1, "hash": CHAIN_START, "time": instant}
    with writing(engine) as connection:
        connection.execute(insert(chains), head)
    began = steady_clock()
    return LedgerWriter(
        engine, "host:1", clock=LedgerClock(lambda: instant + int((steady_clock() - began) * 1_000_000))
    )


def _write(writer: LedgerWriter, *records: MessageRecord) -> None:
    for future in [writer.submit(record) for record in records]:
        future.result(20)


def _late(number: int, **fields: Any) -> MessageRecord:
    """A message that is rejected although its signature is good."""
    return rejected("timestamp-stale", signers=(signer(OLD, number),), **fields)


def _roles(engine: Engine) -> dict[tuple[Role, str], int]:
    return {(row.role, str(row.outcome)): row.messages for row in usage(engine)}


def _marks(engine: Engine, record: MessageRecord) -> list[bool]:
    stored = stored_records.record(engine, record.id)
    assert stored is not None
    assert stored.record.signers is not None
    return [one.repeated for one in stored.record.signers]


def test_a_message_that_was_rejected_counts_once(engine: Engine, writer: LedgerWriter) -> None:
    first, second = _late(1), _late(1)
    _write(writer, first)
    _write(writer, second)
    assert (_marks(engine, first), _marks(engine, second)) == ([False], [True])
    assert _roles(engine) == {(Role.NEEDED, "rejected"): 1, (Role.REPEATED, "rejected"): 1}


def test_a_message_that_was_accepted_and_comes_again_is_no_use(engine: Engine, writer: LedgerWriter) -> None:
    _write(writer, accepted(OLD, number=1))
    again = _late(1)
    _write(writer, again)
    assert _marks(engine, again) == [True]
    assert _roles(engine) == {(Role.NEEDED, "accepted"): 1, (Role.REPEATED, "rejected"): 1}


def test_one_that_is_accepted_counts_in_any_case(engine: Engine, writer: LedgerWriter) -> None:
    # Without its key it would not pass.
    _write(writer, _late(1))
    twice = accepted(OLD, number=1), accepted(OLD, number=1)
    for record in twice:
        _write(writer, record)
        assert _marks(engine, record) == [False]
    assert _roles(engine) == {(Role.NEEDED, "rejected"): 1, (Role.NEEDED, "accepted"): 2}


def test_only_the_signatures_that_came_before_are_marked(engine: Engine, writer: LedgerWriter) -> None:
    _write(writer, _late(1))
    both = rejected("dtd", signers=(signer(OLD, 2), signer(RENEWED, 2), signer(NEW, 1, signature=1)))
    _write(writer, both)
    assert _marks(engine, both) == [False, False, True]


@pytest.mark.parametrize("known", [True, False])
def test_within_one_group(engine: Engine, writer: LedgerWriter, known: bool) -> None:
    if known:
        _write(writer, accepted(OLD, number=2))
    group = [_late(1), _late(1), accepted(OLD, number=2), _late(2), _late(3)]
    with locked(engine):
        futures = [writer.submit(record) for record in (rejected("unsigned", signers=()), *group)]
    for future in futures:
        future.result(20)
    assert [_marks(engine, record) for record in group] == [[False], [True], [False], [True], [False]]


def test_two_writers_know_what_the_other_wrote(engine: Engine) -> None:
    writers = [LedgerWriter(engine, f"host:{number}") for number in range(2)]
    barrier = threading.Barrier(2)

    def send(writer: LedgerWriter) -> None:
        barrier.wait()
        _write(writer, *(_late(number) for number in range(1, 60)))
        _write(writer, _late(1))

    threads = [threading.Thread(target=send, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        _write(writer, _late(1), _late(59))
        assert writer.close()
    counted = _roles(engine)
    # On a database with row locks two writers may store the same signature at the same moment: both are uses then.
    assert counted[Role.NEEDED, "rejected"] + counted[Role.REPEATED, "rejected"] == 2 * 60 + 4
    assert 59 <= counted[Role.NEEDED, "rejected"] <= (59 if engine.dialect.name == "sqlite" else 118)
    with reading(engine) as connection:
        assert len(connection.execute(select(signature_uses)).all()) == 59


@pytest.mark.parametrize(("days", "repeated"), [(1, True), (MEMORY_DAYS, True), (MEMORY_DAYS + 1, False)])
@pytest.mark.parametrize("is_signed", [True, False], ids=["with Timestamp", "without"])
def test_days_later(engine: Engine, days: int, repeated: bool, is_signed: bool) -> None:
    signed_at = from_microseconds(TODAY * DAY) if is_signed else None
    message = (signer(OLD, 1, signed_at=signed_at),)
    first = _at(engine, TODAY)
    _write(first, accepted(OLD, signers=message))
    assert first.close()
    later = _at(engine, TODAY + days)
    again = rejected("timestamp-stale", signers=message)
    _write(later, again)
    assert later.close()
    assert _marks(engine, again) == [repeated]


@pytest.mark.parametrize("ahead", [timedelta(days=5), timedelta(days=4000)])
def test_a_signer_whose_clock_is_ahead_is_known_again(engine: Engine, ahead: timedelta) -> None:
    message = (signer(OLD, 1, signed_at=from_microseconds(TODAY * DAY) + ahead),)
    for day, repeated in ((TODAY, False), (TODAY + 2, True), (TODAY + 9, True)):
        writer = _at(engine, day)
        record = rejected("timestamp-future", signers=message)
        _write(writer, record)
        assert writer.close()
        assert _marks(engine, record) == [repeated]


def _fill(engine: Engine, days: int, each: int) -> None:
    """A memory of many days."""
    rows = [
        {"day": TODAY - day, "signature_id": bytes.fromhex(signature_id(1_000_000 + day * each + number))[:20]}
        for day in range(days)
        for number in range(each)
    ]
    with writing(engine) as connection:
        connection.execute(insert(signature_uses), rows)


def test_a_stranger_who_sends_many_costs_no_more_than_so_much(engine: Engine) -> None:
    _fill(engine, MEMORY_DAYS + 1, 5)
    writer = _at(engine, TODAY)
    _write(writer, rejected("unsigned", signers=()))
    asked: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "signature_uses" in statement and statement.startswith("SELECT"):
            asked.append(statement)

    # Genuine messages that he once saw, none with a signed Timestamp, each with two signers.
    old = range(1_000_000, 1_000_000 + 5 * (MEMORY_DAYS + 1))
    sent = [rejected("replayed", signers=(signer(OLD, n), signer(RENEWED, n))) for n in old[:500]]
    with locked(engine):
        futures = [writer.submit(record) for record in sent]
    began = time.monotonic()
    for future in futures:
        future.result(20)
    took = time.monotonic() - began
    assert writer.close()
    marked = sum(_marks(engine, record) == [True, True] for record in sent)
    steps = signature_uses_module.MOST_STEPS // (MEMORY_DAYS + 1)
    assert 0 < marked <= steps * len({future.result().record.id for future in futures})
    assert marked < 500, "what is not looked up counts as a use"
    assert len(asked) <= 2 * 10, "few questions, however many messages"
    assert took < 10


def test_with_a_signed_timestamp_many_are_found(engine: Engine) -> None:
    _fill(engine, MEMORY_DAYS + 1, 5)
    writer = _at(engine, TODAY)
    # Day `d` back in the memory has the five numbers from 1,000,000 + 5 d on.
    made = [(1_000_000 + n, from_microseconds((TODAY - n // 5) * DAY)) for n in range(200)]
    sent = [rejected("replayed", signers=(signer(OLD, number, signed_at=at),)) for number, at in made]
    with locked(engine):
        futures = [writer.submit(record) for record in sent]
    for future in futures:
        future.result(20)
    assert writer.close()
    assert all(_marks(engine, record) == [True] for record in sent)


def test_signatures_of_long_past_days_are_forgotten_in_small_steps(engine: Engine) -> None:
    _fill(engine, MEMORY_DAYS + 4, 3)
    assert _at(engine, TODAY).close()
    steps = []
    while True:
        steps.append(forget_signatures(engine, limit=4))
        if steps[-1] < 4:
            break
    assert steps == [4, 4, 1]
    with reading(engine) as connection:
        days = connection.execute(select(signature_uses.c.day)).scalars().all()
    assert (min(days), len(days)) == (TODAY - MEMORY_DAYS, 3 * (MEMORY_DAYS + 1))


def test_nothing_is_forgotten_of_a_ledger_that_has_no_time(engine: Engine) -> None:
    _fill(engine, 2, 2)
    assert forget_signatures(engine) == 0
