"""The whole procedure: what a verdict says, in whatever order and place its parts are asked for."""

import threading
from dataclasses import replace
from datetime import datetime

import pytest

from fixtures.generator.soap import BODY, TIMESTAMP, direct, signature, token
from fixtures.manifest import own_case, own_cases
from gateway.verify import Outcome, Policy, Reason, Verdict, verify
from keystore import TrustSnapshot
from tests.gateway.verify.judging import GOOD, judged, made


def test_an_instant_without_a_time_zone_is_a_broken_call() -> None:
    case = own_case(GOOD)

    with pytest.raises(ValueError, match="needs a time zone"):
        verify(case.message, TrustSnapshot.of(*case.trust), case.policy, datetime(2026, 6, 1, 12))  # noqa: DTZ001 - on purpose


@pytest.mark.parametrize(
    "content_type", ["multipart/related; type=text/xml; boundary=b", " Multipart/Mixed", "multipart/related"]
)
def test_a_multipart_message_is_refused_by_its_name(content_type: str) -> None:
    verdict = judged(GOOD, content_type=content_type)

    assert verdict.reason is Reason.STRUCTURE
    assert "multipart" in verdict.detail


def test_an_accepted_verdict_says_what_was_signed_by_whom() -> None:
    verdict = own_case("timestamp-signed").verdict()

    assert verdict.outcome is Outcome.ACCEPTED
    assert verdict.reason is None
    assert [by.alias for by in verdict.verified_by] == ["old"]
    assert "old" in verdict.detail
    (report,) = verdict.signatures
    assert {(part.name, part.path) for part in report.parts} == {
        ("Body", "/Envelope/Body"),
        ("Timestamp", "/Envelope/Header/Security/Timestamp"),
    }
    assert all(part.intact for part in report.parts)
    assert verdict.soap_version == "1.1"
    assert verdict.operation == "{urn:example:orders}getOrderResponse"
    assert not verdict.is_fault


def test_a_rejected_verdict_grants_nothing() -> None:
    for case in own_cases():
        verdict = case.verdict()
        if not verdict.accepted:
            assert verdict.outcome is Outcome.REJECTED
            assert (verdict.verified_by, verdict.replay_keys, verdict.fresh_until) == ((), (), None), case.id


def test_a_timestamp_that_says_nothing_bounds_nothing() -> None:
    """Signed, but without Created and Expires: no instant from which a replay attack could be forgotten."""
    stamp = '<wsu:Timestamp wsu:Id="ts-1"/>'
    message = made(stamp + token("old") + signature(TIMESTAMP, BODY, key_info=direct()), "old")

    verdict = own_case(GOOD).verdict(message)

    assert verdict.accepted
    assert verdict.timestamp is not None
    assert verdict.timestamp.signed
    assert (verdict.replay_keys, verdict.fresh_until) == ((), None)
    required = replace(own_case(GOOD), policy=Policy(required_parts=("Body", "Timestamp"))).verdict(message)
    assert required.reason is Reason.TIMESTAMP_MISSING


def test_an_altered_part_is_named_with_its_place_and_its_reference() -> None:
    case = own_case("timestamp-signed")
    message = case.message.replace(b"<wsu:Expires>2026", b"<wsu:Expires>2027")
    assert message != case.message

    verdict = case.verdict(message)

    (report,) = verdict.signatures
    (altered,) = [part for part in report.parts if not part.intact]
    assert verdict.reason is Reason.DIGEST_MISMATCH
    assert verdict.detail == (
        f"altered after signing: Timestamp (at /Envelope/Header/Security/Timestamp, referenced as {altered.uri})"
    )


def test_verdicts_are_the_same_in_every_thread() -> None:
    """Parsers, dictionaries of names and caches are shared or made anew: it must not matter."""
    cases = [case for case in own_cases() if case.accepted]
    expected = [case.verdict() for case in cases]
    found: list[list[Verdict]] = []

    def run() -> None:
        found.append([case.verdict() for case in cases])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * len(threads)
