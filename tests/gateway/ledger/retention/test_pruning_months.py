"""On PostgreSQL whole months go, and nothing else does."""

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import ChainState, Content, EventKind, LedgerUnavailable, LedgerWriter, anchors
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.partitions import Month, make_partitions, partitions
from gateway.ledger.retention.pruning import Prunable, Pruned, prune
from tests.databases import on_postgresql, refuse
from tests.gateway.ledger.counting import stored_rollups
from tests.gateway.ledger.load import OLD, accepted
from tests.gateway.ledger.retention.telling import pruned, telling, verified

pytestmark = on_postgresql

NOW = datetime(2026, 9, 15, 12, 0, tzinfo=UTC)


def _at(month: int, day: int = 10) -> datetime:
    return datetime(2026, month, day, 12, 0, tzinfo=UTC)


@pytest.fixture
def months(engine: Engine) -> Engine:
    """A ledger with a partition for each month from June on."""
    for month in (6, 8):
        with writing(engine) as connection:
            make_partitions(connection, _at(month))
    return engine


def _write(engine: Engine, *times: datetime, endpoint: str = "orders", instance: str = "host:1") -> None:
    writer = LedgerWriter(engine, instance)
    for time in times:
        writer.submit(accepted(OLD, time=time, endpoint=endpoint)).result(10)
    assert writer.close(10)


def _prune(engine: Engine, before: datetime, *, rehearse: bool = False) -> Pruned:
    return pruned(engine, Prunable({"orders": before}, NOW - timedelta(days=1)), NOW, rehearse=rehearse)


def _there(engine: Engine) -> set[Month]:
    with reading(engine) as connection:
        return {month for month in partitions(connection) if month.year == 2026 and month.month < 9}


def test_months_that_are_old_as_a_whole_are_dropped(months: Engine) -> None:
    _write(months, _at(6), _at(6, 20), _at(7), _at(7, 30), _at(8))
    _write(months, _at(6, 25), _at(8, 2), instance="host:2")
    before, kept = stored_rollups(months), anchors(months)
    assert _prune(months, _at(8, 5), rehearse=True) == Pruned({"orders": 5}, _at(7, 30), complete=True)
    assert _there(months) == {Month(2026, 6), Month(2026, 7), Month(2026, 8)}
    assert _prune(months, _at(8, 5)) == Pruned({"orders": 5}, _at(7, 30), complete=True)
    assert _there(months) == {Month(2026, 8)}
    assert stored_rollups(months) == before, "the roll-ups stay"
    reports = verified(months, kept, pruned_before=NOW)
    assert [(r.state, r.pruned, r.rows) for r in reports] == [(ChainState.INTACT, 4, 1), (ChainState.INTACT, 1, 1)]
    assert _prune(months, _at(8, 5)).total == 0


def test_the_endpoint_that_keeps_longest_decides(months: Engine) -> None:
    _write(months, _at(6), _at(7), endpoint="orders")
    _write(months, _at(6), endpoint="invoices", instance="host:2")
    prunable = Prunable({"orders": _at(8), "invoices": _at(6, 1)}, _at(8))
    assert pruned(months, prunable, NOW).total == 0
    assert _there(months) == {Month(2026, 6), Month(2026, 7), Month(2026, 8)}


def test_months_entangled_by_a_clock_that_was_set_back_go_together(months: Engine) -> None:
    _write(months, _at(7), _at(6), _at(6, 11), _at(7, 12), _at(8))
    assert _prune(months, _at(7, 15)).total == 0, "June cannot go without July"
    assert _prune(months, _at(8, 1)) == Pruned({"orders": 4}, _at(7, 12), complete=True)
    assert [(r.state, r.rows) for r in verified(months)] == [(ChainState.INTACT, 1)]


def test_a_gap_keeps_its_month(months: Engine) -> None:
    _write(months, _at(6), _at(6, 11), _at(6, 12), _at(7))
    with writing(months) as connection:
        connection.execute(text("DROP TRIGGER messages_are_only_pruned ON messages"))
        connection.execute(text("DELETE FROM messages WHERE sequence = 2"))
    assert _prune(months, _at(8, 1)).total == 0
    assert verified(months)[0].state is ChainState.MISSING


def test_a_month_into_which_somebody_writes_meanwhile_stays_for_now(months: Engine) -> None:
    _write(months, _at(6), _at(7))
    with telling(months) as tell:

        def late(kind: EventKind, content: Content) -> "Future[None]":
            _write(months, _at(6, 12), instance="host:2")
            return tell(kind, content)

        prunable = Prunable({"orders": _at(7)}, NOW)
        assert prune(months, prunable, at=NOW, tell=late) == Pruned({}, None, complete=True)
    assert Month(2026, 6) in _there(months)
    assert _prune(months, _at(7)).total == 2
    assert {report.state for report in verified(months)} == {ChainState.INTACT}


def test_months_that_cannot_be_dropped_are_told_in_a_sentence(months: Engine) -> None:
    _write(months, _at(6), _at(7))
    with writing(months) as connection:
        refuse(connection, "INSERT ON checkpoints", "no")
    with pytest.raises(LedgerUnavailable, match="old records could not be removed: no"):
        _prune(months, _at(7))
    assert Month(2026, 6) in _there(months)
