"""What goes is announced before, and where that fails nothing goes."""

from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from gateway.ledger import Content, EventKind, LedgerUnavailable, LedgerWriter, Prunable, Pruned, prune, verify_ledger
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import events
from gateway.ledger.event import Event
from gateway.ledger.retention import announcing, pruning
from tests.databases import on_sqlite, refuse
from tests.gateway.ledger.load import NOON, OLD, accepted
from tests.gateway.ledger.retention.telling import telling
from tests.gateway.ledger.watched_time import Watcher

pytestmark = on_sqlite
DAY = timedelta(days=1)
NOW = NOON + 120 * DAY
PRUNABLE = Prunable({"orders": NOON + 8 * DAY}, NOON)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "STEP", 3)
    monkeypatch.setattr(pruning, "ANNOUNCED_STEPS", 1)


@pytest.fixture
def killed(engine: Engine) -> Engine:
    """Ten records, a day apart, of a gateway that was killed: nothing tells what they count."""
    watcher = Watcher(engine, NOON, instance="host/1")
    for day in range(10):
        watcher.record(accepted(OLD, time=NOON + day * DAY))
    return engine


def _announced(engine: Engine) -> list[Content]:
    query = select(events).where(events.c.kind == EventKind.PRUNED).order_by(events.c.number)
    with reading(engine) as connection:
        return [Event.of_row(row).content for row in connection.execute(query).mappings()]


def _prune(engine: Engine, **options: Any) -> Pruned:
    with telling(engine) as tell:
        return prune(engine, PRUNABLE, at=NOW, tell=tell, pause_seconds=0, **options)


def test_an_event_announces_several_steps_and_tells_what_nobody_else_tells(killed: Engine) -> None:
    assert _prune(killed).total == 8
    told = _announced(killed)
    assert [(content["after"], content["sequence"]) for content in told] == [(0, 6), (6, 8)]
    assert [len(content["uses"]) for content in told] == [6, 2]
    report = verify_ledger(killed)
    assert (report.is_intact, report.unproven) == (True, [])


def test_a_run_that_was_cut_short_is_taken_up_again(killed: Engine) -> None:
    asked = iter([False, True])
    assert _prune(killed, should_stop=lambda: next(asked)).total == 3
    assert verify_ledger(killed).is_intact, "announced up to 6, gone up to 3"
    assert _prune(killed).total == 5
    assert [(content["after"], content["sequence"]) for content in _announced(killed)] == [(0, 6), (6, 8)]
    assert verify_ledger(killed).is_intact


def test_what_a_writer_told_itself_is_not_told_twice(engine: Engine) -> None:
    watcher = Watcher(engine, NOON, instance="host/1")
    for day in range(4):
        watcher.record(accepted(OLD, time=NOON + day * DAY))
    watcher.beat()
    watcher.record(accepted(OLD, time=NOON + 5 * DAY))
    assert _prune(engine).total == 5
    assert [(c["after"], c["sequence"], len(c["uses"])) for c in _announced(engine)] == [(4, 5, 1)]
    assert verify_ledger(engine).is_intact
    watcher.record(accepted(OLD, time=NOON + 9 * DAY))
    assert verify_ledger(engine).is_intact
    watcher.stop()
    assert verify_ledger(engine).is_intact, "its last word tells of what was announced as well"


def test_where_nothing_can_be_announced_nothing_goes(killed: Engine) -> None:
    with telling(killed) as tell:
        with writing(killed) as connection:
            refuse(connection, "INSERT ON events", "no", "NEW.kind = 'pruned'")
        with pytest.raises(LedgerUnavailable, match="no"):
            prune(killed, PRUNABLE, at=NOW, tell=tell, pause_seconds=0)
    assert {chain.pruned for chain in verify_ledger(killed).chains} == {0}


def test_an_announcement_that_takes_too_long_is_none(killed: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "_SECONDS", 0.01)
    with pytest.raises(LedgerUnavailable, match="was not committed within"):
        prune(killed, PRUNABLE, at=NOW, tell=lambda _kind, _content: Future(), pause_seconds=0)


def test_announcements_that_were_never_written_count_for_nothing(killed: Engine) -> None:
    with telling(killed) as tell:
        tell(EventKind.PRUNED, {"writer": 1, "sequence": "x"}).result(10)
        assert prune(killed, PRUNABLE, at=NOW, tell=tell, pause_seconds=0).total == 8
    assert [chain.detail for chain in verify_ledger(killed).chains if not chain.is_intact] == [
        "what it tells of writer was never written by this program"
    ]


def test_old_heartbeats_that_cannot_be_removed_are_told_in_a_sentence(engine: Engine) -> None:
    watcher = Watcher(engine, NOON, instance="host/1")
    watcher.beat()
    watcher.stop()
    with writing(engine) as connection:
        refuse(connection, "DELETE ON events", "no")
    with (
        telling(engine) as tell,
        pytest.raises(LedgerUnavailable, match="old heartbeats could not be removed: no"),
    ):
        prune(engine, Prunable({}, NOON + DAY), at=NOW, tell=tell, pause_seconds=0)


def test_a_writer_of_its_own_announces_from_the_command(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host/2")
    assert writer.close(10)
    assert _prune(engine) == Pruned({}, None, complete=True)
    assert _announced(engine) == []
