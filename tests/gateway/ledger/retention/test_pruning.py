"""Old records go, in steps, and nothing else does."""

from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from gateway.ledger import (
    ChainState,
    Content,
    EventKind,
    LedgerUnavailable,
    LedgerWriter,
    anchors,
    records_to_verify,
)
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.retention import pruning
from gateway.ledger.retention.pruning import Prunable, Pruned, prune
from tests.databases import drop_trigger, on_sqlite, refuse
from tests.gateway.ledger.counting import stored_rollups
from tests.gateway.ledger.load import NOON, OLD, accepted
from tests.gateway.ledger.retention.telling import pruned, telling, verified

pytestmark = on_sqlite
DAY = timedelta(days=1)
NOW = NOON + 100 * DAY


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "STEP", 3)


def _write(engine: Engine, *days: int, endpoint: str = "orders", instance: str = "host:1") -> None:
    """One writer's records, on the given days after noon."""
    writer = LedgerWriter(engine, instance)
    for day in days:
        writer.submit(accepted(OLD, time=NOON + day * DAY, endpoint=endpoint)).result(10)
    assert writer.close(10)


def _prune(engine: Engine, day: int, **options: Any) -> Pruned:
    """Remove what is older than `day`; of endpoint invoices what is older than day 2."""
    prunable = Prunable({"orders": NOON + day * DAY, "invoices": NOON + 2 * DAY}, NOON)
    return pruned(engine, prunable, NOW, **options)


def _days(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        times = connection.execute(select(messages.c.time).order_by(messages.c.time)).scalars()
        return [round(time / 86_400e6 - NOON.timestamp() / 86_400) for time in times]


def test_what_is_old_goes_and_what_is_not_stays_provable(engine: Engine) -> None:
    _write(engine, *range(10))
    _write(engine, *range(5, 15), instance="host:2")
    before, (first, _) = stored_rollups(engine), anchors(engine)
    steps: list[int] = []
    assert _prune(engine, 8, on_step=steps.append) == Pruned({"orders": 11}, NOON + 7 * DAY, complete=True)
    assert sorted(steps) == [2, 3, 3, 3]
    assert _days(engine) == sorted([8, 9, *range(8, 15)])
    assert stored_rollups(engine) == before, "the roll-ups stay"
    found = [(r.state, r.rows, r.pruned, r.pruned_until) for r in verified(engine, [first], pruned_before=NOW)]
    assert found == [(ChainState.INTACT, 2, 8, NOON + 7 * DAY), (ChainState.INTACT, 7, 3, NOON + 7 * DAY)]
    assert [anchor.pruned for anchor in anchors(engine)] == [8, 3]
    assert records_to_verify(engine) == 9
    assert _prune(engine, 8) == Pruned({}, None, complete=True)


def test_all_of_a_chain_can_go_and_it_goes_on(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(OLD)).result(10)
    assert _prune(engine, 5).total == 1
    assert [(r.state, r.rows) for r in verified(engine)] == [(ChainState.INTACT, 0)]
    assert anchors(engine) == []
    writer.submit(accepted(OLD, time=NOON + 9 * DAY)).result(10)
    assert writer.close(10)
    assert [(r.state, r.rows) for r in verified(engine)] == [(ChainState.INTACT, 1)]


def test_a_record_that_stays_keeps_those_behind_it(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    for day, endpoint in ((0, "orders"), (1, "invoices"), (2, "invoices"), (3, "orders"), (4, "gone")):
        writer.submit(accepted(OLD, time=NOON + day * DAY, endpoint=endpoint)).result(10)
    assert writer.close(10)
    assert _prune(engine, 50) == Pruned({"orders": 1, "invoices": 1}, NOON + 1 * DAY, complete=True)
    assert _days(engine) == [2, 3, 4]


def test_a_rehearsal_only_counts(engine: Engine) -> None:
    _write(engine, *range(10))
    assert _prune(engine, 8, rehearse=True) == Pruned({"orders": 8}, NOON + 7 * DAY, complete=True)
    assert len(_days(engine)) == 10
    assert verified(engine)[0].pruned == 0


def test_it_can_be_stopped_at_any_step_and_run_again(engine: Engine) -> None:
    _write(engine, *range(10))
    asked = iter([False, True])
    assert _prune(engine, 8, should_stop=lambda: next(asked)) == Pruned({"orders": 3}, NOON + 2 * DAY, complete=False)
    assert verified(engine)[0].state is ChainState.INTACT
    assert _prune(engine, 8).total == 5


def test_two_at_once_remove_nothing_twice_and_nothing_more(engine: Engine) -> None:
    _write(engine, *range(10))
    counted = 0

    def another(_: int) -> None:
        nonlocal counted
        if not counted:
            counted += 1  # before it calls itself
            counted += _prune(engine, 8).total - 1

    assert _prune(engine, 8, on_step=another).total + counted == 8
    assert verified(engine)[0].state is ChainState.INTACT


def test_what_another_one_removed_meanwhile_is_looked_at_again(engine: Engine) -> None:
    _write(engine, *range(10))
    counted: list[int] = []
    with telling(engine) as tell:

        def late(kind: EventKind, content: Content) -> "Future[None]":
            if not counted:
                counted.append(0)  # before it calls itself
                counted[0] = _prune(engine, 4).total
            return tell(kind, content)

        prunable = Prunable({"orders": NOON + 8 * DAY}, NOON)
        assert prune(engine, prunable, at=NOW, tell=late, pause_seconds=0).total == 4
    assert counted == [4]
    assert verified(engine)[0].state is ChainState.INTACT


def test_nothing_behind_a_gap_is_touched(engine: Engine) -> None:
    _write(engine, *range(10))
    with writing(engine) as connection:
        drop_trigger(connection, "messages_are_only_pruned")
        connection.execute(text("DELETE FROM messages WHERE sequence = 3"))
    assert _prune(engine, 8).total == 2
    report = verified(engine)[0]
    assert (report.state, report.sequence) == (ChainState.MISSING, 3)


def test_a_verification_under_way_is_not_misled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.proof.chain_verification.PAGE", 2)
    _write(engine, *range(10))

    def meanwhile(_: int) -> None:
        _prune(engine, 8)

    (report,) = verified(engine, on_progress=meanwhile)
    assert (report.state, report.rows, report.pruned) == (ChainState.INTACT, 4, 8)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO checkpoints SELECT writer, sequence + 1, hash, time, time FROM messages WHERE sequence = 9",
        "INSERT INTO checkpoints SELECT writer, sequence, 'f', time, time FROM messages WHERE sequence = 9",
        "UPDATE checkpoints SET sequence = 2",
        "UPDATE checkpoints SET sequence = 7, hash = 'f'",
        "DELETE FROM checkpoints",
        "DELETE FROM messages WHERE sequence = 7",
    ],
)
def test_the_database_refuses_false_checkpoints(engine: Engine, statement: str) -> None:
    _write(engine, *range(10))
    _prune(engine, 5)
    with pytest.raises(DBAPIError), writing(engine) as connection:
        connection.execute(text(statement))
    assert verified(engine)[0].state is ChainState.INTACT


def test_a_database_that_cannot_be_written_is_told_in_a_sentence(engine: Engine) -> None:
    _write(engine, *range(10))
    with writing(engine) as connection:
        refuse(connection, "DELETE ON messages", "no")
    with pytest.raises(LedgerUnavailable, match="old records could not be removed: no"):
        _prune(engine, 8)
    assert verified(engine)[0].state is ChainState.INTACT


def test_what_was_removed_is_gone_for_the_queries_and_counted_by_the_reports(engine: Engine) -> None:
    _write(engine, *range(10))
    _prune(engine, 20)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(messages)).scalar_one() == 0
    assert [row.messages for row in sums.usage(engine)] == [10]
    assert sums.usage(engine)[0].first_seen == NOON
