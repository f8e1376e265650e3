"""Renewals are started, changed and closed; what contradicts what was said before is refused, and adds nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Engine

from gateway.ledger import read_statements
from gateway.renewal import (
    Author,
    Closure,
    PlanRefused,
    Renewal,
    RenewalChange,
    RenewalError,
    SaidWrongly,
    SitePolicy,
    UnknownRenewal,
    change_renewal,
    close_renewal,
    planned,
    read_renewals,
    refuse_change,
    set_site_policy,
    start_renewal,
)
from gateway.renewal.plan import planning
from keystore import Alias, AliasInvalid, TrustedCertificate
from tests.gateway.renewal.plan.plans import BOB, DAY, NEW, OLD, RENEWED, certificate, plan
from tests.keystore.issuing import NOON, issue


def refused(engine: Engine, kind: type[Exception], words: str, act: Callable[[], object]) -> None:
    before = read_statements(engine)
    with pytest.raises(kind, match=words):
        act()
    assert read_statements(engine) == before


def test_a_renewal_is_what_was_planned(engine: Engine) -> None:
    made = start_renewal(
        engine,
        plan(
            endpoints=["orders", "invoices", "orders"],
            old=(OLD, RENEWED),
            reason="it expires",
            announced=NOON + DAY,
            announced_text="2026-06-02T14:00+02:00",
            downtime=True,
            contacts=("Ann <ann@acme.example>", "Ann <ann@acme.example>"),
        ),
        BOB,
    )
    assert made == Renewal(
        name="acme-2026",
        started_at=made.started_at,
        started_by="bob",
        reason="it expires",
        endpoints=("invoices", "orders"),
        old=(OLD, RENEWED),
        new=NEW,
        announced=NOON + DAY,
        announced_text="2026-06-02T14:00+02:00",
        downtime=True,
        compromised=False,
        contacts=("Ann <ann@acme.example>",),
    )
    assert made.is_open
    assert not made.has_same_key
    assert read_renewals(engine).by_name == {"acme-2026": made}
    assert read_renewals(engine).problems == ()


def test_a_renewal_over_the_same_key_is_recognised(engine: Engine) -> None:
    assert start_renewal(engine, plan(new=RENEWED), BOB).has_same_key


@pytest.mark.parametrize("serial", [1, 0x0ABC, 0xDEADBEEF01])
def test_serials_are_whole_octets(serial: int) -> None:
    made = planned(TrustedCertificate(Alias("acme"), issue("acme", serial=serial)))
    assert int(made.serial, 16) == serial
    assert len(made.serial) % 2 == 0
    assert made.pem.startswith("-----BEGIN CERTIFICATE-----")


def test_a_serial_that_breaks_the_standard_keeps_its_sign() -> None:
    entry = TrustedCertificate(Alias("acme"), issue("acme"))
    entry.__dict__["serial"] = -0x123
    assert planned(entry).serial == "-0123"


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"name": "no name"}, AliasInvalid, "cannot be an alias"),
        ({"endpoints": []}, SaidWrongly, "at least one of each"),
        ({"old": ()}, SaidWrongly, "at least one of each"),
        ({"reason": "x" * 2001}, SaidWrongly, r"the reason has 2,001 characters"),
        ({"contacts": tuple(map(str, range(201)))}, SaidWrongly, "201 contacts"),
        ({"endpoints": [f"e{n}" for n in range(201)]}, SaidWrongly, "201 endpoints"),
        ({"new": OLD}, PlanRefused, "acme-2024 cannot replace itself"),
        ({"new": RENEWED, "compromised": True}, PlanRefused, "the very key that is in wrong hands"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_plan_is_refused(engine: Engine, fields: dict[str, Any], kind: type[Exception], words: str) -> None:
    refused(engine, kind, words, lambda: start_renewal(engine, plan(**fields), BOB))


def test_nobody_says_nothing(engine: Engine) -> None:
    refused(engine, SaidWrongly, "who says it is empty", lambda: start_renewal(engine, plan(), Author(" \n", NOON)))


def test_what_is_said_stands_on_one_line(engine: Engine) -> None:
    made = start_renewal(engine, plan(reason="first\nsecond\x1b[31m \ud800 third\0"), Author("bo\tb", NOON))
    assert made.reason == "first second [31m third"
    assert made.started_by == "bo b"


def test_the_same_old_certificate_is_renewed_once_at_a_time_at_an_endpoint(engine: Engine) -> None:
    start_renewal(engine, plan(), BOB)
    other = certificate("acme-2027")
    again = plan(name="again", new=other, endpoints=["orders", "invoices"])
    refused(engine, PlanRefused, "acme-2026 is open already for acme-2024 at orders", lambda: start(engine, again))
    start(engine, replace(again, endpoints=["invoices"]))
    start(engine, plan(name="third", old=(other,), new=certificate("acme-2028")))
    close_renewal(engine, "acme-2026", Closure.ABANDONED, "", BOB)
    start(engine, replace(again, name="fourth", endpoints=["orders"]))


def start(engine: Engine, what: Any) -> Renewal:
    return start_renewal(engine, what, BOB)


def test_a_name_is_given_once_in_whatever_case(engine: Engine) -> None:
    start_renewal(engine, plan(), BOB)
    close_renewal(engine, "acme-2026", Closure.ABANDONED, "", BOB)
    refused(engine, PlanRefused, "its name stays", lambda: start_renewal(engine, plan(name="ACME-2026"), BOB))


def test_of_two_who_start_the_same_at_once_one_is_refused(engine: Engine) -> None:
    def attempt(number: int) -> str:
        try:
            start_renewal(engine, plan(name=f"name-{number}"), BOB)
        except PlanRefused:
            return "refused"
        return "started"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(6))) == [*["refused"] * 5, "started"]
    assert len(read_renewals(engine).open) == 1


def test_a_change_is_said_beside_what_was_said_before(engine: Engine) -> None:
    started = start_renewal(engine, plan(announced=NOON, announced_text="noon", contacts=("Ann",)), BOB)
    change = RenewalChange(
        reason="moved",
        further_endpoints=("invoices", "orders"),
        announced=NOON + DAY,
        announced_text="tomorrow",
        downtime=True,
        further_contacts=("Ann", "Zoe"),
    )
    changed = change_renewal(engine, "acme-2026", change, BOB)
    assert changed == replace(
        started,
        endpoints=("invoices", "orders"),
        announced=NOON + DAY,
        announced_text="tomorrow",
        downtime=True,
        contacts=("Ann", "Zoe"),
    )
    taken_back = change_renewal(engine, "ACME-2026", RenewalChange(reason="", takes_date_back=True), BOB)
    assert (taken_back.announced, taken_back.announced_text) == (None, "")
    assert [one.kind for one in read_statements(engine)] == ["started", "changed", "changed"]


def test_a_change_that_changes_nothing_or_too_much_is_refused(engine: Engine) -> None:
    start_renewal(engine, plan(), BOB)
    start_renewal(engine, plan(name="other", endpoints=["invoices"], new=certificate("acme-2027")), BOB)

    def change(**fields: Any) -> Callable[[], object]:
        return lambda: change_renewal(engine, "acme-2026", RenewalChange(reason="", **fields), BOB)

    refused(engine, SaidWrongly, "nothing would be another", change())
    refused(engine, SaidWrongly, "nothing would be another", change(further_endpoints=("orders",)))
    refused(engine, PlanRefused, "other is open already", change(further_endpoints=("invoices",)))
    refused(engine, SaidWrongly, "contacts", change(further_contacts=tuple(map(str, range(201)))))
    unknown = RenewalChange(reason="", downtime=True)
    refused(engine, UnknownRenewal, "no renewal 'x'", lambda: change_renewal(engine, "x", unknown, BOB))


def test_a_renewal_becomes_an_emergency_once(engine: Engine) -> None:
    stolen = RenewalChange(reason="stolen", compromised=True)
    started = start_renewal(engine, plan(), BOB)
    refuse_change(read_renewals(engine), "acme-2026", stolen)
    assert read_statements(engine)[-1].kind == "started", "nothing was said by asking"
    assert change_renewal(engine, "acme-2026", stolen, BOB) == replace(started, compromised=True)
    refused(engine, SaidWrongly, "nothing would be", lambda: refuse_change(read_renewals(engine), "acme-2026", stolen))
    start_renewal(engine, plan(name="same", endpoints=["invoices"], new=RENEWED), BOB)
    refused(engine, PlanRefused, "the very key", lambda: refuse_change(read_renewals(engine), "same", stolen))


def test_two_changes_at_once_do_not_undo_each_other(engine: Engine) -> None:
    start_renewal(engine, plan(), BOB)
    mine = RenewalChange(reason="", further_contacts=("Ann",))
    earlier = read_renewals(engine)
    change_renewal(engine, "acme-2026", RenewalChange(reason="", further_contacts=("Zoe",)), BOB)
    with patch.object(planning, "read_renewals", return_value=earlier):
        refused(engine, PlanRefused, "somebody else", lambda: change_renewal(engine, "acme-2026", mine, BOB))


@pytest.mark.parametrize("how", list(Closure))
def test_a_renewal_is_closed_once(engine: Engine, how: Closure) -> None:
    start_renewal(engine, plan(), BOB)
    closed = close_renewal(engine, "acme-2026", how, "done", BOB)
    assert closed.closed is not None
    assert (closed.closed.how, closed.closed.who, closed.closed.reason) == (how, "bob", "done")
    assert not closed.is_open
    assert read_renewals(engine).open == ()
    words = f"acme-2026 is closed: {how} at .* by bob"
    refused(engine, PlanRefused, words, lambda: close_renewal(engine, "acme-2026", how, "", BOB))
    refused(
        engine, UnknownRenewal, "those that were started: acme-2026", lambda: close_renewal(engine, "x", how, "", BOB)
    )


def test_a_policy_of_the_site_is_replaced_by_the_next_one(engine: Engine) -> None:
    assert read_renewals(engine).policies == {}
    set_site_policy(engine, "orders", timedelta(days=14), "Ann", "queues keep a week", BOB)
    set_site_policy(engine, "invoices", timedelta(hours=1), "Ann", "no queue", BOB)
    made = set_site_policy(engine, "orders", timedelta(days=7), "Zoe", "measured", BOB)
    assert made == SitePolicy("orders", timedelta(days=7), "Zoe", "measured", made.at, "bob")
    assert read_renewals(engine).policies["orders"] == made
    assert sorted(read_renewals(engine).policies) == ["invoices", "orders"]


@pytest.mark.parametrize(
    ("time", "owner", "reason", "words"),
    [
        (timedelta(0), "Ann", "why", "longer than nothing"),
        (timedelta(days=367), "Ann", "why", "no longer than a year"),
        (DAY, " ", "why", "the owner is empty"),
        (DAY, "Ann", "", "the reason is empty"),
    ],
)
def test_a_policy_has_a_time_an_owner_and_a_reason(
    engine: Engine, time: timedelta, owner: str, reason: str, words: str
) -> None:
    refused(engine, SaidWrongly, words, lambda: set_site_policy(engine, "orders", time, owner, reason, BOB))


def test_every_refusal_is_of_one_family() -> None:
    assert all(issubclass(kind, RenewalError) for kind in (PlanRefused, SaidWrongly, UnknownRenewal))
