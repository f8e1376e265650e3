"""Where there is no signature of ours, the sentence says what there is instead, and where."""

import pytest

from fixtures.generator import uris
from fixtures.generator.soap import ORDER, Envelope, timestamp
from fixtures.manifest import own_case
from gateway.verify import ADVICE, Policy, Reason, Verdict
from tests.gateway.verify.judging import GOOD

SIGNATURE = f'<ds:Signature xmlns:ds="{uris.DS}"/>'
DRAFT = "http://schemas.xmlsoap.org/ws/2003/06/secext"


def judged(security: str | None, **envelope: str) -> Verdict:
    return own_case(GOOD).verdict(Envelope(security, **envelope).text().encode())  # type: ignore[arg-type]  # fields by name


def test_nothing_at_all() -> None:
    verdict = judged(None)

    assert (verdict.reason, verdict.detail) == (Reason.UNSIGNED, "the message has no Security header")
    assert verdict.advice == ADVICE[Reason.UNSIGNED]


def test_a_security_header_without_a_signature() -> None:
    verdict = judged(timestamp())

    assert (verdict.reason, verdict.detail) == (Reason.UNSIGNED, "the Security header holds no Signature")
    assert verdict.advice == ADVICE[Reason.UNSIGNED]


@pytest.mark.parametrize(
    ("attribute", "named"), [(f'xmlns="{DRAFT}"', DRAFT), ('xmlns="urn:own"', "urn:own"), ("", "no namespace")]
)
def test_a_draft_of_the_standard_is_named(attribute: str, named: str) -> None:
    verdict = judged(None, headers_before=f"<Security {attribute}>{SIGNATURE}</Security>")

    assert verdict.reason is Reason.UNSIGNED
    assert "a draft of WS-Security or something of its own" in verdict.detail
    assert named in verdict.detail
    assert "OASIS" in str(verdict.advice)


@pytest.mark.parametrize(
    ("security", "envelope", "path"),
    [
        (None, {"headers_before": SIGNATURE}, "/Envelope/Header/Signature"),
        (None, {"body": ORDER.replace("4711", SIGNATURE)}, "/Envelope/Body/getOrderResponse/id/Signature"),
        (timestamp(), {"body": f"<x>{SIGNATURE}</x>"}, "/Envelope/Body/x/Signature"),
        (f"<wsse:Embedded>{SIGNATURE}</wsse:Embedded>", {}, "/Envelope/Header/Security/Embedded/Signature"),
    ],
)
def test_a_signature_of_another_kind_is_named_with_its_place(
    security: str | None, envelope: dict[str, str], path: str
) -> None:
    verdict = judged(security, **envelope)

    assert verdict.reason is Reason.UNSIGNED
    assert f"the Signature at {path} is one of the payload or of another protocol" in verdict.detail
    assert "another kind of signature" in str(verdict.advice)


def test_a_signature_for_another_actor_is_left_to_the_sentence_about_actors() -> None:
    case = own_case("actor-ours")
    verdict = own_case(GOOD).verdict(case.message)

    assert verdict.reason is Reason.UNSIGNED
    assert "see the policy's key actor" in verdict.detail
    assert "another protocol" not in verdict.detail
    assert Policy(actor="urn:example:gateway") == case.policy
