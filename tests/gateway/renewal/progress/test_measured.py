"""What a renewal is judged by: within its own time, under all names of its endpoints."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.ledger import EventKind, KeptEnds, KeptUses, LedgerWriter, remember_expected
from gateway.renewal import (
    Closing,
    Closure,
    CoverageState,
    Evidence,
    Mark,
    RecordedEndpoint,
    gates_now,
    judge_renewal,
    measure,
    measured_now,
)
from gateway.renewal.progress.measured import names_now
from gateway.verify import VerifiedBy
from tests.gateway.ledger.load import NOON, accepted, rejected, signer
from tests.gateway.ledger.losing import leave
from tests.gateway.ledger.watched_time import served
from tests.gateway.renewal.progress.renewal_scene import (
    DELIVERY,
    GET,
    HOUR,
    NEW,
    OLD,
    PLACE,
    RenewalScene,
    certificate,
    renewal_of,
)
from tests.gateway.report.scene import signers

NEXT = certificate("acme-2028", days=-5, replaces=(NEW.thumbprint,))


def finish(scene: RenewalScene) -> None:
    scene.messages(2, OLD)
    scene.stage()
    scene.trust()
    scene.messages(20, NEW)
    scene.wait(DELIVERY)
    scene.retire()
    scene.end(Closure.FINISHED)


def test_successive_renewals_of_one_endpoint_stay_reportable(renewing: RenewalScene) -> None:
    finish(renewing)
    first = renewing.renewal
    before = renewing.status(first)
    assert [step.mark for step in before.steps if step.number != 6] == [Mark.DONE] * 7
    renewing.wait(2 * HOUR)
    second = renewal_of(NEW, NEXT, name="acme-2", started_at=renewing.now)
    renewing.stage(NEXT)
    renewing.trust("acme-2028")
    renewing.messages(20, NEXT)
    later = renewing.status(first)
    assert (later.steps, later.coverage, later.judged_at) == (before.steps, before.coverage, before.judged_at)
    assert later.watched == before.watched
    now = renewing.status(second)
    (cell,) = now.coverage
    assert (cell.state, cell.old_messages, cell.new_messages) == (CoverageState.ONLY_NEW, 20, 20)
    assert now.steps[6].mark is Mark.DONE
    assert now.may_retire
    # Also once the certificates of the first are gone from the keystore.
    renewing.store.purge("acme-2024", who="eva", why="", at=renewing.now)
    assert renewing.status(first).steps[7].mark is Mark.DONE


def test_a_keystore_changed_by_a_clock_that_is_ahead_was_changed_all_the_same(renewing: RenewalScene) -> None:
    renewing.messages(2, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(20, NEW)
    renewing.wait(DELIVERY)
    gates = gates_now(renewing.engine, renewing.settings, renewing.now)
    ahead = renewing.now + 3 * HOUR
    renewing.store.retire("acme-2024", who="eva", why="", at=ahead, gates=gates)
    renewing.end(Closure.FINISHED)
    assert renewing.status().steps[7].mark is Mark.DONE
    renewing.store.restore("acme-2024", who="eva", why="", at=ahead)
    assert renewing.status().steps[7].mark is Mark.DONE
    renewing.renewal = replace(renewing.renewal, closed=None)
    renewing.end(Closure.ABANDONED)
    assert renewing.status().steps[7].mark is Mark.NOT_NEEDED


def test_a_closed_renewal_counts_nothing_of_what_came_hours_later(renewing: RenewalScene) -> None:
    finish(renewing)
    renewing.wait(2 * HOUR)
    renewing.messages(5, NEW)
    (cell,) = renewing.status().coverage
    assert (cell.new_messages, cell.messages_since) == (20, 20)


def test_an_endpoint_that_was_renamed_is_one(renewing: RenewalScene) -> None:
    renewing.messages(2, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(10, NEW)
    renewing.watcher.configure({"purchase": served(DELIVERY)})
    said = {"endpoint": "orders", "new_name": "purchase", "reason": "", "who": "eva"}
    renewing.watcher.writer.tell(EventKind.RENAMED, said).result(10)
    renewing.messages(10, NEW, endpoint="purchase")
    status = renewing.status()
    (cell,) = status.coverage
    assert (cell.endpoint, cell.old_messages, cell.new_messages, cell.messages_since) == ("purchase", 2, 20, 20)
    assert status.steps[6].mark is Mark.DONE
    assert [one.endpoint for one in status.watched] == ["purchase"]
    assert "orders is called purchase since 2026-06-01 14:00:00Z, as eva said" in status.warnings
    renewing.waive(GET)
    assert renewing.status().coverage[0].state is CoverageState.WAIVED


def test_an_endpoint_that_ended_is_asked_for_no_more(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.watcher.configure({})
    renewing.watcher.writer.tell(EventKind.ENDED, {"endpoint": "orders", "reason": "", "who": "eva"}).result(10)
    status = renewing.status()
    assert (status.coverage, status.watched) == ((), ())
    assert any(sentence.startswith("orders ended since") for sentence in status.warnings)


def test_operations_that_are_expected_count_until_they_are_seen(renewing: RenewalScene) -> None:
    remember_expected(renewing.engine, "orders", [PLACE, "GetOrder", "Cancel"], renewing.now)
    renewing.messages(1, OLD)
    found = {cell.operation: cell.state for cell in renewing.status().coverage}
    assert found == {
        GET: CoverageState.ONLY_OLD,
        PLACE: CoverageState.NEVER_SEEN,
        "Cancel": CoverageState.NEVER_SEEN,
    }


def test_an_operation_that_only_a_repeated_message_named_was_never_seen(renewing: RenewalScene) -> None:
    remember_expected(renewing.engine, "orders", [PLACE], renewing.now)
    renewing.messages(1, OLD)
    again = signers([OLD], repeats="a message of before")
    renewing.watcher.record(rejected("timestamp-stale", time=renewing.now, operation=PLACE, signers=again))
    found = {cell.operation: cell.state for cell in renewing.status().coverage}
    assert found == {GET: CoverageState.ONLY_OLD, PLACE: CoverageState.NEVER_SEEN}


def test_keys_that_belong_to_neither_are_told_as_others(renewing: RenewalScene) -> None:
    renewing.messages(1, NEXT)
    assert renewing.status().coverage[0].state is CoverageState.OTHER


def test_without_a_word_of_any_gateway_the_clock_of_whoever_asks_counts(renewing: RenewalScene) -> None:
    (measured,) = measured_now(renewing.engine, renewing.store, renewing.settings, [renewing.renewal], {}, renewing.now)
    silent = replace(measured, evidence=replace(measured.evidence, taken_at=None))
    assert silent.now == silent.asked_at
    assert replace(measured, asked_at=renewing.now + timedelta(days=9)).now == renewing.now
    assert measured_now(renewing.engine, renewing.store, renewing.settings, [], {}, renewing.now) == []


def test_the_evidence_of_alarms_reaches_no_further_back_than_the_gates_need(renewing: RenewalScene) -> None:
    renewing.renewal = renewal_of(started_at=renewing.now - timedelta(days=4000))
    for from_start in (True, False):
        (found,) = measured_now(
            renewing.engine,
            renewing.store,
            renewing.settings,
            [renewing.renewal],
            {},
            renewing.now,
            from_start=from_start,
        )
        assert found.evidence.taken_at == renewing.now


def test_what_an_endpoint_is_called_now() -> None:
    def closed(name: str, new_name: str | None) -> RecordedEndpoint:
        return RecordedEndpoint(name, (), Closing(NOON, "eva", "", new_name))

    ends = [closed("a", "b"), closed("b", "c"), closed("gone", None), closed("x", "y"), closed("y", "x")]
    evidence = Evidence(NOON, endpoints={one.name: one for one in ends})
    assert names_now(["a", "b", "gone", "served"], evidence) == ["c", "served"]
    assert names_now(["served"], Evidence(NOON)) == ["served"]
    # Renamed in a circle: whichever it is, an end is come to.
    assert len(names_now(["x"], evidence)) == 1


def test_no_message_that_is_shown_is_ahead_of_what_is_judged(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    it = renewing
    (measured,) = measured_now(it.engine, it.store, it.settings, [it.renewal], it.policies, it.typed_at)
    # A gateway tells each half minute that it watches, and counts messages in between.
    told = it.now - timedelta(seconds=20)
    earlier = replace(measured, evidence=replace(measured.evidence, taken_at=told))
    status = judge_renewal(it.renewal, earlier)
    (cell,), (watched,) = status.coverage, status.watched
    assert status.judged_at == cell.last_old == it.now
    assert watched.until == told, "nobody knows yet whether somebody watched after that"
    said_later = renewal_of(OLD, NEW, started_at=it.now + timedelta(seconds=1))
    assert judge_renewal(said_later, earlier).judged_at == said_later.started_at


def test_what_is_told_while_the_gates_are_measured_is_not_missed(
    renewing: RenewalScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed process has left is in the events, or in its file still; whoever reads sees one of them."""
    folder = KeptEnds.beside(renewing.settings.gateway.signing_key).folder
    leave(folder, accepted(VerifiedBy(OLD.alias, OLD.key_id, OLD.thumbprint)))

    def meanwhile(*of_what: Any, **more: Any) -> Evidence:
        evidence = measure(*of_what, **more)
        for file in folder.glob("*.uses"):
            file.unlink()
        return evidence

    monkeypatch.setattr("gateway.renewal.gates.measure", meanwhile)
    gates = gates_now(renewing.engine, renewing.settings, renewing.now)
    assert any("ended before it had told" in one.sentence for one in gates.evidence.disturbances)


def test_what_is_recorded_while_the_gates_are_measured_is_not_missed(
    renewing: RenewalScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rejected message that a gateway has met: it is in the events, or not known to be on record."""
    folder = KeptEnds.beside(renewing.settings.gateway.signing_key).folder
    message = rejected(
        "timestamp-stale", signers=(signer(VerifiedBy(OLD.alias, OLD.key_id, OLD.thumbprint), 4711),), time=renewing.now
    )
    running = KeptUses(folder, "host:1")
    running.add(message)

    def meanwhile(*of_what: Any, **more: Any) -> Evidence:
        evidence = measure(*of_what, **more)
        writer = LedgerWriter(renewing.engine, "host:1")
        writer.submit(message).result(10)
        writer.close()
        return evidence

    monkeypatch.setattr("gateway.renewal.gates.measure", meanwhile)
    gates = gates_now(renewing.engine, renewing.settings, renewing.now)
    assert [use.alias for use in gates.under_way] == [str(OLD.alias)]
    monkeypatch.undo()
    assert gates_now(renewing.engine, renewing.settings, renewing.now).under_way == [], "it is on record"
    running.close(all_told=True)
