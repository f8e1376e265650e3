"""What is new and what is old: as declared, and as nothing else says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.renewal import Goal, RenewalRole, goal_of
from keystore import KeyId, State, Thumbprint, TrustedCertificate
from tests.gateway.report.scene import NEW, OLD, OLDEST, RENEWED, at, certificate

NOON = at(0)


def declared(alias: str, *replaces: TrustedCertificate, days: int = -5, **fields: Any) -> TrustedCertificate:
    return certificate(alias, days=days, replaces=tuple(entry.thumbprint for entry in replaces), **fields)


def roles(goal: Goal, *entries: TrustedCertificate) -> list[RenewalRole]:
    return [goal.role_of(entry.key_id) for entry in entries]


def test_new_is_what_was_declared_whatever_the_dates_say() -> None:
    spare = declared("acme-spare", OLD, days=-349)
    assert spare.not_before < OLD.not_before
    goal = goal_of([OLD, spare], NOON)
    assert (goal.newest, goal.is_declared) == (spare, True)
    assert roles(goal, spare, OLD) == [RenewalRole.NEW, RenewalRole.OLD]


def test_a_later_certificate_that_nobody_declared_is_neither_new_nor_old() -> None:
    later = certificate("acme-2030", days=-1)
    goal = goal_of([OLD, NEW, later], NOON)
    assert (goal.newest, roles(goal, NEW, OLD, later)) == (
        NEW,
        [RenewalRole.NEW, RenewalRole.OLD, RenewalRole.OTHER],
    )


def test_without_a_declaration_there_is_no_goal() -> None:
    goal = goal_of([OLD, certificate("acme-2026", days=-10)], NOON)
    assert (goal.newest, goal.successors, goal.is_declared, goal.only_key) == (None, (), False, None)


def test_a_line_of_successors_leads_to_its_end() -> None:
    last = declared("acme-2028", NEW)
    goal = goal_of([last, OLD, NEW], NOON)
    assert (goal.newest, roles(goal, last, NEW, OLD)) == (
        last,
        [RenewalRole.NEW, RenewalRole.OLD, RenewalRole.OLD],
    )


def test_a_line_goes_on_through_what_is_retired() -> None:
    last = declared("acme-2028", NEW)
    goal = goal_of([OLD, NEW.with_state(State.RETIRED), last], NOON)
    assert (goal.newest, roles(goal, NEW, OLD)) == (last, [RenewalRole.OLD, RenewalRole.OLD])


@pytest.mark.parametrize(
    "ended",
    [
        {"state": State.RETIRED},
        {"state": State.PURGED},
        {"revoked": True},
        {"trusted_until": NOON},
        {"state": State.RETIRED, "revoked": True},
    ],
)
def test_a_successor_that_is_withdrawn_or_retired_is_no_goal(ended: dict[str, Any]) -> None:
    last = declared("acme-2028", NEW, **ended)
    goal = goal_of([OLD, NEW, last], NOON)
    assert (goal.newest, goal.rivals) == (NEW, ())
    assert roles(goal, NEW, OLD, last) == [RenewalRole.NEW, RenewalRole.OLD, RenewalRole.OTHER]
    assert goal_of([OLD, declared("acme-2028", OLD, **ended)], NOON).is_declared is False


def test_a_successor_whose_key_is_withdrawn_through_another_entry_is_no_goal() -> None:
    assert goal_of([OLD, NEW], NOON, compromised={NEW.key_id}).successors == ()


def test_a_staged_successor_is_the_goal_and_one_that_is_trusted_from_later_on() -> None:
    for entry in (NEW.with_state(State.STAGED), declared("x", OLD, trusted_from=NOON + timedelta(days=1))):
        assert goal_of([OLD, entry], NOON).newest == entry


def test_two_declared_successors_of_one_key_are_rivals() -> None:
    rival = declared("acme-2027", OLD)
    goal = goal_of([OLD, NEW, rival], NOON)
    assert (goal.rivals, goal.successors, goal.newest) == ((NEW, rival), (), None)
    assert roles(goal, NEW, rival, OLD) == [RenewalRole.OTHER] * 3


def test_successors_of_two_certificates_over_one_key_are_rivals_too() -> None:
    goal = goal_of([OLD, RENEWED, NEW, declared("acme-2027", RENEWED)], NOON)
    assert {entry.alias for entry in goal.rivals} == {"acme-2026", "acme-2027"}
    unknown = Thumbprint("9" * 64)
    lost = [certificate("a", days=-5, replaces=(unknown,)), certificate("b", days=-5, replaces=(unknown,))]
    assert len(goal_of(lost, NOON).rivals) == 2


def test_two_successors_over_one_key_are_no_rivals() -> None:
    again = certificate("acme-2027", days=-5, key="acme-2026", replaces=(OLD.thumbprint,))
    goal = goal_of([OLD, NEW, again], NOON)
    assert (goal.rivals, goal.newest, goal.is_declared) == ((), NEW, True)


def test_one_of_the_rivals_that_replaces_the_other_ends_the_dispute() -> None:
    heir = declared("acme-2027", OLD, NEW)
    assert goal_of([OLD, NEW, heir], NOON).newest == heir


def test_those_that_replace_each_other_are_rivals_and_nothing_hangs() -> None:
    other = declared("acme-2027", NEW)
    one = replace(NEW, replaces=(other.thumbprint,))
    goal = goal_of([OLD, one, other], NOON)
    assert (goal.rivals, goal.newest) == ((one, other), None)


def test_an_entry_that_is_said_to_replace_itself_replaces_nothing() -> None:
    itself = replace(NEW, replaces=(NEW.thumbprint,))
    assert goal_of([OLD, itself], NOON).is_declared is False


def test_a_certificate_under_two_aliases_is_one_successor() -> None:
    again = replace(NEW, alias=RENEWED.alias)
    goal = goal_of([OLD, NEW, again], NOON)
    assert (goal.successors, goal.rivals) == ((NEW,), ())


def test_two_renewals_side_by_side_have_two_goals() -> None:
    other_old = certificate("acme-tsa", days=-200)
    other_new = declared("acme-tsa-2026", other_old)
    goal = goal_of([OLD, NEW, other_old, other_new], NOON)
    assert (goal.successors, goal.newest) == ((NEW, other_new), None)
    assert roles(goal, NEW, other_new, OLD, other_old) == [RenewalRole.NEW] * 2 + [RenewalRole.OLD] * 2


def test_what_is_replaced_is_old_although_the_keystore_has_it_no_more() -> None:
    goal = goal_of([NEW], NOON, seen={OLD.thumbprint: OLD.key_id})
    assert roles(goal, NEW, OLD) == [RenewalRole.NEW, RenewalRole.OLD]
    assert goal_of([NEW], NOON).is_declared is False, "nothing shows that there ever was another key"


def test_a_renewed_certificate_over_the_same_key_leaves_nothing_to_switch() -> None:
    goal = goal_of([OLD, RENEWED], NOON)
    assert (goal.newest, goal.is_declared, goal.only_key) == (RENEWED, False, OLD.key_id)


def test_the_only_key_is_the_only_one_that_is_trusted_or_was_seen() -> None:
    assert goal_of([], NOON).newest is None
    assert goal_of([OLDEST], NOON).newest is None
    assert goal_of([OLD, OLDEST], NOON).only_key == OLD.key_id
    assert goal_of([OLD, OLDEST], NOON).newest == OLD
    assert goal_of([OLD, OLDEST], NOON, seen={OLDEST.thumbprint: OLDEST.key_id}).only_key is None
    assert goal_of([OLD], NOON, seen={OLDEST.thumbprint: OLDEST.key_id}).only_key == OLD.key_id, "purged"
    assert goal_of([OLD, certificate("acme-2023", days=-330, state=State.PURGED)], NOON).known == (OLD,)
    assert goal_of([OLD], NOON).involved == frozenset({KeyId(OLD.key_id)})
