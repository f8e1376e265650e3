"""Rules 1 to 7 of the threat model: wrapping and coverage."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from fixtures.generator import uris
from fixtures.manifest import own_case
from gateway.verify import Policy, Reason
from tests.gateway.verify.judging import GOOD, judged, reasons_of


@pytest.mark.parametrize("number", range(1, 9))
def test_rule_01_a_moved_body_is_rejected(number: int) -> None:
    verdict = own_case(f"wrapping-xsw{number}").verdict()

    assert not verdict.accepted
    assert verdict.reason in {Reason.WRAPPING, Reason.STRUCTURE, Reason.PART_NOT_SIGNED}


def test_rule_02_a_moved_timestamp_or_header_is_rejected() -> None:
    assert reasons_of("wrapping-timestamp") <= {Reason.WRAPPING, Reason.PART_NOT_SIGNED}
    assert reasons_of("wrapping-header") <= {Reason.WRAPPING, Reason.PART_NOT_SIGNED}


@pytest.mark.parametrize(
    "edit",
    [
        ("</soap:Envelope>", "<soap:Body/></soap:Envelope>"),
        ("<soap:Body", "<soap:Body/><soap:Body"),
        ("</soap:Envelope>", f'<x:Body xmlns:x="{uris.SOAP12}"/></soap:Envelope>'),
        ("</soap:Envelope>", f'<x:Header xmlns:x="{uris.SOAP12}"/></soap:Envelope>'),
        ("</soap:Envelope>", "<trailer/></soap:Envelope>"),
        ("<soap:Header>", "<soap:Header/><soap:Header>"),
        ("<soap:Header>", "<first/><soap:Header>"),
    ],
)
def test_rule_03_an_envelope_holds_header_and_body_alone(edit: tuple[str, str]) -> None:
    assert judged(GOOD, edit).reason is Reason.STRUCTURE


def test_rule_04_exactly_one_security_header_is_ours() -> None:
    second = f'<wsse:Security xmlns:wsse="{uris.WSSE}"/></soap:Header>'
    other = f'<wsse:Security xmlns:wsse="{uris.WSSE}" soap:actor="urn:other"/></soap:Header>'

    assert judged(GOOD, ("</soap:Header>", second)).reason is Reason.STRUCTURE
    foreign = judged(GOOD, ("</soap:Header>", other))
    assert foreign.accepted
    assert foreign.warnings, "a foreign actor's header is recorded"
    assert judged(GOOD, policy=Policy(actor="urn:other")).reason is Reason.UNSIGNED
    assert judged("actor-ours", policy=Policy()).reason is Reason.UNSIGNED


def test_rule_05_all_signatures_verify_unless_any_is_enough() -> None:
    both = own_case("two-signatures-any")

    assert replace(both, policy=Policy()).verdict().reason is Reason.UNKNOWN_KEY
    verdict = both.verdict()
    assert {by.alias for by in verdict.verified_by} == {"old"}
    assert len(verdict.signatures) == 2


@pytest.mark.parametrize("signatures", ["all", "any"])
def test_rule_05_one_signature_covers_all_parts_by_itself(signatures: str) -> None:
    case = own_case("two-signatures-each-a-part")
    policy = case.policy.model_copy(update={"signatures": signatures})

    verdict = replace(case, policy=policy).verdict()

    assert verdict.reason is Reason.PART_NOT_SIGNED
    assert "no single trusted signature covers" in verdict.detail
    assert [bool(report.verified_by) for report in verdict.signatures] == [True, True]
    for part in ("Body", "Timestamp"):
        alone = case.policy.model_copy(update={"signatures": signatures, "required_parts": (part,)})
        assert replace(case, policy=alone).verdict().accepted


def test_rule_05_several_signatures_cover_together_where_the_policy_admits_it() -> None:
    together = judged("coverage-together")
    assert together.accepted
    assert [bool(report.verified_by) for report in together.signatures] == [True, True]
    assert own_case("coverage-together").policy.dangers

    assert judged("coverage-one").reason is Reason.PART_NOT_SIGNED
    assert "the policy may admit that: coverage" in judged("coverage-one").detail
    assert judged("coverage-together-not-all").reason is Reason.PART_NOT_SIGNED
    assert judged("coverage-together-unknown-key").reason is Reason.UNKNOWN_KEY
    # Where one signature covers all, the others lend it nothing.
    case = own_case("two-signatures-old-and-new")
    policy = case.policy.model_copy(update={"coverage": "together"})
    assert replace(case, policy=policy).verdict() == case.verdict()


def test_rule_05_a_signature_elsewhere_is_payload() -> None:
    text = own_case(GOOD).message.decode()
    seal = text[text.index("<ds:Signature ") : text.index("</ds:Signature>") + len("</ds:Signature>")]
    for place in ("<soap:Header>", "<ord:id>"):
        bound = seal.replace("<ds:Signature ", f'<ds:Signature xmlns:wsse="{uris.WSSE}" ', 1)
        moved = text.replace(seal, "").replace(place, place + bound, 1)
        assert own_case(GOOD).verdict(moved.encode()).reason is Reason.UNSIGNED


def test_rule_06_nothing_signed_is_never_success() -> None:
    assert judged("only-timestamp-signed").reason is Reason.PART_NOT_SIGNED
    assert judged("unsigned").reason is Reason.UNSIGNED
    assert judged("no-references").reason in {Reason.STRUCTURE, Reason.PART_NOT_SIGNED, Reason.UNSIGNED}
    assert judged("header-required-absent").reason is Reason.PART_NOT_SIGNED
    assert not replace(own_case(GOOD), trust=()).verdict().accepted
    with pytest.raises(ValidationError):
        Policy(required_parts=())


def test_rule_07_encrypted_content_is_refused_and_said_so() -> None:
    verdict = judged("encrypted-body")

    assert verdict.reason is Reason.STRUCTURE
    assert "encrypt" in verdict.detail


def test_rule_07_a_multipart_body_that_is_not_taken_apart_is_refused_and_said_so() -> None:
    for content_type in ("multipart/related; boundary=x", ' Multipart/Related; type="text/xml"'):
        verdict = replace(own_case(GOOD), content_type=content_type).verdict()

        assert verdict.reason is Reason.STRUCTURE
        assert "multipart" in verdict.detail
