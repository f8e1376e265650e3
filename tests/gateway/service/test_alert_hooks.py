"""What the look at the renewals, and what serves, gives people to know: once each, and that it is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.alerts import AlertDesk
from gateway.cross_check import CrossCheck, Opinion
from gateway.renewal import Author, NewRenewal, start_renewal
from gateway.service.alert_hooks import CrossCheckAlerts
from gateway.service.renewal_alarms import RenewalAlarms
from tests.gateway.alerts.looks.alert_scene import AlertScene, alert_scene
from tests.gateway.ledger.load import accepted
from tests.gateway.renewal.progress.renewal_scene import DAY, HOUR, NEW, OLD


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[AlertScene]:
    with alert_scene(tmp_path) as made:
        yield made


def start(scene: AlertScene, **fields: object) -> None:
    planned = scene.renewal
    new = NewRenewal(name="acme", endpoints=planned.endpoints, old=planned.old, new=planned.new, **fields)  # type: ignore[arg-type]
    start_renewal(scene.engine, new, Author("eva", scene.now))


def look(scene: AlertScene, holder: str = "host/1") -> list[tuple[str, bool]]:
    """What people are told after one look of one gateway."""
    settings = scene.alerting()
    desk = AlertDesk(lambda: settings)
    alarms = RenewalAlarms(scene.engine, holder, None, desk)
    alarms.look(settings, scene.now)
    alarms.close()
    scene.write_down(desk)
    return [(notice.event, notice.is_over) for notice in scene.told()]


def test_a_renewal_is_told_from_the_switch_over_a_relapse_to_the_open_gate(scene: AlertScene) -> None:
    start(scene)
    scene.messages(2, OLD)
    scene.stage()
    scene.trust()
    assert look(scene) == []
    scene.messages(20, NEW)
    assert look(scene) == [("switched", False)]
    assert look(scene, "another/1") == [], "two gateways tell it once"
    scene.messages(2, OLD)
    assert look(scene) == [("relapse", False)]
    assert look(scene) == []
    scene.messages(1, OLD)
    assert look(scene) == [], "repeats are folded"
    scene.wait(HOUR)
    assert look(scene) == [("relapse", False)]
    scene.messages(100, NEW)
    assert sorted(look(scene)) == [("relapse", True), ("switched", False)]
    scene.wait(3 * DAY)
    assert ("gate-open", False) in look(scene)
    assert look(scene) == []


def test_an_announced_date_is_told_when_it_is_anticipated(scene: AlertScene) -> None:
    start(scene, announced=scene.now + 9 * DAY)
    scene.stage()
    scene.messages(1, NEW, reason="staged-key")
    assert look(scene) == [("switch-early", False)]
    scene.wait(DAY)
    assert look(scene) == []


def test_an_announced_date_is_told_when_it_has_passed_and_that_it_was_made_up_for(scene: AlertScene) -> None:
    start(scene, announced=scene.now + HOUR)
    scene.stage()
    scene.trust()
    scene.messages(1, OLD)
    assert look(scene) == []
    scene.wait(2 * HOUR)
    scene.messages(1, OLD)
    assert look(scene) == [("switch-late", False)]
    scene.wait(2 * HOUR)
    assert look(scene) == []
    scene.messages(100, NEW)
    assert sorted(look(scene)) == [("switch-late", True), ("switched", False)]


def test_a_certificate_that_expires_is_told_at_each_threshold_once(scene: AlertScene) -> None:
    (entry,) = scene.store.entries()
    trusted = entry.trusted()
    assert trusted is not None
    told = []
    for days in (61, 60, 45, 30, 20, 14, 7, 3, 1, 0.5, -1):
        scene.wait(trusted.not_after - scene.now - days * DAY, watched=False)
        scene.watcher.beat()
        told += [days for event, _ in look(scene) if event == "expiry"]
    assert told == [60, 30, 14, 7, 1, -1]


def test_the_cross_check_that_disagrees_is_told_and_counted(scene: AlertScene) -> None:
    settings = scene.alerting()
    desk = AlertDesk(lambda: settings)
    recorder = CrossCheckAlerts(desk)
    recorder.recorded(accepted(second_opinion=CrossCheck(Opinion.AGREES)))
    recorder.recorded(accepted())
    assert desk.first() is None
    records = [accepted(second_opinion=CrossCheck(Opinion.DISAGREES, "the digest differs")) for _ in range(3)]
    for record in records:
        recorder.recorded(record)
    scene.write_down(desk)
    (notice,) = scene.told()
    assert notice.records == (records[0].id,)
    assert "the digest differs" in notice.what
    scene.wait(HOUR)
    scene.write_down(desk)
    (notice,) = scene.told()
    assert (notice.times, notice.new_times) == (3, 2)
