"""The walk through the steps says what the verdict says, and names the step that decided it."""

from dataclasses import replace

import pytest

from fixtures.generator import uris
from fixtures.generator.soap import BODY, TIMESTAMP, direct, signature, token
from fixtures.manifest import Case, entry, interop_cases, own_case, own_cases, public_cases
from gateway.verify import Explanation, Policy, Reason, StepState, explain_message, verify
from gateway.verify.grammar import MAX_SIGNATURES
from keystore import State, TrustSnapshot
from tests.gateway.verify.judging import GOOD, made
from tests.mutation.engine import RULES, mutants
from tests.mutation.source import source as mutation_source

CASES = (*own_cases(), *interop_cases(), *public_cases())

STEPS_OF = {
    Reason.LIMITS: {1, 3, 5, 7, 8, 9},
    Reason.ENCODING: {1, 2},
    Reason.DTD: {1},
    Reason.MALFORMED: {1, 2},
    Reason.NOT_SOAP: {4},
    Reason.DUPLICATE_ID: {6},
    Reason.WRAPPING: {10},
    Reason.STRUCTURE: {1, 4, 5, 7, 8, 9, 10, 12, 13},
    Reason.TRANSFORM_NOT_ALLOWED: {7, 9},
    Reason.ALGORITHM_NOT_ALLOWED: {7},
    Reason.CERTIFICATE_REVOKED: {11},
    Reason.RETIRED_KEY: {8},
    Reason.STAGED_KEY: {8},
    Reason.WEAK_KEY: {8},
    Reason.CERTIFICATE_EXPIRED: {11},
    Reason.UNKNOWN_KEY: {8},
    Reason.SIGNATURE_INVALID: {8},
    Reason.REFERENCE_URI: {7, 9},
    Reason.DIGEST_MISMATCH: {9},
    Reason.PART_NOT_SIGNED: {7, 10},
    Reason.UNSIGNED: {5},
    Reason.TIMESTAMP_MISSING: {10, 12},
    Reason.TIMESTAMP_STALE: {12},
    Reason.UNCORRELATED: {13},
}
"""Where each reason can be found at all, by the procedure's own docstrings."""


SIGNATURES = "".join(signature(BODY, key_info="", number=number) for number in range(1, MAX_SIGNATURES + 2))


def explained(case: Case, message: bytes | None = None) -> Explanation:
    return explain_message(
        case.message if message is None else message,
        TrustSnapshot.of(*case.trust),
        case.policy,
        case.at,
        content_type=case.content_type,
        expects=case.expects,
    )


def state_before(number: int, case: Case) -> StepState:
    return StepState.NOT_ASKED if number == 13 and case.expects is None else StepState.PASSED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_walk_is_consistent_with_the_verdict(case: Case) -> None:
    explanation = explained(case)

    assert explanation.verdict == case.verdict()
    hold_against_its_verdict(explanation, case)


@pytest.mark.parametrize("identifier", ["timestamp-signed", "two-signatures-any", "str-transform-bst"])
def test_the_walk_is_consistent_for_every_kind_of_attack(identifier: str) -> None:
    source = mutation_source(identifier)
    for rule in RULES:
        for mutant in mutants(source, rule, at_most=10):
            case = replace(source.case, **mutant.changes)  # type: ignore[arg-type] # fields of Case, by name
            hold_against_its_verdict(explained(case, mutant.message()), case)


def hold_against_its_verdict(explanation: Explanation, case: Case) -> None:
    verdict = explanation.verdict
    assert [step.number for step in explanation.steps] == list(range(1, 15))
    failed = [step for step in explanation.steps if step.state is StepState.FAILED]
    if verdict.accepted:
        assert failed == []
        assert explanation.failed is None
        assert [step.state for step in explanation.steps] == [state_before(n, case) for n in range(1, 15)]
        return
    assert verdict.reason is not None
    (step,) = failed
    assert explanation.failed is step
    assert step.number in STEPS_OF[verdict.reason]
    assert step.found[-1] == f"{verdict.reason}: {verdict.detail}"
    for other in explanation.steps:
        undecided = other.number > step.number or (other.number, step.number) == (10, 11)
        expected = StepState.NOT_REACHED if undecided else state_before(other.number, case)
        assert other is step or other.state is expected, other
    assert explanation.consequence.startswith(f"Step {step.number} decides: ")
    assert explanation.advice


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_whatever_a_message_holds_the_sentences_are_printable(case: Case) -> None:
    for step in explained(case).steps:
        assert all(found and found.isprintable() and found.isascii() for found in step.found), step


@pytest.mark.parametrize(
    ("identifier", "number"),
    [
        ("utf7", 1),
        ("doctype", 1),
        ("white-space-only", 1),
        ("truncated", 2),
        ("html", 4),
        ("two-bodies", 4),
        ("unsigned", 5),
        ("two-security-headers", 5),
        ("duplicate-id-plain", 6),
        ("algorithm-md5", 7),
        ("transform-xslt", 7),
        ("no-references", 7),
        ("retrieval-method", 8),
        ("retired-key", 8),
        ("staged-key", 8),
        ("weak-key", 8),
        ("unknown-key", 8),
        ("signature-value-altered", 8),
        ("reference-dangling", 9),
        ("reference-cid", 9),
        ("body-altered", 9),
        ("instruction-behind", 10),
        ("wrapping-xsw1", 7),
        ("wrapping-xsw2", 10),
        ("only-timestamp-signed", 10),
        ("encrypted-body", 9),
        ("encrypted-signature", 5),
        ("encrypted-token-element", 9),
        ("text-in-envelope-behind", 4),
        ("content-type-multipart-action", 1),
        ("certificate-expired", 11),
        ("revoked-key", 11),
        ("timestamp-expired", 12),
        ("timestamp-malformed", 12),
        ("timestamp-ends-before-it-starts", 12),
        ("relates-to-request", None),
    ],
)
def test_the_step_that_decides(identifier: str, number: int | None) -> None:
    failed = explained(own_case(identifier)).failed

    assert (None if failed is None else failed.number) == number


def by_number(explanation: Explanation) -> dict[int, str]:
    return {step.number: " / ".join(step.found) for step in explanation.steps}


def test_what_is_found_in_a_good_message() -> None:
    found = by_number(explained(own_case("timestamp-signed")))

    assert "in UTF-8" in found[1]
    assert "SOAP 1.1; header blocks: Security; Body: {urn:example:orders}getOrderResponse" in found[4]
    assert "names no actor; it holds: " in found[5]
    assert found[6] == "each names one element: #ts-1, #body-1"
    assert "rsa-sha256, SignedInfo canonicalized by xml-exc-c14n" in found[7]
    assert "the signature is good under old (trusted)" in found[8]
    assert "Body (at /Envelope/Body, referenced as #body-1), sha256: as it was signed" in found[9]
    assert found[10] == "required: Body, Timestamp; signed by a trusted key: Timestamp, Body"
    assert "old is valid from 2024-01-01T00:00:00Z until" in found[11]
    assert "created 2026-06-01T12:00:00Z, expires 2026-06-01T12:05:00Z, signed" in found[12]
    assert found[14].startswith("accepted: signed with old")


@pytest.mark.parametrize(
    ("identifier", "number", "sentence"),
    [
        ("actor-ours", 5, "is for the actor "),
        ("actor-of-another", 5, "foreign-security-header"),
        ("no-key-info", 7, "key named by none"),
        ("issuer-serial", 8, "says it was made by: serial number"),
        ("wrong-hint-bst", 8, "which is wrong"),
        ("unknown-key", 8, "under which the signature is good: CN=foreign.example"),
        ("signature-value-altered", 8, "under which the signature is NOT good"),
        ("unknown-key-empty-keystore", 8, "the keystore holds none"),
        ("retired-key", 8, "good under retired (retired)"),
        ("weak-key", 8, "refused as weak-key"),
        ("two-signatures-any", 8, "signature 2 does not count: unknown-key"),
        ("body-altered", 9, "ALTERED after signing"),
        ("wrapping-timestamp", 10, "signed by a trusted key: "),
        ("timestamp-unsigned", 12, "NOT signed, and so no evidence"),
        ("timestamp-no-expires", 12, "expires not said"),
        ("addressing-headers", 12, "there is none"),
        ("relates-to-request", 13, "answers the request"),
    ],
)
def test_what_is_found_where(identifier: str, number: int, sentence: str) -> None:
    assert sentence in by_number(explained(own_case(identifier)))[number]


@pytest.mark.parametrize(
    ("identifier", "afterwards"),
    [("two-timestamps", True), ("retrieval-method", True), ("body-altered", False), ("duplicate-id-before", False)],
)
def test_a_signature_that_was_looked_at_after_the_rejection_is_told_as_such(
    identifier: str, *, afterwards: bool
) -> None:
    explanation = explained(own_case(identifier))
    found = by_number(explanation)

    assert "the signature is good under old (trusted)" in found[8]
    assert ("the signature was looked at afterwards" in found[8]) is afterwards
    assert "not looked up" not in found[6]


def test_another_certificate_over_the_key_is_told() -> None:
    case = own_case(GOOD)
    entries = (entry("old"), replace(entry("renewed"), state=State.RETIRED))

    found = by_number(explained(replace(case, trust=entries)))

    assert "the signature is good under renewed (retired), another certificate over that key" in found[8]


def test_another_encoding_is_told() -> None:
    content_type = "text/xml; charset=iso-8859-1"
    case = replace(own_case("latin1"), policy=Policy(encodings=("ISO-8859-1",)), content_type=content_type)

    assert "brought into UTF-8" in by_number(explained(case))[1]


def test_a_multipart_message_ends_at_the_first_step() -> None:
    case = replace(own_case(GOOD), content_type="multipart/related; boundary=b")

    failed = explained(case).failed

    assert failed is not None
    assert (failed.number, "multipart" in failed.found[-1]) == (1, True)


@pytest.mark.parametrize(
    ("policy", "message", "number"),
    [
        (Policy(max_message_bytes=1024), own_case(GOOD).message, 1),
        (Policy(max_elements=16), own_case(GOOD).message, 3),
        (Policy(max_depth=8), own_case(GOOD).message.replace(b"<soap:Body", b"<a>" * 300 + b"<soap:Body", 1), 3),
        (Policy(), made(SIGNATURES, *["old"] * (MAX_SIGNATURES + 1)), 5),
    ],
    ids=["bytes", "elements", "depth", "signatures"],
)
def test_where_a_limit_is_met(policy: Policy, message: bytes, number: int) -> None:
    failed = explained(replace(own_case(GOOD), policy=policy), message).failed

    assert failed is not None
    assert failed.number == number


def test_a_timestamp_that_says_not_when_it_was_made() -> None:
    stamp = '<wsu:Timestamp wsu:Id="ts-1"/>'
    message = made(stamp + token("old") + signature(TIMESTAMP, BODY, key_info=direct()), "old")
    case = replace(own_case(GOOD), policy=Policy(required_parts=("Body", "Timestamp")))

    explanation = explained(case, message)

    assert explanation.verdict.reason is Reason.TIMESTAMP_MISSING
    assert explanation.failed is not None
    assert explanation.failed.number == 12
    assert "created not said" in by_number(explanation)[12]
    without = explained(replace(case), own_case(GOOD).message).failed
    assert without is not None
    assert (without.number, without.found[-1]) == (
        10,
        "timestamp-missing: the policy requires a Timestamp, and there is none",
    )


def test_a_stale_timestamp_does_not_decide_what_was_decided_before() -> None:
    case = replace(own_case("timestamp-expired"), policy=Policy(required_parts=("Body", "{urn:x}Header")))

    explanation = explained(case)

    assert explanation.verdict.reason is Reason.PART_NOT_SIGNED
    assert explanation.failed is not None
    assert explanation.failed.number == 10


def test_a_response_to_another_request_ends_at_the_binding() -> None:
    case = next(found for found in own_cases() if found.reason is Reason.UNCORRELATED)

    failed = explained(case).failed

    assert failed is not None
    assert failed.number == 13
    unbound = replace(own_case(GOOD), expects=case.expects)
    assert "unbound: nothing that is signed binds" in by_number(explained(unbound))[13]


def test_of_several_signatures_the_one_that_decides_is_told() -> None:
    """The first fails late and by a reason of lower rank, the second early: the second decides."""
    keys = token("foreign", number=1) + token("old", number=2)
    signatures = (
        signature(BODY, key_info=direct(1), number=1),
        signature(BODY, key_info=direct(2), number=2, method=uris.RSA_SHA224),
    )
    message = made(keys + "".join(signatures), "foreign", "old")

    explanation = explained(own_case(GOOD), message)

    assert explanation.verdict.reason is Reason.ALGORITHM_NOT_ALLOWED
    assert explanation.failed is not None
    assert explanation.failed.number == 7
    found = by_number(explanation)
    assert "signature 2: algorithm-not-allowed" in found[7]
    assert "signature 1 does not count: unknown-key" in found[8]


def test_many_names_are_told_short() -> None:
    headers = "".join(f'<x:h{n} xmlns:x="urn:x"/>' for n in range(20))
    message = own_case(GOOD).message.replace(b"</soap:Header>", headers.encode() + b"</soap:Header>")

    assert "h10 and 9 more; Body" in by_number(explained(own_case(GOOD), message))[4]


def test_names_from_the_message_are_told_in_printable_characters() -> None:
    message = own_case(GOOD).message.replace(b"</soap:Header>", '<é xmlns="urn:x"/></soap:Header>'.encode())

    assert "header blocks: Security, \\xe9;" in by_number(explained(own_case(GOOD), message))[4]


def test_an_empty_body_is_said_to_be_empty() -> None:
    assert "Body: empty" in by_number(explained(own_case("empty-body")))[4]


def test_the_instant_needs_a_time_zone() -> None:
    case = own_case(GOOD)

    with pytest.raises(ValueError, match="needs a time zone"):
        explain_message(case.message, TrustSnapshot.of(entry("old")), Policy(), case.at.replace(tzinfo=None))
    assert verify(case.message, TrustSnapshot.of(entry("old")), Policy(), case.at).accepted
