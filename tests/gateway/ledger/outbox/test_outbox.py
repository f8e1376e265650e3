"""The outbox on both kinds of database: nothing twice, nothing lost, and bounded."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from gateway.ledger import (
    AlertFinding,
    DatabaseUnavailable,
    DeliveryState,
    LedgerUnavailable,
    end_alert,
    find_alert,
    hand_out,
    known_alerts,
    next_delivery,
    note_delivery,
    raise_alert,
    sum_up_alerts,
    tidy_outbox,
    told_notices,
    waiting_deliveries,
)
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import alert_deliveries, alert_notices, alerts
from gateway.ledger.outbox import raising
from keystore import to_microseconds
from tests.databases import on_postgresql

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FINDING = AlertFinding(
    event="unknown-key",
    about=("orders", "ab"),
    what="A message came",
    run="wssgate report unknown-keys",
    since=NOON,
    last=NOON,
    endpoint="orders",
    records=["r1"],
    times=1,
)
LASTING = AlertFinding(event="clock", about=("host",), what="Off", run="", since=NOON, last=NOON, lasts=True)


def count(engine: Engine, table: Any) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_found_again_it_is_the_same_and_is_told_once(engine: Engine) -> None:
    assert raise_alert(engine, FINDING, NOON)
    assert not raise_alert(engine, FINDING, NOON)
    assert not raise_alert(engine, replace(FINDING, what="In other words"), NOON)
    assert raise_alert(engine, replace(FINDING, about=("orders", "cd")), NOON)
    assert count(engine, alerts) == count(engine, alert_notices) == 2


def test_repeats_are_told_after_an_hour_in_one_sum(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    later = replace(FINDING, times=7, last=NOON + timedelta(minutes=5), records=["r7"])
    assert not raise_alert(engine, later, NOON + timedelta(minutes=5))
    assert sum_up_alerts(engine, NOON + timedelta(minutes=59)) == 0
    assert sum_up_alerts(engine, NOON + HOUR) == 1
    assert sum_up_alerts(engine, NOON + HOUR) == 0
    (notice, _), (first, _) = told_notices(engine)
    assert (first.number, first.times, first.new_times) == (1, 1, 1)
    assert (notice.number, notice.times, notice.new_times, notice.records) == (2, 7, 6, ("r7",))
    assert notice.last == later.last
    assert notice.since == NOON
    assert notice.about == FINDING.about


def test_what_lasts_is_over_once(engine: Engine) -> None:
    assert not end_alert(engine, "clock", ("host",), "Right", NOON)
    assert raise_alert(engine, LASTING, NOON)
    assert not raise_alert(engine, LASTING, NOON + 5 * HOUR), "nobody is told every hour of what lasts"
    assert end_alert(engine, "clock", ("host",), "Right", NOON + timedelta(minutes=1))
    assert not end_alert(engine, "clock", ("host",), "Right", NOON + timedelta(minutes=2))
    assert [(notice.is_over, notice.what) for notice, _ in told_notices(engine)] == [(True, "Right"), (False, "Off")]
    (alert,) = known_alerts(engine)
    assert not alert.is_on


def test_many_find_it_at_once_and_one_tells(engine: Engine) -> None:
    raised: list[bool] = []
    barrier = threading.Barrier(6)

    def find() -> None:
        barrier.wait()
        raised.append(raise_alert(engine, FINDING, NOON))

    threads = [threading.Thread(target=find) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(raised) == [False] * 5 + [True]
    assert count(engine, alert_notices) == 1


@on_postgresql
def test_whoever_comes_second_finds_that_somebody_has_just_raised_it(engine: Engine) -> None:
    raised: list[bool] = []
    with writing(engine) as connection:
        assert raising._raise(connection, FINDING, to_microseconds(NOON))
        second = threading.Thread(target=lambda: raised.append(raise_alert(engine, FINDING, NOON)))
        second.start()
        second.join(0.5)
        assert second.is_alive(), "it waits for the first one's transaction"
    second.join(60)
    assert raised == [False]
    assert count(engine, alert_notices) == 1


def test_a_notice_waits_for_each_channel_until_that_took_it(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    assert next_delivery(engine, "mail", NOON) is None
    assert hand_out(engine, ["mail", "hook"], NOON) == 1
    assert hand_out(engine, ["mail", "hook"], NOON) == 0, "a channel that is added later is not told what was"
    assert waiting_deliveries(engine) == {"mail": 1, "hook": 1}
    delivery = next_delivery(engine, "hook", NOON)
    assert delivery is not None
    assert delivery.notice.what == FINDING.what
    assert note_delivery(engine, delivery, "hook", NOON, None) is DeliveryState.DELIVERED
    assert next_delivery(engine, "hook", NOON) is None
    assert waiting_deliveries(engine) == {"mail": 1}


def test_what_failed_is_tried_again_later_and_given_up_in_the_end(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    hand_out(engine, ["hook"], NOON)
    at, waits = NOON, []
    for _ in range(6):
        delivery = next_delivery(engine, "hook", at)
        assert delivery is not None
        assert note_delivery(engine, delivery, "hook", at, "it is ill" * 100) is DeliveryState.WAITING
        begin = at
        while next_delivery(engine, "hook", at) is None:
            at += timedelta(seconds=5)
        waits.append((at - begin).total_seconds())
    assert waits == [5, 15, 60, 300, 900, 900]
    delivery = next_delivery(engine, "hook", NOON + timedelta(days=3, seconds=1))
    assert delivery is not None
    ended = note_delivery(engine, delivery, "hook", NOON + timedelta(days=3, seconds=1), "it is ill")
    assert ended is DeliveryState.GIVEN_UP
    assert waiting_deliveries(engine) == {}
    ((_, (told,)),) = told_notices(engine)
    assert (told.state, told.attempts, told.problem) == (DeliveryState.GIVEN_UP, 7, "it is ill")


def test_a_clock_that_was_ahead_holds_no_delivery_back(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    hand_out(engine, ["hook"], NOON + timedelta(days=300))
    assert next_delivery(engine, "hook", NOON) is not None


def test_a_channel_is_not_told_of_itself(engine: Engine) -> None:
    raise_alert(engine, replace(LASTING, event="channel", about=("hook",), except_channel="hook"), NOON)
    hand_out(engine, ["mail", "hook"], NOON)
    assert waiting_deliveries(engine) == {"mail": 1}
    end_alert(engine, "channel", ("hook",), "It works again", NOON + HOUR)
    hand_out(engine, ["mail", "hook"], NOON + HOUR)
    assert waiting_deliveries(engine) == {"mail": 2}


def test_what_is_old_goes_and_what_waits_for_nobody_is_given_up(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    raise_alert(engine, LASTING, NOON)
    hand_out(engine, ["mail", "gone"], NOON)
    assert tidy_outbox(engine, ["mail"], NOON) == 0
    assert waiting_deliveries(engine) == {"mail": 2}
    assert tidy_outbox(engine, ["mail"], NOON + timedelta(days=91)) == 2
    assert count(engine, alert_deliveries) == 0
    assert [alert.event for alert in known_alerts(engine)] == ["clock"], "what lasts stays"


def test_texts_are_cut_and_only_some_records_are_shown(engine: Engine) -> None:
    ids = [f"r{number}" for number in range(50)]
    raise_alert(engine, replace(FINDING, what="x" * 5000, records=ids), NOON)
    ((notice, _),) = told_notices(engine)
    assert len(notice.what) == 600
    assert notice.records == tuple(ids[:5])


def test_names_that_strangers_chose_can_be_written_down_everywhere(engine: Engine) -> None:
    name = "CN=a\x00b\ud800\x1b[31m\nc"
    assert raise_alert(engine, replace(FINDING, what=name, about=("orders", name), records=[name]), NOON)
    ((notice, _),) = told_notices(engine)
    assert notice.what == "CN=a\\x00b\\ud800\\x1b[31m\\nc"
    assert notice.about == ("orders", name)
    assert notice.records == (name,)


def test_a_row_that_was_altered_is_shown_as_far_as_it_can_be_read(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    hand_out(engine, ["hook"], NOON)
    for text in ("", "[", "[]", '{"about":7,"times":"x"}', "[" * 5000):
        with writing(engine) as connection:
            connection.execute(update(alert_notices).values(content=text))
            connection.execute(update(alerts).values(about=text, records=text))
            connection.execute(update(alert_deliveries).values(state="waiting"))
        ((notice, _),) = told_notices(engine)
        assert (notice.what, notice.about, notice.made) == ("", (), NOON)
        assert next_delivery(engine, "hook", NOON) is not None
        assert known_alerts(engine)[0].records == ()
    far = 2**62
    with writing(engine) as connection:
        connection.execute(update(alert_notices).values(made=far, content=f'{{"first_at":{far}}}'))
        connection.execute(update(alerts).values(first_at=far, last_at=far, told_at=far))
        connection.execute(update(alert_deliveries).values(at=far))
    ((notice, _),) = told_notices(engine)
    assert notice.made == notice.since == known_alerts(engine)[0].last
    delivery = next_delivery(engine, "hook", NOON)
    assert delivery is not None
    assert note_delivery(engine, delivery, "hook", NOON, "ill") is DeliveryState.GIVEN_UP


def test_it_is_found_by_what_it_is_about(engine: Engine) -> None:
    raise_alert(engine, FINDING, NOON)
    found = find_alert(engine, "unknown-key", ("orders", "ab"))
    assert found is not None
    assert found.notices == 1
    assert find_alert(engine, "unknown-key", ("orders", "cd")) is None
    assert known_alerts(engine, event="clock") == []


def test_a_database_without_its_tables_is_an_error_of_the_ledger(engine: Engine) -> None:
    alert_deliveries.drop(engine)
    raise_alert(engine, FINDING, NOON)
    with pytest.raises(LedgerUnavailable, match="alerts cannot be handed out"):
        hand_out(engine, ["hook"], NOON)
    with pytest.raises(DatabaseUnavailable):
        next_delivery(engine, "hook", NOON)
    with pytest.raises(LedgerUnavailable, match="tidied"):
        tidy_outbox(engine, ["hook"], NOON)
    alert_notices.drop(engine)
    with pytest.raises(LedgerUnavailable, match="the alert cannot be written down"):
        raise_alert(engine, replace(FINDING, times=2), NOON + HOUR)
    with writing(engine) as connection:
        connection.execute(update(alerts).values(times=9))
    with pytest.raises(LedgerUnavailable, match="summed up"):
        sum_up_alerts(engine, NOON + HOUR)
