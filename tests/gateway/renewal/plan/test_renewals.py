"""What statements add up to, also where somebody wrote some by hand."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import Statement
from gateway.present import instant_json
from gateway.renewal import Renewals, StatementKind, UnknownRenewal, policy_json, renewals_of
from gateway.renewal.plan.statement_contents import certificate_content
from tests.gateway.renewal.plan.plans import NEW, OLD
from tests.keystore.issuing import NOON

SHA = "a" * 64
CONTENTS: Mapping[StatementKind, dict[str, Any]] = {
    StatementKind.STARTED: {
        "reason": "",
        "endpoints": ["orders"],
        "old": [certificate_content(OLD)],
        "new": certificate_content(NEW),
        "announced": 1_000_000,
        "announced_text": "then",
        "downtime": False,
        "compromised": False,
        "contacts": ["Ann"],
    },
    StatementKind.CHANGED: {"reason": "", "endpoints": ["orders", "x"], "announced": None, "announced_text": ""},
    StatementKind.CONFIRMED: {"step": 2, "by": "Ann", "note": "", "fingerprint": ""},
    StatementKind.REHEARSED: {
        "endpoint": "orders",
        "file": "f",
        "sha256": SHA,
        "accepted": True,
        "reason": "",
        "sentence": "",
    },
    StatementKind.WAIVED: {"by": "Ann", "reason": "r", "endpoint": "orders", "operation": "", "server": ""},
    StatementKind.NOTICED: {"step": 2, "sha256": SHA},
    StatementKind.RETIRED: {"alias": "a", "thumbprint": SHA, "sha256": SHA, "certificate": "{}"},
    StatementKind.SIGNED_OFF: {"sha256": SHA, "format": "PDF"},
    StatementKind.CLOSED: {"how": "finished", "reason": ""},
    StatementKind.POLICY: {"endpoint": "orders", "guaranteed_delivery_time": 5, "owner": "Ann", "reason": "r"},
}


def statement(kind: str, content: Mapping[str, Any], renewal: str = "acme", number: int = 2) -> Statement:
    return Statement(number, renewal, kind, NOON, NOON, "bob", content, SHA)


def said(kind: StatementKind, renewal: str = "acme", **fields: Any) -> Statement:
    return statement(kind, CONTENTS[kind] | fields, renewal)


START = said(StatementKind.STARTED)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def only_problem(*statements: Statement) -> str:
    (problem,) = renewals_of(statements).problems
    return problem


@pytest.mark.parametrize("kind", StatementKind)
def test_every_kind_of_statement_can_be_read(kind: StatementKind) -> None:
    given = [said(kind)] if kind is StatementKind.STARTED else [START, said(kind)]
    assert renewals_of(given).problems == ()


@pytest.mark.parametrize("kind", StatementKind)
def test_what_does_not_tell_all_counts_for_nothing_and_is_told(kind: StatementKind) -> None:
    before = [] if kind is StatementKind.STARTED else [START]
    for name in CONTENTS[kind]:
        if (kind, name) in {(StatementKind.RETIRED, "alias"), (StatementKind.RETIRED, "thumbprint")}:
            continue  # told beside the certificate, for people
        if (kind, name) in {(StatementKind.RETIRED, "certificate"), (StatementKind.SIGNED_OFF, "format")}:
            continue
        without = {key: value for key, value in CONTENTS[kind].items() if key != name}
        found = renewals_of([*before, statement(kind, without)])
        if kind is StatementKind.CHANGED and name != "reason":
            assert found.problems == ()
        else:
            assert found.problems == (f"statement 2 ({kind}) counts for nothing: it does not tell '{name}'",)
            assert found.by_name == renewals_of(before).by_name
            assert found.policies == {}


@given(st.sampled_from(list(StatementKind)), st.data())
def test_whatever_stands_there_is_read_without_an_error(kind: StatementKind, data: st.DataObject) -> None:
    content = dict(CONTENTS[kind])
    for name in data.draw(st.sets(st.sampled_from(sorted(content)), min_size=1)):
        content[name] = data.draw(JSON)
    before = [] if kind is StatementKind.STARTED else [START]
    found = renewals_of([*before, statement(kind, content)])
    assert len(found.problems) <= 1


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (statement("sung", {}), "'sung' is not a valid StatementKind"),
        (said(StatementKind.STARTED, endpoints=[]), "no endpoint or no old certificate"),
        (said(StatementKind.STARTED, old=[]), "no endpoint or no old certificate"),
        (said(StatementKind.STARTED, renewal="no name"), "cannot be an alias"),
        (said(StatementKind.STARTED, endpoints="orders"), "it is no list"),
        (said(StatementKind.STARTED, downtime=1), "it is no truth value"),
        (said(StatementKind.STARTED, new={**certificate_content(NEW), "not_after": 10**40}), "too large"),
        (said(StatementKind.STARTED, new={**certificate_content(NEW), "not_after": True}), "it is no number"),
        (said(StatementKind.STARTED, reason=None), "it is no text"),
        (said(StatementKind.CONFIRMED), "no renewal 'acme' was started"),
    ],
)
def test_the_problem_is_named(one: Statement, words: str) -> None:
    assert words in only_problem(one)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (START, "a renewal of this name was started before"),
        (said(StatementKind.CHANGED, endpoints=[]), "it leaves no endpoint"),
        (said(StatementKind.CONFIRMED, step=9), "there is no such step"),
        (said(StatementKind.CLOSED, how="somehow"), "'somehow' is not a valid Closure"),
    ],
)
def test_the_problem_of_what_comes_later_is_named(one: Statement, words: str) -> None:
    assert words in only_problem(START, one)


@pytest.mark.parametrize("kind", StatementKind)
def test_after_the_end_only_what_belongs_there_counts(kind: StatementKind) -> None:
    found = renewals_of([START, said(StatementKind.CLOSED), said(kind)])
    later = {
        StatementKind.CONFIRMED,
        StatementKind.NOTICED,
        StatementKind.RETIRED,
        StatementKind.SIGNED_OFF,
        StatementKind.POLICY,
    }
    assert (found.problems == ()) == (kind in later)


def several(*names: str) -> Renewals:
    return renewals_of([said(StatementKind.STARTED, renewal=name) for name in names])


def test_the_only_open_renewal_need_not_be_named() -> None:
    assert several("acme").named(None).name == "acme"
    assert several("acme", "other").named("OTHER").name == "other"
    with pytest.raises(UnknownRenewal, match="several renewals are open, so say which one is meant: acme, other"):
        several("acme", "other").named(None)
    with pytest.raises(UnknownRenewal, match="no renewal is open"):
        several().named(None)
    with pytest.raises(UnknownRenewal, match="those that were started: none yet"):
        several().named("acme")
    closed = renewals_of([START, said(StatementKind.CLOSED)])
    assert closed.named("acme").closed is not None
    with pytest.raises(UnknownRenewal, match="a closed one has to be named"):
        closed.named(None)


def test_nothing_that_was_read_can_be_changed() -> None:
    found = several("acme")
    with pytest.raises(TypeError):
        found.by_name["x"] = found.by_name["acme"]  # type: ignore[index]


def test_a_policy_for_programs() -> None:
    policy = renewals_of([said(StatementKind.POLICY)]).policies["orders"]
    assert policy.guaranteed_delivery_time == timedelta(microseconds=5)
    assert policy_json(policy) == {
        "endpoint": "orders",
        "guaranteed_delivery_seconds": 0.000005,
        "owner": "Ann",
        "reason": "r",
        "at": instant_json(NOON),
        "who": "bob",
    }
