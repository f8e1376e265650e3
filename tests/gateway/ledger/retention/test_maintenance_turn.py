from datetime import timedelta

from sqlalchemy import Engine

from gateway.ledger.retention.maintenance_turn import leave_maintenance, take_maintenance
from tests.gateway.ledger.load import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def _take(engine: Engine, holder: str, hours: float = 0) -> bool:
    return take_maintenance(engine, "pruning", holder, at=NOON + hours * HOUR, length=HOUR, every=DAY)


def test_one_holds_a_chore_at_a_time(engine: Engine) -> None:
    assert _take(engine, "a")
    assert not _take(engine, "b", 0.9)
    assert take_maintenance(engine, "another", "b", at=NOON, length=HOUR)
    leave_maintenance(engine, "pruning", "b", finished=None)  # holds nothing: nothing changes
    assert not _take(engine, "b", 0.9)
    leave_maintenance(engine, "pruning", "a", finished=None)
    assert _take(engine, "b", 0.9)


def test_whoever_was_killed_holds_it_no_longer(engine: Engine) -> None:
    assert _take(engine, "a")
    assert _take(engine, "b", 1.1)
    assert not _take(engine, "a", 1.2)


def test_what_is_finished_rests_for_everybody(engine: Engine) -> None:
    assert _take(engine, "a")
    leave_maintenance(engine, "pruning", "a", finished=NOON + HOUR)
    assert not _take(engine, "a", 24.9)
    assert not _take(engine, "b", 24.9)
    assert _take(engine, "b", 25.1)


def test_a_clock_that_ran_ahead_for_a_while_stops_nobody_for_as_long(engine: Engine) -> None:
    assert _take(engine, "a", 9000)
    assert _take(engine, "b"), "held for an hour at most, whatever the end of it is said to be"
    leave_maintenance(engine, "pruning", "b", finished=NOON + 9000 * HOUR)
    assert _take(engine, "a")
    leave_maintenance(engine, "pruning", "a", finished=NOON + 1 * HOUR)
    assert not _take(engine, "b"), "two clocks may differ by a little"
