"""Certificates that expire, and whether anybody renews them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.renewal import Closed, Closure, Expiry, Renewal, expiries, expiry_json
from keystore import State
from keystore.store import StoredEntry
from tests.gateway.ledger.load import NOON
from tests.gateway.renewal.progress.renewal_scene import DAY, NEW, OLD, renewal_of
from tests.gateway.renewal.test_gates import stored

ENDS = OLD.not_after
ENDPOINTS = {"orders": frozenset({"orders", "purchases"})}


def at(days: float, *entries: StoredEntry, renewals: tuple[Renewal, ...] = (), **options: timedelta) -> list[Expiry]:
    """So many days before `acme-2024` expires."""
    return expiries(entries or (stored(OLD),), renewals, ENDS - days * DAY, endpoints=ENDPOINTS, **options)


@pytest.mark.parametrize(("days", "due"), [(60.1, False), (60, True), (0.5, True), (-2, True)])
def test_due_within_sixty_days_unless_another_time_is_asked_for(days: float, due: bool) -> None:
    (one,) = at(days)
    assert one.is_due is due
    assert at(days, within=timedelta(days=1))[0].is_due is (days <= 1)


def test_an_open_renewal_that_replaces_it_is_enough() -> None:
    renewal = renewal_of()
    (one,) = at(5, renewals=(renewal,))
    assert (one.is_due, one.renewal) == (False, "acme")
    assert one.sentence == "acme-2024 expires on 2027-07-06, in 5 days; the renewal acme is open"
    closed = renewal_of(closed=Closed(Closure.ABANDONED, NOON, "eva", ""))
    assert at(5, renewals=(closed,))[0].is_due


def test_what_to_do_is_said() -> None:
    assert at(100)[0].sentence == "acme-2024 expires on 2027-07-06, in 100 days"
    assert at(1)[0].sentence == (
        "acme-2024 expires on 2027-07-06, in 1 day, and no renewal is open: ask for a new certificate, then wssgate "
        "renewal start --old acme-2024 --new FILE"
    )
    old, new = at(-2.5, stored(OLD), stored(NEW, 2))
    assert (old.days_left, new.alias) == (-3, "acme-2026")
    assert old.sentence == (
        "acme-2024 expired on 2027-07-06, and no renewal is open: wssgate renewal start --old acme-2024 --new acme-2026"
    )


def test_only_what_is_trusted_is_due() -> None:
    (staged,) = at(5, stored(OLD, state=State.STAGED))
    assert (staged.state, staged.is_due) == (State.STAGED, False)
    assert at(5, stored(OLD, state=State.RETIRED)) == []
    assert at(5, replace(stored(OLD), der=None, certificate=None)) == []


def test_programs_get_all_of_it() -> None:
    found = at(5, stored(OLD, endpoints=frozenset({"orders"})), stored(NEW, 2))
    told = expiry_json(found, ENDS - 5 * DAY, 60 * DAY)
    assert (told["schema"], told["due"], told["within_seconds"]) == ("wssgate.expiry/1", 2, 5184000)
    assert told["certificates"][0]["successors"] == ["acme-2026"]
    assert told["certificates"][0]["endpoints"] == ["orders"]


def test_a_renewal_of_one_endpoint_renews_nothing_at_another() -> None:
    def due(*endpoints: str, renewals: tuple[Renewal, ...], served: tuple[str, ...] = ("orders", "bills")) -> Expiry:
        entry = stored(OLD, endpoints=frozenset(endpoints) or None)
        known = {**{name: frozenset({name}) for name in served}, **ENDPOINTS}
        return expiries([entry], renewals, ENDS - 5 * DAY, endpoints=known)[0]

    renewal = renewal_of()
    one = due(renewals=(renewal,))
    assert (one.is_due, one.renewal, one.left_out) == (True, "acme", ("bills",))
    assert one.sentence.endswith("acme is open, and not about bills: wssgate renewal change acme -e bills")
    assert expiry_json([one], NOON, DAY)["certificates"][0]["left_out"] == ["bills"]
    assert not due("orders", renewals=(renewal,)).is_due
    assert not due("purchases", renewals=(renewal_of(endpoints=("purchases",)),)).is_due, "it is called orders now"
    assert not due(renewals=(renewal, renewal_of(name="b", endpoints=("bills",)))).is_due
    assert due(renewals=()).left_out == ()
