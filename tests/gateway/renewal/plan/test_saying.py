"""What is said of a renewal on its way is kept, with who and when, and believed by nobody without measurements."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.ledger import read_statements
from gateway.renewal import (
    Author,
    Closure,
    PlanRefused,
    SaidWrongly,
    UnknownRenewal,
    close_renewal,
    confirm_step,
    is_contradicted,
    read_renewals,
    record_notice,
    record_rehearsal,
    record_retirement,
    record_sign_off,
    renewal_json,
    start_renewal,
    waive_cell,
    whole_fingerprint,
)
from tests.gateway.renewal.plan.plans import BOB, NEW, OLD, plan
from tests.keystore.issuing import NOON

NAME = "acme-2026"
SAMPLE: dict[str, Any] = {
    "endpoint": "orders",
    "sample": b"<x/>",
    "accepted": True,
    "reason": "",
    "sentence": "verified",
}
CELL: dict[str, Any] = {"endpoint": "orders", "operation": "{urn:o}Get", "reason": "once a year"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def pairs(digits: str) -> str:
    return ":".join(digits[n : n + 2] for n in range(0, len(digits), 2)).upper()


@pytest.fixture(autouse=True)
def _open(engine: Engine) -> None:
    start_renewal(engine, plan(), BOB)


def test_a_confirmation_tells_who_said_it_and_who_typed_it(engine: Engine) -> None:
    confirm_step(engine, NAME, 4, BOB)
    said = confirm_step(engine, "ACME-2026", 7, Author("eva", NOON), by="Ann of ACME", note="on the phone")
    assert [(one.step, one.by, one.who, one.note) for one in said.confirmations] == [
        (4, "bob", "bob", ""),
        (7, "Ann of ACME", "eva", "on the phone"),
    ]


@pytest.mark.parametrize("step", [-1, 0, 9])
def test_there_are_eight_steps(engine: Engine, step: int) -> None:
    with pytest.raises(SaidWrongly, match="the steps of a renewal are 1 to 8"):
        confirm_step(engine, NAME, step, BOB)


@pytest.mark.parametrize("spell", [str, str.upper, pairs, lambda digits: f" {digits[:32]}\n{digits[32:]} "])
def test_a_fingerprint_is_kept_as_64_digits(engine: Engine, spell: Any) -> None:
    (said,) = confirm_step(engine, NAME, 2, BOB, fingerprint=spell(NEW.thumbprint)).confirmations
    assert said.fingerprint == NEW.thumbprint
    assert not is_contradicted(said.fingerprint, NEW)


def test_a_fingerprint_of_another_certificate_is_recorded_and_contradicted(engine: Engine) -> None:
    (said,) = confirm_step(engine, NAME, 2, BOB, fingerprint=OLD.thumbprint).confirmations
    assert said.fingerprint == OLD.thumbprint
    assert is_contradicted(said.fingerprint, NEW)
    assert not is_contradicted("", NEW), "where none was read out"


@pytest.mark.parametrize("fingerprint", ["a" * 63, "a" * 65, "a" * 40, "g" * 64, "\u0661" * 64, ":", "x\x1b[31m"])
def test_a_part_of_a_fingerprint_is_none(engine: Engine, fingerprint: str) -> None:
    with pytest.raises(SaidWrongly, match="no whole SHA-256 fingerprint") as caught:
        confirm_step(engine, NAME, 2, BOB, fingerprint=fingerprint)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(SaidWrongly):
        whole_fingerprint(fingerprint)
    assert read_renewals(engine).by_name[NAME].confirmations == ()


def test_a_fingerprint_goes_with_the_second_step_alone(engine: Engine) -> None:
    with pytest.raises(SaidWrongly, match="belongs to step 2"):
        confirm_step(engine, NAME, 3, BOB, fingerprint=NEW.thumbprint)


def test_a_rehearsal_is_kept_with_its_sample(engine: Engine) -> None:
    record_rehearsal(engine, NAME, BOB, file="a" * 300, **{**SAMPLE, "accepted": False, "reason": "wrapping"})
    first, second = record_rehearsal(engine, NAME, BOB, file="s.xml", **SAMPLE).rehearsals
    assert (first.accepted, first.reason, len(first.file)) == (False, "wrapping", 200)
    long = record_rehearsal(engine, NAME, BOB, file="s.xml", **{**SAMPLE, "sentence": "x" * 9000}).rehearsals[-1]
    assert len(long.sentence) == 2000
    assert (second.file, second.sha256, second.sentence) == ("s.xml", sha256("<x/>"), "verified")
    assert (second.endpoint, second.who) == ("orders", "bob")


def test_a_cell_is_waived_by_name_once(engine: Engine) -> None:
    waive_cell(engine, NAME, BOB, **CELL, server="b2", by="Ann")
    waive_cell(engine, NAME, BOB, **CELL, server="b1")
    renewal = waive_cell(engine, NAME, BOB, **CELL)
    assert [(one.by, one.server, one.reason) for one in renewal.waivers] == [
        ("Ann", "b2", "once a year"),
        ("bob", "b1", "once a year"),
        ("bob", "", "once a year"),
    ]
    for server in ("", "b1", "b3"):
        with pytest.raises(PlanRefused, match="has waived that already: once a year"):
            waive_cell(engine, NAME, BOB, **CELL, server=server)
    with pytest.raises(PlanRefused, match="not about the endpoint 'invoices', only about orders"):
        waive_cell(engine, NAME, BOB, **{**CELL, "endpoint": "invoices"})
    with pytest.raises(SaidWrongly, match="the reason is empty"):
        waive_cell(engine, NAME, BOB, **{**CELL, "operation": "", "reason": " "})


def test_what_was_written_about_it_is_kept_by_its_hash(engine: Engine) -> None:
    record_notice(engine, NAME, 4, b"Dear Ann", BOB)
    record_retirement(engine, NAME, OLD, '{"schema":"x"}', BOB)
    renewal = record_sign_off(engine, NAME, b"%PDF", "PDF", BOB)
    assert [(one.step, one.sha256) for one in renewal.notices] == [(4, sha256("Dear Ann"))]
    assert renewal.retirement_certificates == (sha256('{"schema":"x"}'),)
    assert renewal.sign_offs == (sha256("%PDF"),)
    retired = read_statements(engine)[2].content
    assert retired["certificate"] == '{"schema":"x"}', "it is kept in full"
    assert (retired["alias"], retired["thumbprint"]) == (OLD.alias, OLD.thumbprint)


def test_of_a_closed_renewal_may_be_said_what_comes_afterwards(engine: Engine) -> None:
    close_renewal(engine, NAME, Closure.FINISHED, "", BOB)
    confirm_step(engine, NAME, 6, BOB)
    record_notice(engine, NAME, 8, b"Dear Ann", BOB)
    record_retirement(engine, NAME, OLD, "{}", BOB)
    record_sign_off(engine, NAME, b"%PDF", "PDF", BOB)
    with pytest.raises(PlanRefused, match="is closed: finished"):
        waive_cell(engine, NAME, BOB, **CELL)
    with pytest.raises(PlanRefused, match="is closed: finished"):
        record_rehearsal(engine, NAME, BOB, file="s.xml", **SAMPLE)
    assert read_renewals(engine).problems == ()


def test_of_what_never_was_nothing_is_said(engine: Engine) -> None:
    acts: Sequence[Callable[[], object]] = (
        lambda: confirm_step(engine, "x", 4, BOB),
        lambda: record_rehearsal(engine, "x", BOB, file="s.xml", **SAMPLE),
        lambda: waive_cell(engine, "x", BOB, **CELL),
        lambda: record_notice(engine, "x", 4, b"", BOB),
        lambda: record_retirement(engine, "x", OLD, "", BOB),
        lambda: record_sign_off(engine, "x", b"", "PDF", BOB),
    )
    for act in acts:
        with pytest.raises(UnknownRenewal, match="no renewal 'x'"):
            act()
    assert len(read_statements(engine)) == 1


def test_programs_read_all_of_it(engine: Engine) -> None:
    confirm_step(engine, NAME, 2, BOB, fingerprint=NEW.thumbprint)
    record_rehearsal(engine, NAME, BOB, file="s.xml", **SAMPLE)
    waive_cell(engine, NAME, BOB, **CELL)
    record_notice(engine, NAME, 4, b"Dear Ann", BOB)
    found = json.loads(json.dumps(renewal_json(read_renewals(engine).by_name[NAME])))
    assert found["confirmations"][0]["fingerprint"] == NEW.thumbprint
    assert found["rehearsals"][0]["file"] == "s.xml"
    assert found["waivers"][0]["operation"] == "{urn:o}Get"
    assert found["notices"][0]["step"] == 4
    assert (found["old"][0]["alias"], found["new"]["alias"], found["closed"]) == ("acme-2024", "acme-2026", None)
    closed = close_renewal(engine, NAME, Closure.WITHDRAWN, "it did not work", BOB)
    assert renewal_json(closed)["closed"]["how"] == "withdrawn"
