"""The sending of one process, and of two at one database: who sends, what a channel that is ill costs the others."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import Engine

from gateway import posting
from gateway.alerts import AlertDesk, AlertEvent, AlertSending, Look, courier, sending
from gateway.alerts.desk import MOST_WAITING
from gateway.config import AlertChannel, Settings
from gateway.ledger import (
    DeliveryState,
    LedgerUnavailable,
    known_alerts,
    note_delivery,
    open_database,
    told_notices,
    waiting_deliveries,
)
from gateway.ledger.database.ledger_tables import alert_notices
from gateway.service.alert_metrics import AlertMetrics
from tests.gateway.alerts.hooks import SECRET, Hook, webhook
from tests.gateway.anchoring.collector import drip, hang, refuse


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_database(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is waited for, in a tenth of the time or less."""
    monkeypatch.setattr(posting, "POST_SECONDS", 0.5)
    monkeypatch.setattr(courier, "RETRY_SECONDS", (0.1, 0.1, 0.2))
    monkeypatch.setattr(courier, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(sending, "STEP_SECONDS", 0.1)
    monkeypatch.setattr(sending, "RENEW_SECONDS", 0.3)
    monkeypatch.setattr(sending, "LEASE", timedelta(seconds=2))
    monkeypatch.setattr(sending, "DATABASE_SECONDS", 0.5)
    monkeypatch.setattr("gateway.ledger.outbox.delivering.RETRY_SECONDS", (0.1, 0.1, 0.2))


class Configuration:
    """What a gateway is configured with; it may be changed."""

    def __init__(self, folder: Path, **hooks: Hook) -> None:
        self.folder = folder
        (folder / "gateway.toml").write_text("")
        self.channels = {
            name: AlertChannel(webhook=SecretStr(hook.url), secret=SecretStr(SECRET)) for name, hook in hooks.items()
        }

    def __call__(self) -> Settings:
        return Settings.model_validate(
            {
                "source": self.folder / "gateway.toml",
                "gateway": {"signing_key": self.folder / "key"},
                "endpoint": {"orders": {"name": "orders", "path": "/o", "upstream": "http://127.0.0.1:9/"}},
                "alerts": self.channels,
            }
        )


@contextmanager
def running(
    engine: Engine,
    settings: Callable[[], Settings],
    holder: str = "a/1",
    looks: Sequence[Look] = (),
    ledger_problem: Callable[[], str | None] = lambda: None,
    meter: AlertMetrics | None = None,
) -> Iterator[tuple[AlertDesk, AlertSending]]:
    desk = AlertDesk(settings)
    one = AlertSending(engine, holder, settings, desk, looks, ledger_problem, meter)
    one.start()
    try:
        yield desk, one
    finally:
        one.close()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def alarm(desk: AlertDesk, number: int = 0) -> None:
    desk.alarm(AlertEvent.LEDGER, (str(number),), f"alarm {number}", "ledger verify")


def numbers(hook: Hook) -> list[str]:
    return [alert["about"][0] for alert in hook.of("ledger")]


def test_what_is_found_arrives_once_over_each_channel(engine: Engine, tmp_path: Path) -> None:
    with (
        webhook() as one,
        webhook() as other,
        running(engine, Configuration(tmp_path, one=one, other=other)) as (desk, _),
    ):
        for _ in range(3):
            alarm(desk, 1)
            alarm(desk, 2)
        until(lambda: len(one.alerts) == len(other.alerts) == 2)
        time.sleep(1)
        assert numbers(one) == numbers(other) == ["1", "2"]
        assert waiting_deliveries(engine) == {}


def test_what_is_sent_what_failed_and_what_waits_is_measured_by_the_process_that_sends(
    engine: Engine, tmp_path: Path
) -> None:
    registries = (CollectorRegistry(), CollectorRegistry())

    def measured(number: int, name: str, channel: str) -> float | None:
        return registries[number].get_sample_value(f"wssgate_alerts_{name}", {"channel": channel})

    with webhook() as good, webhook(lambda handler: handler.answer(500)) as bad:
        configuration = Configuration(tmp_path, good=good, bad=bad)
        with running(engine, configuration, "a/1", meter=AlertMetrics(registries[0])) as (desk, one):
            until(lambda: one.status()["sending"])
            with running(engine, configuration, "b/2", meter=AlertMetrics(registries[1])):
                until(lambda: measured(1, "sent_total", "good") == 0)  # there from the start, so that it can grow
                assert measured(0, "failed_total", "bad") == 0
                alarm(desk)
                # The third failure is told over the good one.
                until(lambda: measured(0, "sent_total", "good") == 2)
                until(lambda: measured(0, "waiting", "bad") == 1)
                assert (measured(0, "failed_total", "bad") or 0) >= 3
                assert (measured(0, "waiting", "good"), measured(0, "failed_total", "good")) == (0, 0)
                assert measured(0, "sent_total", "bad") == 0
                assert measured(1, "waiting", "bad") is None
                one.close()
                until(lambda: measured(1, "waiting", "bad") == 1)


def test_of_two_processes_one_sends_and_the_other_takes_over(engine: Engine, tmp_path: Path) -> None:
    with webhook() as hook:
        configuration = Configuration(tmp_path, hook=hook)
        with running(engine, configuration, "b/2") as (second_desk, second):
            until(lambda: second.status()["sending"])
            with running(engine, configuration, "a/1") as (desk, one):
                time.sleep(1)
                assert not one.status()["sending"]
                alarm(desk, 1)
                alarm(second_desk, 1)
                alarm(second_desk, 2)
                until(lambda: sorted(numbers(hook)) == ["1", "2"])
                second.close()
                until(lambda: one.status()["sending"])
                alarm(desk, 3)
                until(lambda: len(hook.alerts) == 3)
                time.sleep(0.5)
                assert sorted(numbers(hook)) == ["1", "2", "3"]


def test_of_many_processes_each_alert_is_sent_once(engine: Engine, tmp_path: Path) -> None:
    with webhook() as hook:
        configuration = Configuration(tmp_path, hook=hook)
        with (
            running(engine, configuration, "a/1") as (one, _),
            running(engine, configuration, "a/2") as (two, _),
            running(engine, configuration, "b/1") as (three, _),
        ):
            for number in range(10):
                for desk in (one, two, three):
                    alarm(desk, number)
            until(lambda: len(hook.alerts) >= 10)
            time.sleep(0.5)
        assert sorted(numbers(hook)) == sorted(map(str, range(10)))
        assert len(set(hook.keys)) == 10


@pytest.mark.parametrize("behaviour", [hang, refuse, drip])
def test_a_channel_that_is_broken_is_told_of_over_the_others_and_gets_all_when_it_is_back(
    engine: Engine, tmp_path: Path, behaviour: Any
) -> None:
    with webhook() as well, webhook(behaviour) as ill:
        with running(engine, Configuration(tmp_path, well=well, ill=ill)) as (desk, one):
            alarm(desk, 1)
            until(lambda: bool(well.of("ledger")), 3)
            until(lambda: bool(well.of("channel")))
            (told,) = well.of("channel")
            assert told["about"] == ["ill"]
            assert told["run"].startswith("wssgate alerts test ill --config ")
            assert ill.url not in str(told)
            assert one.status()["channels"]["ill"]["problem"]
            ill.server.behaviour = ill.take
            until(lambda: len(well.of("channel")) == 2)
            assert well.of("channel")[1]["over"]
            assert numbers(ill) == ["1"]
            until(lambda: one.status()["channels"]["ill"]["problem"] is None)
        assert ill.of("channel") == [], "it is not told of itself"


def test_what_could_not_be_sent_at_the_end_is_sent_by_the_next(engine: Engine, tmp_path: Path) -> None:
    with webhook(refuse) as hook:
        configuration = Configuration(tmp_path, hook=hook)
        with running(engine, configuration) as (desk, _):
            until(lambda: hook.server.asked == 0)
            alarm(desk, 1)
            until(lambda: hook.server.asked > 0)
        hook.server.behaviour = hook.take
        with running(engine, configuration, "b/2"):
            until(lambda: numbers(hook) == ["1"])


def test_what_is_found_at_the_very_end_is_sent_or_waits_in_the_outbox(engine: Engine, tmp_path: Path) -> None:
    with webhook() as hook, running(engine, Configuration(tmp_path, hook=hook)) as (desk, one):
        until(lambda: one.status()["sending"])
        alarm(desk, 1)
        one.close()
        assert [notice.about for notice, _ in told_notices(engine)] == [("1",)]
        assert len(hook.alerts) + sum(waiting_deliveries(engine).values()) == 1


def test_an_end_does_not_wait_for_a_channel_that_hangs(engine: Engine, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(posting, "POST_SECONDS", 30.0)
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0.5)
    with webhook(hang) as hook, running(engine, Configuration(tmp_path, hook=hook)) as (desk, one):
        alarm(desk, 1)
        until(lambda: hook.server.asked == 1)
        began = time.monotonic()
        one.close()
        assert time.monotonic() - began < 3


def test_channels_come_and_go_with_the_configuration(engine: Engine, tmp_path: Path) -> None:
    with webhook() as one, webhook() as other:
        configuration = Configuration(tmp_path)
        with running(engine, configuration) as (desk, _):
            alarm(desk, 1)
            time.sleep(0.3)
            assert known_alerts(engine) == [], "where nobody is told nothing is kept"
            configuration.channels = Configuration(tmp_path, one=one).channels
            alarm(desk, 2)
            until(lambda: numbers(one) == ["2"])
            configuration.channels = Configuration(tmp_path, other=other).channels
            time.sleep(0.5)
            alarm(desk, 3)
            until(lambda: numbers(other) == ["3"])
        assert numbers(one) == ["2"]


def test_a_look_that_fails_keeps_no_other_from_looking(engine: Engine, tmp_path: Path) -> None:
    looked: list[datetime] = []

    def fail(engine: Engine, settings: Settings, at: datetime) -> None:
        raise ValueError("altered")

    def note(engine: Engine, settings: Settings, at: datetime) -> None:
        looked.append(at)

    looks = (Look("failing", 0.1, fail), Look("looking", 0.1, note))
    with webhook() as hook, running(engine, Configuration(tmp_path, hook=hook), looks=looks) as (desk, _):
        until(lambda: len(looked) > 2)
        alarm(desk, 1)
        until(lambda: numbers(hook) == ["1"])


def test_a_database_that_cannot_be_written_is_told_past_it_by_one_process_of_the_machine(
    engine: Engine, tmp_path: Path
) -> None:
    problem: list[str | None] = [None]
    with webhook() as hook:
        configuration = Configuration(tmp_path, hook=hook)
        with (
            running(engine, configuration, "a/1", ledger_problem=lambda: problem[0]),
            running(engine, configuration, "a/2", ledger_problem=lambda: problem[0]),
        ):
            problem[0] = "the disk is full"
            until(lambda: bool(hook.alerts))
            time.sleep(1)
            problem[0] = None
            until(lambda: len(hook.alerts) == 2)
            time.sleep(0.5)
    assert [(one["event"], one["over"]) for one in hook.alerts] == [("database", False), ("database", True)]
    assert "the disk is full" in hook.alerts[0]["what"]


def test_a_database_without_its_tables_is_told_and_nothing_ends(engine: Engine, tmp_path: Path) -> None:
    with webhook() as hook, running(engine, Configuration(tmp_path, hook=hook)) as (desk, one):
        until(lambda: one.status()["sending"])
        alert_notices.drop(engine)
        until(lambda: "database" in hook.events())
        alert_notices.create(engine)
        until(lambda: len(hook.of("database")) == 2)
        alarm(desk, 1)
        until(lambda: numbers(hook) == ["1"])


def test_the_time_of_a_notice_is_that_at_which_it_was_told(engine: Engine, tmp_path: Path) -> None:
    with webhook() as hook, running(engine, Configuration(tmp_path, hook=hook)) as (desk, _):
        alarm(desk, 1)
        until(lambda: bool(hook.alerts))
    told = datetime.fromisoformat(hook.alerts[0]["told_at"])
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)


def test_what_was_delivered_and_cannot_be_noted_is_not_delivered_again_by_the_same_process(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True, True])

    def failing(*words: Any) -> DeliveryState:
        if next(failures, False):
            raise LedgerUnavailable("the disk is full")
        return note_delivery(*words)

    monkeypatch.setattr(courier, "note_delivery", failing)
    with webhook() as hook, running(engine, Configuration(tmp_path, hook=hook)) as (desk, _):
        alarm(desk, 1)
        until(lambda: bool(known_alerts(engine)) and waiting_deliveries(engine) == {} and bool(hook.alerts))
        assert numbers(hook) == ["1"]
        alarm(desk, 2)
        until(lambda: numbers(hook) == ["1", "2"])


def test_that_the_database_fails_is_tried_again_where_the_channel_fails_as_well(engine: Engine, tmp_path: Path) -> None:
    problem: list[str | None] = ["the disk is full"]
    with (
        webhook(refuse) as hook,
        running(engine, Configuration(tmp_path, hook=hook), ledger_problem=lambda: problem[0]),
    ):
        until(lambda: hook.server.asked > 1)
        hook.server.behaviour = hook.take
        until(lambda: hook.events() == ["database"])


def test_a_desk_takes_no_more_than_it_has_room_for(tmp_path: Path) -> None:
    with webhook() as hook:
        desk = AlertDesk(Configuration(tmp_path, hook=hook))
        for number in range(MOST_WAITING + 5):
            alarm(desk, number)
        first = desk.first()
        assert first is not None
        assert first.about == ("5",)
        desk.done(AlertDesk(Configuration(tmp_path)).first() or first)
        second = desk.first()
        assert second is not None
        assert second.about == ("6",)


def test_a_desk_without_channels_takes_nothing(tmp_path: Path) -> None:
    desk = AlertDesk(Configuration(tmp_path))
    alarm(desk)
    desk.over(AlertEvent.CLOCK, ("host",), "Right")
    assert desk.first() is None


def test_what_cannot_be_written_down_keeps_nothing_else_waiting(engine: Engine, tmp_path: Path) -> None:
    with webhook() as hook, running(engine, Configuration(tmp_path, hook=hook)) as (desk, _):
        desk.alarm(AlertEvent.LEDGER, (), None, "status")  # type: ignore[arg-type]
        alarm(desk, 1)
        until(lambda: numbers(hook) == ["1"])
