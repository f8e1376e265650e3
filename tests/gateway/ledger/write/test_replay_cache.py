import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from gateway.ledger import LedgerWriter, MessageRecord, Receipt, RecordRefused, Role
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import replay_guard
from gateway.ledger.read import rejection_sums
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.read import stored_records as on_record
from gateway.ledger.record_rows import MAX_ITEMS
from gateway.ledger.write.replay_cache import DEFAULT_MEMORY, FORGET_MARGIN, forget_expired
from gateway.vocabulary import Mode
from keystore import to_microseconds
from tests.databases import locked
from tests.gateway.ledger.load import NOON, OLD, accepted, rejected

KEY, OTHER = "e" * 64, "f" * 64


def _signed(**fields: Any) -> MessageRecord:
    values = {"replay_keys": (KEY,), "fresh_until": NOON + timedelta(minutes=5), "replay_check": True, "number": 1}
    return accepted(OLD, **(values | fields))


def _write(writer: LedgerWriter, record: MessageRecord) -> Receipt:
    return writer.submit(record).result(10)


def test_the_second_acceptance_of_a_signature_is_a_rejection(engine: Engine, writer: LedgerWriter) -> None:
    assert not _write(writer, _signed()).replayed
    repeated = _signed(time=NOON + timedelta(minutes=4))
    assert _write(writer, repeated).replayed
    stored = on_record.record(engine, repeated.id)
    assert stored is not None
    assert (stored.record.outcome, stored.record.reason, stored.record.released) == ("rejected", "replayed", False)
    assert stored.record.verified_by == (), "an old message sent again is no evidence that its key is in use"
    assert "replay attack" in stored.record.detail
    assert [(row.role, row.messages, row.share) for row in sums.usage(engine)] == [
        (Role.NEEDED, 1, 1.0),
        (Role.REPEATED, 1, 1.0),
    ]
    assert [(row.reason, row.messages) for row in rejection_sums.rejections(engine).rows] == [("replayed", 1)]


def test_in_mode_observe_it_is_recorded_and_delivered(engine: Engine, writer: LedgerWriter) -> None:
    _write(writer, _signed(mode=Mode.OBSERVE))
    repeated = _signed(mode=Mode.OBSERVE)
    assert _write(writer, repeated).replayed
    stored = on_record.record(engine, repeated.id)
    assert stored is not None
    assert (stored.record.outcome, stored.record.released) == ("rejected", True)


def test_two_in_one_group(engine: Engine, writer: LedgerWriter) -> None:
    first, other, second = _signed(), _signed(replay_keys=("f" * 64,)), _signed()
    with locked(engine):
        futures = [writer.submit(one) for one in (accepted(OLD), first, other, second)]
    assert [future.result(10).replayed for future in futures] == [False, False, False, True]


@pytest.mark.parametrize(
    "keys",
    [(OTHER, KEY), (KEY,), (OTHER,), (KEY, "a" * 64), ("a" * 64, OTHER)],
    ids=lambda keys: "".join(k[0] for k in keys),
)
def test_one_known_signature_among_several_makes_a_repetition(writer: LedgerWriter, keys: tuple[str, ...]) -> None:
    assert not _write(writer, _signed(replay_keys=(KEY, OTHER))).replayed
    assert _write(writer, _signed(replay_keys=keys)).replayed
    assert not _write(writer, _signed(replay_keys=("b" * 64, "c" * 64))).replayed


@pytest.mark.parametrize(
    "keys", [(OTHER, KEY), (OTHER,), ("a" * 64, OTHER)], ids=lambda keys: "".join(k[0] for k in keys)
)
def test_one_known_signature_within_a_group(engine: Engine, writer: LedgerWriter, keys: tuple[str, ...]) -> None:
    first, second, third = (
        _signed(replay_keys=(KEY, OTHER)),
        _signed(replay_keys=keys),
        _signed(replay_keys=("b" * 64,)),
    )
    with locked(engine):
        futures = [writer.submit(one) for one in (accepted(OLD), first, second, third)]
    assert [future.result(10).replayed for future in futures] == [False, False, True, False]


def test_the_other_signatures_of_a_repetition_are_remembered_too(writer: LedgerWriter) -> None:
    assert not _write(writer, _signed(replay_keys=(KEY,))).replayed
    assert _write(writer, _signed(replay_keys=(KEY, OTHER))).replayed
    assert _write(writer, _signed(replay_keys=(OTHER,))).replayed


def test_more_signatures_than_are_stored_are_refused_and_never_cut_short(writer: LedgerWriter) -> None:
    keys = tuple(f"{number:064x}" for number in range(MAX_ITEMS + 1))
    with pytest.raises(RecordRefused, match="more than 64 signatures"):
        _write(writer, _signed(replay_keys=keys))
    assert not _write(writer, _signed(replay_keys=keys[:-1])).replayed
    assert _write(writer, _signed(replay_keys=keys[-2:-1])).replayed


def test_only_accepted_records_that_ask_for_it_are_remembered(writer: LedgerWriter) -> None:
    asked = {"replay_keys": (KEY,), "replay_check": True}
    for record in (_signed(replay_check=False), rejected("timestamp-stale", **asked), _signed(replay_keys=())):
        assert not _write(writer, record).replayed
    assert not _write(writer, _signed()).replayed
    assert not _write(writer, _signed(replay_check=False)).replayed
    assert not _write(writer, rejected("timestamp-stale", **asked)).replayed
    assert _write(writer, _signed()).replayed


def test_what_has_expired_may_come_again(writer: LedgerWriter) -> None:
    assert not _write(writer, _signed()).replayed
    late = NOON + timedelta(minutes=5)
    assert not _write(writer, _signed(time=late, fresh_until=late + timedelta(minutes=5))).replayed
    assert _write(writer, _signed(time=late + timedelta(minutes=4))).replayed


def test_without_an_end_of_freshness_it_is_remembered_for_a_day(engine: Engine, writer: LedgerWriter) -> None:
    _write(writer, _signed(fresh_until=None))
    with reading(engine) as connection:
        row = connection.execute(select(replay_guard)).one()
    assert row.expires - row.seen == DEFAULT_MEMORY == 24 * 3600 * 10**6


def test_two_writers_accept_one_signature_once(engine: Engine) -> None:
    writers = [LedgerWriter(engine, f"host:{number}") for number in range(2)]
    barrier = threading.Barrier(2)
    receipts: list[Receipt] = []

    def send(writer: LedgerWriter) -> None:
        barrier.wait()
        futures = [writer.submit(_signed(replay_keys=(f"{number:064x}",))) for number in range(50)]
        receipts.extend(future.result(10) for future in futures)

    threads = [threading.Thread(target=send, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.close() for writer in writers] == [True, True]
    assert sorted(receipt.replayed for receipt in receipts) == [False] * 50 + [True] * 50


def test_expired_keys_are_forgotten_in_small_steps(engine: Engine) -> None:
    now = to_microseconds(NOON)
    limit = now - FORGET_MARGIN
    keys = [{"replay_key": f"{n}", "seen": 0, "expires": limit + n} for n in range(-5, 3)]
    with writing(engine) as connection:
        connection.execute(replay_guard.insert(), keys)
        assert forget_expired(connection, now, limit=3) == 3
        assert forget_expired(connection, now, limit=3) == 2
        assert forget_expired(connection, now, limit=3) == 0
        assert connection.execute(text("SELECT min(expires) FROM replay_guard")).scalar_one() == limit


def test_the_writer_forgets_by_itself(engine: Engine, writer: LedgerWriter) -> None:
    with writing(engine) as connection:
        connection.execute(replay_guard.insert(), {"replay_key": "ancient", "seen": 0, "expires": 1})
    _write(writer, accepted(OLD))
    with reading(engine) as connection:
        assert connection.execute(select(replay_guard)).all() == []
