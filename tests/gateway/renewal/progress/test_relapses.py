"""The old key comes back: after the switch, after the guaranteed delivery time, after the retirement."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.ledger import UseHour
from gateway.renewal import Closure, Mark, Relapse, SwitchCriteria
from gateway.renewal.progress.relapses import CellHours, relapses_in
from tests.gateway.ledger.load import NOON
from tests.gateway.renewal.progress.renewal_scene import DELIVERY, GET, HOUR, NEW, OLD, RenewalScene

CRITERIA = SwitchCriteria(HOUR, smallest_share=0.5)
"""Sixteen messages, and quiet for an hour."""
WEEK = timedelta(days=7)


def hour(number: float, messages: int = 1, *, accepted: bool = True, until: float = 0.5) -> UseHour:
    """The hour so many hours after noon."""
    begin = NOON + number * HOUR
    return UseHour(messages, messages if accepted else 0, begin, begin + until * HOUR)


def found(
    old: list[UseHour],
    new: list[UseHour],
    *,
    retired_at: datetime | None = None,
    delivery: timedelta = WEEK,
    is_switched: bool = False,
    together_since: datetime = NOON,
) -> tuple[Relapse, ...]:
    cell = CellHours(
        endpoint="orders",
        operation=GET,
        server="",
        old=old,
        new=new,
        together_since=together_since,
        delivery=delivery,
        retired_at=retired_at,
    )
    return relapses_in(cell, CRITERIA, is_switched=is_switched)


def test_use_after_the_cell_counted_as_switched() -> None:
    (one,) = found([hour(0), hour(9, 3), hour(10, 2)], [hour(1, 10), hour(2, 10)])
    assert (one.first, one.last, one.messages) == (NOON + 9 * HOUR, NOON + 10.5 * HOUR, 5)
    assert (one.after, one.was_retired, one.is_over) == (NOON + 0.5 * HOUR, False, False)
    assert found([hour(0), hour(9)], [hour(1, 10), hour(2, 10)], is_switched=True)[0].is_over


@pytest.mark.parametrize(
    "new",
    [
        [hour(1, 10), hour(2, 5)],  # too few
        [hour(1, 20, until=0.2)],  # not quiet for an hour
        [hour(1, 10, accepted=False), hour(2, 10, accepted=False)],  # none accepted
        [hour(1, 10), hour(8.9, 10)],  # nobody can tell on which side of the old ones the last ten came
    ],
)
def test_use_before_it_did_is_no_relapse(new: list[UseHour]) -> None:
    assert found([hour(0), hour(9)], new) == ()


def test_a_laggard_that_is_as_quiet_as_it_ever_was_has_not_relapsed() -> None:
    # Quiet for five hours before the new key came, and for no longer since.
    assert found([hour(-6), hour(0), hour(6)], [hour(1, 20), hour(5, 20)], together_since=NOON + HOUR) == ()
    # Four times its longest pause since the new key came is what it takes.
    beside = [hour(0), hour(3), hour(12)]
    assert found(beside, [hour(1, 2), hour(4, 20), hour(11, 20)]) == ()
    assert len(found([*beside[:2], hour(30)], [hour(1, 2), hour(4, 20), hour(29, 20)])) == 1


def test_use_after_the_delivery_time_needs_no_count() -> None:
    assert len(found([hour(0), hour(200)], [hour(1), hour(190)])) == 1
    assert found([hour(0), hour(200)], [hour(1), hour(100)]) == ()
    assert found([hour(0), hour(200)], [hour(1), hour(190)], delivery=timedelta(0)) == ()


def test_use_where_it_was_never_used_before() -> None:
    (one,) = found([hour(9)], [hour(1, 10), hour(2, 10)])
    assert one.after == NOON + HOUR


def test_each_time_that_it_came_back() -> None:
    new = [hour(1, 10), hour(2, 10), *(hour(n, 5) for n in range(20, 60))]
    first, second = found([hour(0), hour(9), hour(80)], [*new, hour(79, 20)])
    assert (first.first, first.is_over) == (NOON + 9 * HOUR, True)
    assert (second.first, second.is_over) == (NOON + 80 * HOUR, False)


def test_use_of_a_retired_certificate() -> None:
    gone = NOON + 5.2 * HOUR
    old = [hour(0), hour(5, 7), hour(6, 3)]
    (one,) = found(old, [hour(1, 2)], retired_at=gone)
    # Of the seven in the hour of the retirement one at least came later.
    assert (one.messages, one.was_retired, one.after) == (4, True, gone)
    assert found(old[:1], [hour(1, 2)], retired_at=gone) == ()
    (alone,) = found(old, [], retired_at=gone)
    assert alone.was_retired
    assert found(old, []) == ()


def test_one_that_goes_on_after_the_retirement_is_told_once_as_open() -> None:
    switched, retired = found([hour(0), hour(9), hour(20)], [hour(1, 10), hour(2, 10)], retired_at=NOON + 15 * HOUR)
    assert (switched.is_over, retired.is_over, retired.was_retired) == (True, False, True)


def switched(scene: RenewalScene, server: str = "") -> None:
    scene.messages(2, OLD, server=server)
    scene.stage()
    scene.trust()
    scene.messages(20, NEW, server=server)


def test_a_relapse_reopens_the_steps_until_the_switch_is_complete_anew(renewing: RenewalScene) -> None:
    switched(renewing)
    assert renewing.marks()[7] == "done"
    renewing.messages(2, OLD)
    status = renewing.status()
    assert [status.steps[number - 1].mark for number in (5, 7)] == [Mark.REOPENED, Mark.REOPENED]
    (one,) = status.relapses
    assert (one.operation, one.messages, one.is_over) == (GET, 2, False)
    assert status.waiting_for == "the receiver administrator: the old key came back: GetOrder"
    assert status.warnings[0].startswith("orders GetOrder: the old key came back at")
    assert not status.may_retire
    renewing.messages(100, NEW)
    status = renewing.status()
    assert [status.steps[number - 1].mark for number in (5, 7)] == [Mark.DONE, Mark.DONE]
    assert [one.is_over for one in status.relapses] == [True]


def test_a_relapse_in_a_cell_that_was_waived_reopens_nothing(renewing: RenewalScene) -> None:
    switched(renewing)
    renewing.waive(GET)
    renewing.messages(1, OLD)
    assert (renewing.marks()[7], len(renewing.status().relapses)) == ("not-needed", 1)


def test_use_after_a_renewal_was_finished_is_told(renewing: RenewalScene) -> None:
    switched(renewing)
    renewing.wait(DELIVERY)
    renewing.retire()
    renewing.end(Closure.FINISHED)
    before = renewing.status()
    assert before.relapses == ()
    renewing.wait(HOUR)
    renewing.messages(3, OLD, reason="retired-key")
    after = renewing.status()
    # Steps and coverage are those at its end; what came later is told beside.
    assert (after.judged_at, after.steps[:7]) == (before.judged_at, before.steps[:7])
    (one,) = after.relapses
    assert (one.was_retired, one.messages, one.is_over) == (True, 3, False)


def test_in_an_emergency_use_of_the_revoked_key_is_told_as_what_does_not_work(renewing: RenewalScene) -> None:
    renewing.messages(2, OLD)
    renewing.stage()
    renewing.trust()
    renewing.retire(revoked=True)
    renewing.renewal = replace(renewing.renewal, compromised=True)
    renewing.messages(3, OLD, reason="retired-key")
    status = renewing.status()
    assert status.relapses == ()
    assert status.warnings[0] == (
        "orders GetOrder does not work since 2026-06-01 12:20:00Z: its messages are signed with the compromised key, "
        "3 messages rejected, the last at 2026-06-01 12:50:00Z"
    )
    assert status.steps[7].mark is Mark.DONE
    renewing.messages(1, NEW)
    assert not any("does not work" in one for one in renewing.status().warnings)
