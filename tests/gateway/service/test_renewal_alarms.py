"""What a gateway tells of renewals unasked, and which of its workers does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import event

from gateway.ledger import DatabaseUnavailable, migrate, open_database
from gateway.renewal import Author, Closure, NewRenewal, close_renewal, start_renewal
from gateway.service import renewal_alarms
from gateway.service.maintenance import Maintenance
from gateway.service.renewal_alarms import RenewalAlarms
from gateway.service.renewal_metrics import RENEWAL_METRICS, RenewalMetrics
from tests.gateway.ledger.watched_time import long_steps
from tests.gateway.renewal.progress.renewal_scene import DAY, HOUR, NEW, OLD, STEP, RenewalScene
from tests.gateway.service.test_maintenance import told


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[RenewalScene]:
    """A renewal that was started by a statement."""
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    migrate(engine)
    with long_steps(STEP * 1.2):
        made = RenewalScene(engine, tmp_path)
        yield made
        made.close()
    engine.dispose()


def start(scene: RenewalScene, **fields: Any) -> None:
    planned = scene.renewal
    new = NewRenewal(name="acme", endpoints=planned.endpoints, old=planned.old, new=planned.new, **fields)
    start_renewal(scene.engine, new, Author("eva", scene.now))


def looked(scene: RenewalScene, alarms: RenewalAlarms | None = None) -> list[dict[str, Any]]:
    """What the log says of one look."""
    with structlog.testing.capture_logs() as lines:
        (alarms or RenewalAlarms(scene.engine, "host/1")).look(scene.settings, scene.now)
    return [dict(line) for line in lines]


def relapse(scene: RenewalScene) -> None:
    scene.messages(2, OLD)
    scene.stage()
    scene.trust()
    scene.messages(20, NEW)
    scene.messages(2, OLD)


def test_a_relapse_is_told_once_an_hour_by_all_gateways_together(scene: RenewalScene) -> None:
    start(scene)
    relapse(scene)
    (line,) = looked(scene)
    assert line == {
        "event": "the old key came back after the switch",
        "log_level": "error",
        "renewal": "acme",
        "endpoint": "orders",
        "operation": "{urn:orders}GetOrder",
        "server": None,
        "first": "2026-06-01T15:50:00Z",
        "last": "2026-06-01T16:00:00Z",
        "messages": 2,
        "retired": False,
    }
    assert looked(scene, RenewalAlarms(scene.engine, "another/1")) == []
    scene.wait(HOUR)
    assert len(looked(scene, RenewalAlarms(scene.engine, "another/1"))) == 1
    scene.messages(100, NEW)
    assert looked(scene) == []


def test_a_switch_that_is_early_is_told_once(scene: RenewalScene) -> None:
    start(scene, announced=scene.now + 9 * DAY)
    scene.stage()
    scene.messages(1, NEW, reason="staged-key")
    (line,) = looked(scene)
    assert (line["event"], line["log_level"]) == ("the switch came before the announced time", "warning")
    assert (line["first"], line["announced"]) == ("2026-06-01T12:10:00Z", "2026-06-10T12:00:00Z")
    scene.wait(DAY)
    assert looked(scene) == []


def test_a_switch_that_is_late_is_told_until_it_came(scene: RenewalScene) -> None:
    start(scene, announced=scene.now + HOUR)
    scene.messages(1, OLD)
    assert looked(scene) == []
    scene.wait(HOUR)
    (line,) = looked(scene)
    assert (line["event"], line["log_level"]) == (
        "the announced time has passed, and the receiver has not switched",
        "error",
    )
    scene.wait(HOUR)
    assert len(looked(scene)) == 1
    scene.stage()
    scene.trust()
    scene.messages(1, NEW)
    scene.wait(HOUR)
    assert looked(scene) == []


def test_of_a_finished_renewal_a_relapse_is_told_until_the_old_certificate_is_purged(scene: RenewalScene) -> None:
    start(scene)
    scene.messages(2, OLD)
    scene.stage()
    scene.trust()
    scene.messages(20, NEW)
    scene.retire(force=True)
    closed = close_renewal(scene.engine, "acme", Closure.FINISHED, "", Author("eva", scene.now))
    assert closed.closed is not None
    scene.wait(HOUR)
    scene.messages(1, OLD, reason="retired-key")
    (line,) = looked(scene)
    assert (line["event"], line["retired"]) == ("the old key came back after the switch", True)
    scene.store.purge("acme-2024", who="eva", why="", at=scene.now)
    scene.wait(2 * HOUR)
    assert looked(scene) == []


def shown(registry: CollectorRegistry) -> dict[str, float]:
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (one.rsplit(" ", 1) for one in lines if not one.startswith("#"))}


def test_the_metrics_of_one_worker_of_a_gateway(scene: RenewalScene) -> None:
    start(scene, announced=scene.now + HOUR)
    relapse(scene)
    registries = [CollectorRegistry(), CollectorRegistry()]
    first, second = (
        RenewalAlarms(scene.engine, f"host/{number}", RenewalMetrics(registry))
        for number, registry in enumerate(registries)
    )
    assert shown(registries[0]) == {}
    first.look(scene.settings, scene.now)
    assert second.look(scene.settings, scene.now) == []
    assert shown(registries[1]) == {}
    told = shown(registries[0])
    assert told['wssgate_renewals_open{by="everybody"}'] == 1
    assert told['wssgate_renewal_relapses{renewal="acme"}'] == 1
    assert told['wssgate_renewal_late{renewal="acme"}'] == 1
    assert told['wssgate_renewal_step_settled{renewal="acme",step="3"}'] == 1
    assert told['wssgate_renewal_step_settled{renewal="acme",step="7"}'] == 0
    assert told['wssgate_certificate_expiry_days{alias="acme-2024",renewal="open"}'] == 399
    assert told['wssgate_certificate_expiry_days{alias="acme-2026",renewal="none"}'] == 399
    assert {name.partition("{")[0] for name in told} == RENEWAL_METRICS
    # The first one ends, or is killed: the second takes over.
    first.close()
    second.look(scene.settings, scene.now)
    first.look(scene.settings, scene.now)
    assert (shown(registries[0]), len(shown(registries[1]))) == ({}, len(told))


def test_a_database_that_cannot_be_asked_stops_nothing(scene: RenewalScene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise DatabaseUnavailable("it hangs")

    monkeypatch.setattr(renewal_alarms, "read_renewals", broken)
    upkeep = Maintenance(scene.engine, "host/1", lambda: scene.settings, told)
    with structlog.testing.capture_logs() as lines:
        upkeep.look_at_renewals()
    assert [(line["event"], line["error"]) for line in lines] == [("renewals could not be looked after", "it hangs")]
    scene.engine.dispose()
    (scene.settings.source.parent / "wssgate.db").rename(scene.settings.source.parent / "gone.db")
    try:
        RenewalAlarms(scene.engine, "host/1").close()
    finally:
        (scene.settings.source.parent / "gone.db").rename(scene.settings.source.parent / "wssgate.db")
