"""Rules 23 to 25 of the threat model: time, replay attack, binding."""

from dataclasses import replace
from datetime import datetime

import pytest

from fixtures.generator import uris
from fixtures.generator.soap import BODY, Reference, direct, signature, token
from fixtures.manifest import own_case
from gateway.verify import Expectation, Policy, Reason
from tests.gateway.verify.judging import GOOD, judged, made, reasons_of


def test_rule_23_a_timestamp_is_fresh() -> None:
    assert reasons_of("timestamp-expired") == {Reason.TIMESTAMP_STALE}
    assert reasons_of("timestamp-created-in-future") == {Reason.TIMESTAMP_STALE}
    assert reasons_of("timestamp-too-old") == {Reason.TIMESTAMP_STALE}
    assert reasons_of("timestamp-missing") == {Reason.TIMESTAMP_MISSING}
    assert not judged("two-timestamps").accepted
    assert not judged("timestamp-ends-before-it-starts").accepted


def test_rule_23_only_a_signed_timestamp_is_evidence() -> None:
    signed, unsigned = own_case("timestamp-signed").verdict(), own_case("timestamp-unsigned").verdict()

    assert signed.timestamp is not None
    assert signed.timestamp.signed
    assert signed.replay_keys
    assert signed.fresh_until is not None
    assert unsigned.timestamp is not None
    assert not unsigned.timestamp.signed
    assert unsigned.replay_keys == ()


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        ("2026-06-01T11:59:00Z", True),
        ("2026-06-01T11:58:59Z", False),
        ("2026-06-01T12:04:59.999999Z", True),
        ("2026-06-01T12:05:00Z", False),
    ],
)
def test_rule_23_boundaries(at: str, accepted: bool) -> None:
    verdict = judged("timestamp-signed", at=datetime.fromisoformat(at))

    assert verdict.accepted is accepted
    assert accepted or verdict.reason is Reason.TIMESTAMP_STALE


def test_rule_24_the_replay_key_names_the_signed_message() -> None:
    case = own_case("timestamp-signed")
    first = case.verdict()

    assert case.verdict().replay_keys == first.replay_keys
    unsigned_change = judged("timestamp-signed", ("<soap:Header>", "<soap:Header><x/>"))
    assert unsigned_change.accepted
    assert unsigned_change.replay_keys == first.replay_keys, "what is not signed does not make a message another one"
    assert own_case("timestamp-milliseconds").verdict().replay_keys != first.replay_keys


def test_rule_24_the_replay_key_survives_further_signatures() -> None:
    """A recorded message must not become another one by an attacker who only adds to it."""
    case = own_case("timestamp-signed")
    extra = signature(Reference("#timestamp-copy"), key_info="", number=2, value="A" * 342 + "==")
    text = case.message.decode().replace("</wsse:Security>", extra + "</wsse:Security>")
    text = text.replace("@digest@", "A" * 43 + "=")

    verdict = replace(case, policy=Policy(signatures="any")).verdict(text.encode())

    assert not verdict.accepted or verdict.replay_keys == case.verdict().replay_keys


def test_rule_25_a_signed_relates_to_names_this_request() -> None:
    case = own_case("relates-to-request")

    assert case.verdict().accepted
    assert judged("uncorrelated").reason is Reason.UNCORRELATED
    unbound = replace(own_case(GOOD), expects=Expectation(message_id="urn:uuid:request-1")).verdict()
    assert unbound.accepted
    assert any("unbound" in warning for warning in unbound.warnings)


@pytest.mark.parametrize("namespace", [uris.WSA, "http://schemas.xmlsoap.org/ws/2004/08/addressing"])
@pytest.mark.parametrize("value", ["urn:uuid:request-1", "urn:uuid:request-2"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_rule_25_an_added_header_does_not_hide_a_wrong_one(namespace: str, value: str, place: str) -> None:
    """Without a key, an attacker swaps responses and adds a second, unsigned RelatesTo."""
    added = f'<w:RelatesTo xmlns:w="{namespace}">{value}</w:RelatesTo>'
    edit = (
        ("<soap:Header>", f"<soap:Header>{added}") if place == "first" else ("</soap:Header>", f"{added}</soap:Header>")
    )

    verdict = judged("relates-to-request", edit, expects=Expectation(message_id="urn:uuid:request-2"))

    assert not verdict.accepted


def test_rule_25_an_unsigned_relates_to_binds_nothing() -> None:
    header = f'<w:RelatesTo xmlns:w="{uris.WSA}">urn:uuid:request-1</w:RelatesTo></soap:Header>'

    verdict = judged(GOOD, ("</soap:Header>", header), expects=Expectation(message_id="urn:uuid:request-1"))

    assert any("unbound" in warning for warning in verdict.warnings)


def test_rule_25_signature_confirmation() -> None:
    value = "AAECAwQ="
    confirmation = f'<c:SignatureConfirmation xmlns:c="{uris.WSSE11}" wsu:Id="confirm-1" Value="{value}"/>'
    security = confirmation + token("old") + signature(BODY, Reference("#confirm-1"), key_info=direct())
    message = made(security, "old")
    case = own_case(GOOD)

    good = replace(case, expects=Expectation(signature_values=(bytes(range(5)),))).verdict(message)
    other = replace(case, expects=Expectation(signature_values=(b"other",))).verdict(message)

    assert good.accepted
    assert not any("unbound" in warning for warning in good.warnings)
    assert other.reason is Reason.UNCORRELATED
