"""Each of the eight steps, by what was measured or said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.renewal import Closure, Mark, Notice, Rehearsal, Step
from keystore.store import Terms
from tests.gateway.renewal.progress.renewal_scene import (
    DAY,
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
from tests.gateway.report.scene import RENEWED

OTHER_FINGERPRINT = "ab" * 32


def step(scene: RenewalScene, number: int) -> Step:
    return scene.status().steps[number - 1]


def switch(scene: RenewalScene, *operations: str) -> None:
    """Every operation was on the old key, and is on the new one since long enough."""
    scene.messages(2, OLD, operations=operations or (GET,))
    scene.stage()
    scene.trust()
    scene.messages(20, NEW, operations=operations or (GET,))


def test_a_renewal_from_the_first_step_to_the_last(renewing: RenewalScene) -> None:
    scene = renewing
    scene.messages(2, OLD)
    scene.stage()
    told = scene.marks()
    assert told == {1: "done", 2: "waiting", 3: "waiting", **dict.fromkeys((4, 5, 6, 7, 8), "later")}
    scene.confirm(2, fingerprint=scene.renewal.new.thumbprint)
    scene.trust()
    scene.load()
    assert scene.marks() == {**dict.fromkeys((1, 2, 3), "done"), 4: "waiting", **dict.fromkeys((5, 6, 7, 8), "later")}
    scene.confirm(4)
    assert (scene.marks()[4], scene.marks()[5], scene.marks()[7]) == ("done", "waiting", "later")
    scene.messages(3, NEW)
    assert scene.marks() == {**dict.fromkeys((1, 2, 3, 4, 5), "done"), **dict.fromkeys((6, 7), "waiting"), 8: "later"}
    scene.messages(17, NEW)
    scene.confirm(6)
    assert scene.marks() == {**dict.fromkeys((1, 2, 3, 4, 5, 7), "done"), 6: "said", 8: "waiting"}
    scene.wait(DELIVERY)
    status = scene.status()
    assert (status.may_retire, status.blockers, status.next_possible) == (True, (), None)
    assert status.waiting_for == "the tenant administrator, to retire acme-2024"
    assert status.run[-1] == "wssgate renewal retire acme --reason TEXT"
    scene.retire()
    retired = step(scene, 8)
    assert (retired.mark, retired.who) == (Mark.DONE, "eva")
    assert "acme-2024 retired by eva" in retired.evidence[0]
    assert scene.status().step is None
    assert scene.status().waiting_for == ""


def test_the_first_step_names_the_certificate(renewing: RenewalScene) -> None:
    found = step(renewing, 1)
    assert (found.mark, found.at) == (Mark.DONE, renewing.renewal.started_at)
    assert found.evidence == ("acme-2026: serial 05, valid from 2026-05-22 12:00:00Z until 2027-07-06 12:00:00Z",)


def test_a_fingerprint_that_was_read_out_is_compared(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.confirm(2)
    assert step(renewing, 2).mark is Mark.SAID
    renewing.confirm(2, fingerprint=OTHER_FINGERPRINT, note="by phone")
    found = step(renewing, 2)
    assert found.mark is Mark.CONTRADICTED
    assert f"that is not the certificate that is here, whose fingerprint is {NEW.thumbprint}" in found.evidence
    assert "said by Rita (typed by eva)" in found.evidence[0]
    status = renewing.status()
    assert status.waiting_for.startswith("the right certificate")
    assert any(sentence.startswith("step 2 was confirmed, and that is not so") for sentence in status.warnings)
    # Nothing takes it back that compares nothing.
    renewing.confirm(2, note="it will be all right")
    tried = Rehearsal(renewing.now, "eva", "orders", "a.xml", "0" * 64, True, "", "accepted")
    renewing.renewal = replace(renewing.renewal, rehearsals=(tried,))
    assert step(renewing, 2).mark is Mark.CONTRADICTED
    assert "it will be all right" in step(renewing, 2).evidence[1]
    renewing.confirm(2, fingerprint=NEW.thumbprint, who="Rita")
    assert step(renewing, 2).mark is Mark.DONE
    renewing.confirm(2, note="as I said")
    assert step(renewing, 2).mark is Mark.DONE
    assert step(renewing, 2).evidence[0].startswith("said by Rita at")


def test_a_rehearsal_shows_that_the_certificate_is_the_receivers(renewing: RenewalScene) -> None:
    renewing.stage()
    failed = Rehearsal(renewing.now, "eva", "orders", "a.xml", "0" * 64, False, "unknown-key", "not by this key")
    renewing.renewal = replace(renewing.renewal, rehearsals=(failed,))
    assert step(renewing, 2).mark is Mark.WAITING
    assert any("a.xml: not by this key" in sentence for sentence in step(renewing, 2).evidence)
    good = replace(failed, accepted=True, reason="", file="b.xml")
    renewing.renewal = replace(renewing.renewal, rehearsals=(failed, good))
    assert (step(renewing, 2).mark, step(renewing, 2).who) == (Mark.DONE, "eva")


def test_a_message_that_was_accepted_shows_it_too(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.trust()
    renewing.messages(1, NEW)
    assert step(renewing, 2).mark is Mark.DONE
    assert step(renewing, 2).at == renewing.now


def test_trusted_means_at_every_endpoint_and_now(renewing: RenewalScene) -> None:
    assert step(renewing, 3).evidence == ("acme-2026 is not in the keystore",)
    assert renewing.status().run == ("wssgate renewal confirm 2 acme --by NAME --fingerprint HEX",)
    renewing.confirm(2)
    assert renewing.status().run == ("wssgate keystore add acme-2026 FILE",)
    renewing.stage()
    assert step(renewing, 3).evidence == ("acme-2026 is staged",)
    assert renewing.status().run == ("wssgate keystore trust acme-2026",)
    renewing.confirm(3)
    assert step(renewing, 3).mark is Mark.CONTRADICTED
    renewing.trust()
    found = step(renewing, 3)
    assert (found.mark, found.who, found.at) == (Mark.DONE, "eva", renewing.now)
    assert found.evidence[-1] == "keystore revision 3: trusted by eva: compared by phone"


def change(scene: RenewalScene, terms: Terms) -> None:
    scene.store.adjust("acme-2026", terms, who="eva", why="", at=scene.now)


def test_trusted_elsewhere_or_later_is_not_trusted(renewing: RenewalScene) -> None:
    renewing.confirm(2)
    renewing.stage()
    renewing.trust()
    change(renewing, Terms(endpoints=frozenset({"invoices"})))
    assert step(renewing, 3).evidence == ("acme-2026 is not trusted for orders",)
    assert renewing.status().run == ("wssgate keystore set acme-2026 -e invoices -e orders",)
    change(renewing, Terms(trusted_from=renewing.now + DAY))
    assert step(renewing, 3).evidence == ("acme-2026 is to be trusted only from 2026-06-02 12:00:00Z on",)
    assert (
        "acme-2026 is trusted only from 2026-06-02 12:00:00Z on: a switch before that is rejected; trust it now: "
        in (renewing.status().warnings[0])
    )
    renewing.wait(DAY)
    found = step(renewing, 3)
    assert (found.mark, found.at) == (Mark.DONE, renewing.now)
    renewing.retire("acme-2026", force=True)
    assert step(renewing, 3).evidence == ("acme-2026 is retired",)
    assert renewing.status().run == ("wssgate keystore restore acme-2026 --reason TEXT",)
    renewing.retire("acme-2026", revoked=True)
    assert step(renewing, 3).evidence == ("acme-2026 is compromised",)


def test_it_is_safe_to_tell_once_every_gateway_has_loaded_it(renewing: RenewalScene) -> None:
    renewing.confirm(2)
    renewing.stage()
    renewing.confirm(4)
    assert step(renewing, 4).mark is Mark.CONTRADICTED
    assert step(renewing, 4).evidence[-1] == "the new certificate is not trusted, so the new key must not be used"
    renewing.trust()
    assert step(renewing, 4).mark is Mark.SAID
    assert step(renewing, 4).evidence[-1] == "no gateway is running, so nobody knows whether each has loaded it"
    renewing.load()
    renewing.load(2, "host/2")
    renewing.load(1, "host/3")
    assert step(renewing, 4).mark is Mark.CONTRADICTED
    assert step(renewing, 4).evidence[-1] == ("host/2 serves with keystore revision 2, and not yet with 3, and 1 more")
    renewing.load(3, "host/2")
    renewing.load(4, "host/3")
    assert step(renewing, 4).mark is Mark.DONE
    assert step(renewing, 4).evidence[-1] == "every gateway (3) serves with keystore revision 3 or a later one"


def test_what_is_waited_for_before_it_may_be_told(renewing: RenewalScene) -> None:
    renewing.confirm(2)
    renewing.stage()
    renewing.trust()
    status = renewing.status()
    assert (status.waiting_for, status.run) == (
        "a gateway to run: nobody serves with the new certificate",
        ("wssgate serve",),
    )
    renewing.load(2)
    status = renewing.status()
    assert status.waiting_for == "host/1 serves with keystore revision 2, and not yet with 3"
    assert status.run == ("wssgate status",)
    renewing.load()
    renewing.renewal = replace(renewing.renewal, notices=(Notice(4, renewing.now, "eva", "0" * 64),))
    status = renewing.status()
    assert (
        status.waiting_for
        == "the tenant administrator, to tell the receiver administrator that the new key may be used"
    )
    assert status.run == ("wssgate renewal notice 4 acme", "wssgate renewal confirm 4 acme")
    assert any(sentence.startswith("a notice was written at") for sentence in status.steps[3].evidence)


def test_use_of_the_new_key_overtakes_the_telling(renewing: RenewalScene) -> None:
    switch(renewing)
    assert step(renewing, 4).mark is Mark.DONE
    renewing.confirm(4)
    assert step(renewing, 4).who == "Rita"


@pytest.mark.parametrize("number", [5, 7])
def test_silence_completes_no_step_whatever_is_said(renewing: RenewalScene, number: int) -> None:
    renewing.confirm(2)
    renewing.stage()
    renewing.trust()
    renewing.load()
    renewing.confirm(4)
    renewing.confirm(5)
    renewing.confirm(7)
    renewing.wait(DELIVERY * 3)
    found = step(renewing, number)
    assert found.mark is (Mark.WAITING if number == 5 else Mark.LATER)
    assert found.evidence[-1] == "no message is on record, and silence is no evidence"
    assert not renewing.status().may_retire
    assert renewing.status().waiting_for == "a message that the receiver signed: none is on record"


def test_a_cell_that_went_silent_holds_the_switch_until_it_is_waived(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD, operations=(GET, PLACE), every=timedelta(minutes=1))
    renewing.renewal = renewal_of(started_at=renewing.now + timedelta(minutes=1))
    renewing.stage()
    renewing.trust()
    renewing.messages(20, NEW)
    assert [cell.state for cell in renewing.status().coverage] == ["only-new", "only-old"]
    renewing.wait(DAY)
    status = renewing.status()
    assert [cell.state for cell in status.coverage] == ["only-new", "silent"]
    assert status.steps[4].mark is Mark.WAITING
    assert status.waiting_for == "traffic, for silence is no evidence: PlaceOrder"
    assert status.run == ("wssgate renewal waive 'orders:{urn:orders}PlaceOrder' acme --reason TEXT --by NAME",)
    renewing.waive(PLACE)
    status = renewing.status()
    assert [cell.state for cell in status.coverage] == ["only-new", "waived"]
    assert (status.steps[4].mark, status.steps[6].mark, status.is_switched) == (Mark.DONE, Mark.DONE, True)
    assert "1 of them waived" in status.steps[6].evidence[0]


def test_what_was_waived_everywhere_was_not_measured(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.waive(GET)
    assert (step(renewing, 5).mark, step(renewing, 7).mark) == (Mark.NOT_NEEDED, Mark.NOT_NEEDED)


def test_what_was_confirmed_and_measured_otherwise_is_contradicted(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.trust()
    renewing.messages(2, NEW, server="a")
    for number in (5, 6, 7):
        renewing.confirm(number)
    renewing.messages(1, OLD, server="b")
    assert [step(renewing, number).mark for number in (5, 6, 7)] == [Mark.CONTRADICTED] * 3
    assert step(renewing, 7).evidence[-1] == "the old key was needed after that: GetOrder at b"
    assert step(renewing, 6).evidence[-1].startswith("the old key signed after that: last seen at")
    told = renewing.status().warnings
    assert {f"step {number}" for number in (5, 6, 7)} == {one.split(" was ")[0] for one in told if "not so" in one}
    renewing.messages(20, NEW, server="b")
    renewing.messages(20, NEW, server="a")
    assert (step(renewing, 5).mark, step(renewing, 7).mark) == (Mark.DONE, Mark.DONE)
    # What was wrong when it was said stays on record.
    assert any("confirmed before it was so" in one for one in renewing.status().warnings)


def test_a_rejected_message_with_the_old_key_counts_as_its_use(renewing: RenewalScene) -> None:
    switch(renewing)
    renewing.confirm(6)
    renewing.messages(1, OLD, reason="timestamp-stale")
    assert (step(renewing, 5).mark, step(renewing, 6).mark) == (Mark.REOPENED, Mark.CONTRADICTED)


def test_a_receiver_that_can_hold_one_key_has_removed_the_old_one_with_the_switch(renewing: RenewalScene) -> None:
    renewing.renewal = renewal_of(downtime=True)
    switch(renewing)
    assert step(renewing, 6).mark is Mark.SAID
    renewing.messages(1, OLD, server="b")
    assert step(renewing, 6).mark is Mark.LATER
    renewing.messages(1, NEW, server="b")
    renewing.messages(1, OLD, server="b")
    assert "both keys are in use, although the receiver can hold one only: GetOrder at b" in renewing.status().warnings


def test_over_the_same_key_there_is_nothing_to_switch(renewing: RenewalScene) -> None:
    renewing.renewal = renewal_of(new=RENEWED)
    renewing.stage(RENEWED)
    renewing.messages(2, OLD)
    marks = renewing.marks()
    assert [marks[number] for number in (5, 6, 7)] == ["not-needed"] * 3
    assert "the certificates share one key" in step(renewing, 1).evidence[1]
    # Its key is in use, and that shows nothing of the new certificate.
    assert (marks[2], marks[3], marks[4]) == ("waiting", "waiting", "later")
    renewing.confirm(2)
    renewing.trust("acme-2025")
    renewing.load()
    renewing.confirm(4)
    status = renewing.status()
    assert (status.may_retire, status.step) == (True, status.steps[7])
    renewing.retire()
    assert step(renewing, 8).mark is Mark.DONE


def test_of_several_old_keys_the_new_certificate_keeps_only_its_own(renewing: RenewalScene) -> None:
    another = certificate("acme-2023", days=-320)
    renewing.store.add("acme-2023", another.certificate, who="eva", why="", at=renewing.now - 80 * DAY)
    renewing.renewal = renewal_of([another, OLD], RENEWED)
    renewing.stage(RENEWED)
    renewing.trust("acme-2025")
    renewing.messages(3, OLD)
    renewing.messages(3, another)
    marks = renewing.marks()
    assert not {marks[number] for number in (5, 6, 7)} & {"not-needed", "done"}
    assert "the certificates share one key" not in " ".join(step(renewing, 1).evidence)
    renewing.messages(40, OLD)
    assert renewing.marks()[7] == "done"


def test_how_long_it_was_trusted_is_told_of_what_is_trusted_no_more(renewing: RenewalScene) -> None:
    renewing.confirm(2)
    renewing.stage()
    change(renewing, Terms(trusted_from=renewing.now + 2 * DAY))
    renewing.trust()
    renewing.wait(DAY)
    change(renewing, Terms(trusted_from=renewing.now + 3 * DAY))
    renewing.wait(4 * DAY)
    change(renewing, Terms(trusted_from=None))
    renewing.wait(DAY)
    renewing.retire("acme-2026", force=True)
    words = "it was trusted from 2026-06-05 12:00:00Z to 2026-06-07 12:00:00Z"
    assert step(renewing, 3).evidence == ("acme-2026 is retired", words)


def test_a_new_key_that_was_withdrawn_through_another_certificate_is_not_trusted(renewing: RenewalScene) -> None:
    renewing.renewal = renewal_of(new=RENEWED)
    renewing.stage(RENEWED)
    renewing.trust("acme-2025")
    assert step(renewing, 3).mark is Mark.DONE
    renewing.retire(revoked=True, force=True)
    assert step(renewing, 3).evidence[-1] == (
        "the key of acme-2025 is withdrawn: acme-2024, which has it too, is compromised"
    )
    renewing.confirm(2)
    assert renewing.status().run == ("wssgate renewal withdraw acme --reason TEXT",)


def test_a_forced_retirement_says_so_for_ever(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.trust()
    renewing.messages(1, OLD)
    renewing.confirm(8)
    assert step(renewing, 8).mark is Mark.CONTRADICTED
    renewing.retire(force=True)
    renewing.renewal = replace(renewing.renewal, retirement_certificates=("5" * 64,))
    found = step(renewing, 8)
    assert found.mark is Mark.DONE
    assert any(
        sentence.startswith("by force, against: orders: it is the key that carries") for sentence in found.evidence
    )
    assert found.evidence[-1] == f"retirement certificate {'5' * 64}"
    assert any("acme-2024 retired by force at" in sentence for sentence in renewing.status().warnings)
    assert any("acme-2024 is not trusted any more" in sentence for sentence in renewing.status().warnings)


@pytest.mark.parametrize("how", [Closure.WITHDRAWN, Closure.ABANDONED])
def test_what_was_given_up_needs_nothing_more(renewing: RenewalScene, how: Closure) -> None:
    renewing.stage()
    renewing.wait(HOUR)
    renewing.end(how)
    status = renewing.status()
    assert (status.waiting_for, status.run, status.blockers, status.step) == ("", (), (), None)
    assert status.steps[0].mark is Mark.DONE
    assert {one.mark for one in status.steps[1:]} == {Mark.NOT_NEEDED}
    assert status.steps[4].evidence[0] == f"{how} by eva at 2026-06-01 13:00:00Z: because"


def test_several_old_certificates_are_retired_one_after_the_other(renewing: RenewalScene) -> None:
    another = certificate("acme-2023", days=-320)
    renewing.store.add("acme-2023", another.certificate, who="eva", why="", at=renewing.now - 80 * DAY)
    renewing.renewal = renewal_of([another, OLD])
    renewing.messages(1, another)
    renewing.messages(1, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(20, NEW)
    renewing.wait(DELIVERY)
    assert renewing.status().may_retire
    renewing.retire("acme-2023")
    assert step(renewing, 8).mark is Mark.WAITING
    assert renewing.status().waiting_for == "the tenant administrator, to retire acme-2024"
    renewing.retire("acme-2024")
    assert step(renewing, 8).mark is Mark.DONE


def test_an_old_certificate_that_was_restored_is_not_retired(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.trust()
    renewing.retire(force=True)
    assert step(renewing, 8).mark is Mark.DONE
    renewing.store.restore("acme-2024", who="eva", why="", at=renewing.now)
    assert step(renewing, 8).mark is Mark.LATER


def test_since_when_something_is_waited_for(renewing: RenewalScene) -> None:
    renewing.messages(4, OLD)
    renewing.messages(4, OLD, server="b")
    renewing.store.add(
        "acme-2026", NEW.certificate, who="eva", why="", at=renewing.now - 9 * DAY, stage=True, force=True
    )
    assert renewing.status().since == renewing.renewal.started_at, "nobody waited before it began"
    renewing.trust()
    renewing.load()
    renewing.confirm(2)
    renewing.confirm(4)
    told = renewing.now
    renewing.confirm(5)
    renewing.messages(1, OLD)
    status = renewing.status()
    assert (status.steps[4].mark, status.since) == ("contradicted", told), "that it was said began no waiting"
    renewing.messages(40, NEW)
    renewing.messages(40, NEW, server="b")
    renewing.confirm(7)
    renewing.wait(3 * HOUR)
    renewing.messages(1, OLD, server="b")
    status = renewing.status()
    assert (status.steps[6].mark, status.since) == ("contradicted", renewing.now), "it waits since the key came back"
    renewing.messages(1, NEW, server="b")
    status = renewing.status()
    assert (status.steps[4].mark, status.steps[4].at) == ("done", renewing.now)
    assert (status.steps[6].mark, status.since) == ("contradicted", renewing.now)
    assert status.waiting_for == "more messages, before it is certain that the switch is complete: GetOrder at b"
    (late,) = (cell for cell in status.coverage if cell.server == "b")
    renewing.messages(late.messages_needed, NEW, server="b", every=timedelta(seconds=1))
    assert renewing.status().waiting_for.startswith("messages for some time more, before it is certain")


def test_an_announced_switch_is_waited_for_since_its_time(renewing: RenewalScene) -> None:
    renewing.messages(1, OLD)
    renewing.stage()
    renewing.trust()
    renewing.load()
    renewing.confirm(2)
    renewing.confirm(4)
    renewing.renewal = replace(renewing.renewal, announced=renewing.now + HOUR)
    renewing.wait(2 * HOUR)
    status = renewing.status()
    assert status.since == renewing.now - HOUR
    assert status.waiting_for == (
        "the receiver administrator, to sign with the new key, as was announced for 2026-06-01 13:10:00Z: GetOrder"
    )


def test_what_a_finished_renewal_left_open_is_neither_done_nor_needless(renewing: RenewalScene) -> None:
    renewing.messages(2, OLD)
    renewing.stage()
    renewing.trust()
    renewing.messages(1, NEW)
    renewing.wait(DELIVERY)
    assert renewing.status().may_retire
    renewing.retire()
    renewing.end(Closure.FINISHED)
    marks = renewing.marks()
    assert (marks[5], marks[6], marks[7], marks[8]) == ("done", "left-open", "left-open", "done")
    status = renewing.status()
    assert not status.steps[6].mark.is_settled
    assert (status.waiting_for, status.run) == ("", ())


def test_over_the_same_key_no_cell_has_anything_to_switch(renewing: RenewalScene) -> None:
    renewing.renewal = renewal_of(new=RENEWED)
    renewing.stage(RENEWED)
    renewing.messages(2, OLD)
    (cell,) = renewing.status().coverage
    assert (str(cell.state), renewing.marks()[8]) == ("same-key", "later")
