"""What somebody should look at, and what has to be ready before an announced switch."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.config import load_settings
from gateway.renewal import Closure, Rehearsal, SitePolicy, judge_renewal, measured_now
from tests.gateway.ledger.watched_time import served
from tests.gateway.renewal.progress.renewal_scene import (
    DAY,
    DELIVERY,
    GET,
    HOUR,
    MINUTE,
    NEW,
    OLD,
    PLACE,
    RenewalScene,
    certificate,
    renewal_of,
)


def announced(scene: RenewalScene, at: datetime) -> None:
    scene.renewal = replace(scene.renewal, announced=at)


def warned(scene: RenewalScene, beginning: str) -> list[str]:
    return [sentence for sentence in scene.status().warnings if sentence.startswith(beginning)]


def test_a_switch_that_comes_early(renewing: RenewalScene) -> None:
    announced(renewing, renewing.now + DAY)
    renewing.stage()
    renewing.messages(1, NEW, reason="staged-key")
    assert warned(renewing, "the switch came early") == [
        "the switch came early: announced for 2026-06-02 12:00:00Z, the new key was used first at 2026-06-01 "
        "12:10:00Z, and rejected: GetOrder"
    ]
    assert renewing.status().early_at == renewing.now
    renewing.trust()
    renewing.messages(1, NEW)
    assert warned(renewing, "the switch came early") == [
        "the switch came early: announced for 2026-06-02 12:00:00Z, the new key was used first at 2026-06-01 12:10:00Z"
    ]


def test_a_switch_that_is_late(renewing: RenewalScene) -> None:
    announced(renewing, renewing.now + HOUR)
    renewing.messages(1, OLD)
    renewing.confirm(2)
    renewing.stage()
    renewing.trust()
    renewing.load()
    renewing.confirm(4)
    status = renewing.status()
    assert (status.is_late, len(status.countdown)) == (False, 5)
    assert status.waiting_for == "the receiver administrator, to switch at the announced time 2026-06-01 13:00:00Z"
    renewing.wait(HOUR)
    status = renewing.status()
    assert (status.is_late, status.countdown) == (True, ())
    assert warned(renewing, "the switch is late") == [
        "the switch is late: announced for 2026-06-01 13:00:00Z, and not on the new key: GetOrder"
    ]
    renewing.messages(1, NEW)
    assert not renewing.status().is_late
    assert not warned(renewing, "the switch")


def test_what_has_to_be_ready_before(renewing: RenewalScene) -> None:
    announced(renewing, renewing.now + DAY)
    ready = [(one.what, one.is_ready) for one in renewing.status().countdown]
    assert ready == [(what, False) for what in ("known", "trusted everywhere", "compared", "rehearsed", "on call")]
    renewing.confirm(2, note="it came by mail")
    assert not any(one.is_ready for one in renewing.status().countdown), "nobody has compared anything by that"
    renewing.stage()
    renewing.trust()
    renewing.load()
    rehearsal = Rehearsal(renewing.now, "eva", "orders", "b.xml", "0" * 64, True, "", "accepted")
    renewing.renewal = replace(renewing.renewal, rehearsals=(rehearsal,), contacts=("Rita <rita@acme.example>",))
    assert all(one.is_ready for one in renewing.status().countdown)
    renewing.load(1, "host/2")
    (told,) = (one for one in renewing.status().countdown if not one.is_ready)
    assert told.sentence == "host/2 serves with keystore revision 1, and not yet with 3"
    renewing.end(Closure.ABANDONED)
    assert renewing.status().countdown == ()


def test_a_delivery_time_that_nobody_decided_on(renewing: RenewalScene) -> None:
    default = "orders: the guaranteed delivery time of 14d is the default"
    assert not warned(renewing, default)
    path = renewing.settings.source
    before = path.read_text()
    for written in ("", 'guaranteed_delivery_time = "14d"\n'):  # the latter as `wssgate init` writes it
        path.write_text(before.replace('guaranteed_delivery_time = "2d"\n', written))
        renewing.settings = load_settings(path)
        (told,) = warned(renewing, default)
        assert "which nobody decided" in told
        assert told.endswith("wssgate renewal policy set orders")
    renewing.policies["orders"] = SitePolicy("orders", 3 * DAY, "Olga", "batches", renewing.now - HOUR, "eva")
    assert not warned(renewing, default)
    assert warned(renewing, "orders: Olga") == [
        "orders: Olga decided on a guaranteed delivery time of 3d, and the configuration says 14d: gates go by the "
        "configuration, so set it there"
    ]


def test_a_policy_that_changes_under_an_open_renewal(renewing: RenewalScene) -> None:
    renewing.wait(HOUR)
    renewing.watcher.configure({"orders": served(DELIVERY / 2)})
    renewing.wait(HOUR)
    (told,) = warned(renewing, "orders: the configuration changed")
    assert told == (
        "orders: the configuration changed at 2026-06-01 13:00:00Z, told by host/1: guaranteed delivery time 2d -> 1d, "
        "retention 90d as before"
    )
    renewing.policies["orders"] = SitePolicy("orders", DELIVERY, "Olga", "batches", renewing.now, "eva")
    assert warned(renewing, "orders: the guaranteed delivery time was decided") == [
        "orders: the guaranteed delivery time was decided at 2026-06-01 14:00:00Z by Olga (typed by eva): 2d, because "
        "batches"
    ]


def test_certificates_that_are_not_valid(renewing: RenewalScene) -> None:
    soon = certificate("acme-2026", days=1, replaces=(OLD.thumbprint,))
    renewing.renewal = renewal_of(new=soon)
    renewing.stage(soon)
    assert warned(renewing, "acme-2026 is not valid before") == ["acme-2026 is not valid before 2026-06-02 12:00:00Z"]
    ended = replace(renewing.renewal.new, not_before=renewing.now - DAY, not_after=renewing.now)
    old = replace(renewing.renewal.old[0], not_after=renewing.now)
    renewing.renewal = replace(renewing.renewal, new=ended, old=(old,))
    assert [one.split(":")[0] for one in renewing.status().warnings] == [
        "acme-2026 has expired",
        "acme-2024 has expired",
    ]


def test_an_open_gate_is_told_beside_a_switch_that_is_not_certain(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(2, NEW)
    renewing.wait(DELIVERY)
    status = renewing.status()
    assert status.may_retire
    assert status.warnings == (
        "the gate for step 8 is open, and by the stricter rule of step 7 the switch is not certain: GetOrder",
    )
    assert status.waiting_for == "more messages, before it is certain that the switch is complete: GetOrder"
    assert status.run == ("wssgate renewal retire acme --reason TEXT",)


def test_many_cells_are_named_by_the_first_of_them(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.trust()
    renewing.messages(1, OLD, operations=[f"{{urn:orders}}Op{number}" for number in range(8)])
    renewing.messages(1, NEW, operations=["{urn:orders}Op0"])
    status = renewing.status()
    assert status.waiting_for.endswith("to sign with the new key: Op1, Op2, Op3 and 4 more")
    assert status.steps[4].evidence[-1] == "and 2 more"


@pytest.mark.parametrize("operation", [GET, PLACE, None])
def test_a_message_without_an_operation_has_a_name_too(renewing: RenewalScene, operation: str | None) -> None:
    renewing.messages(1, OLD, operations=(operation,))
    name = "messages without an operation" if operation is None else operation.rpartition("}")[2]
    assert renewing.status().steps[4].evidence[1].startswith(f"{name}: only the old key")


def test_time_that_nobody_watched_is_told_with_its_gaps(renewing: RenewalScene) -> None:
    renewing.wait(HOUR)
    renewing.wait(2 * HOUR, watched=False)
    renewing.wait(timedelta(minutes=30))
    renewing.wait(timedelta(minutes=30))
    (watched,) = renewing.status().watched
    # The first word after a pause does not tell what was before it.
    assert [(gap.start, gap.end) for gap in watched.gaps] == [
        (renewing.now - 3 * HOUR, renewing.now - timedelta(minutes=30))
    ]
    assert (watched.share, watched.guaranteed_delivery_time) == (1.5 / 4, DELIVERY)


def test_a_gateway_that_tells_nothing_any_more(renewing: RenewalScene) -> None:
    (measured,) = measured_now(
        renewing.engine, renewing.store, renewing.settings, [renewing.renewal], {}, renewing.now + HOUR
    )
    told = judge_renewal(renewing.renewal, measured).warnings
    assert told[-1] == (
        "no gateway has told since 2026-06-01 12:00:00Z that it watches: what is possible next moves on until one does"
    )
    never = replace(measured, evidence=replace(measured.evidence, taken_at=None))
    assert judge_renewal(renewing.renewal, never).warnings[-1].startswith("no gateway has ever told that it watches")


def test_a_word_that_was_true_is_no_contradiction(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(1, NEW)
    renewing.confirm(5)
    assert renewing.status().warnings == ()


def test_a_key_that_is_rejected_already_is_to_be_trusted_now(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.confirm(2)
    renewing.stage()
    assert renewing.status().waiting_for == "the tenant administrator, to trust acme-2026: acme-2026 is staged"
    renewing.messages(2, NEW, reason="staged-key")
    status = renewing.status()
    assert status.waiting_for == (
        "the tenant administrator, to trust acme-2026 now: the receiver signs with it already, and its messages are "
        "rejected: GetOrder; acme-2026 is staged"
    )
    assert (status.since, status.run) == (renewing.now - 10 * MINUTE, ("wssgate keystore trust acme-2026",))


def test_a_receiver_that_is_down_is_told_of_until_it_is_back(renewing: RenewalScene) -> None:
    assert warned(renewing, "nobody watches") == []
    renewing.watcher.reachable["orders"] = False
    renewing.wait(HOUR)
    assert warned(renewing, "nobody watches") == [
        "nobody watches orders since 2026-06-01 12:00:00Z: its receiver cannot be reached, or no gateway serves it; "
        "this time does not count, and what is possible next moves on"
    ]
    # Whoever has just started need not have told yet.
    renewing.watcher.configure(renewing.watcher.endpoints)
    assert warned(renewing, "nobody watches") == []
    renewing.watcher.reachable["orders"] = True
    renewing.wait(HOUR)
    assert warned(renewing, "nobody watches") == []
    renewing.renewal = replace(renewing.renewal, endpoints=("new-one", "orders"))
    assert warned(renewing, "nobody watches")[0].startswith("nobody watches new-one: its receiver")
