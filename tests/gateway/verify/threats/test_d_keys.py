"""Rules 17 to 22 of the threat model: keys and algorithms."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fixtures.generator.soap import encode
from fixtures.manifest import entry, own_case, own_cases, trust
from gateway.verify import CheckResult, Policy, Reason
from keystore import HintKind
from tests.gateway.verify.judging import GOOD, judged, reasons_of


def test_rule_17_what_the_message_carries_grants_no_trust() -> None:
    for case in own_cases():
        if case.id.startswith("unknown-key"):
            verdict = case.verdict()
            assert not verdict.accepted
            assert verdict.verified_by == ()
    foreign = own_case("unknown-key").verdict()
    assert foreign.embedded is not None
    assert foreign.embedded.signature_good
    assert foreign.embedded.thumbprint == entry("foreign").thumbprint
    assert foreign.embedded.thumbprint in foreign.detail or "foreign.example" in foreign.detail


def test_rule_17_a_hint_orders_and_never_limits() -> None:
    for name, kind in (("wrong-hint-issuer-serial", HintKind.ISSUER_SERIAL), ("no-key-info", HintKind.NONE)):
        verdict = own_case(name).verdict()
        assert verdict.accepted
        assert verdict.signatures[0].hint.kind is kind
    assert own_case("wrong-hint-issuer-serial").verdict().signatures[0].hint.agreed is False
    assert own_case("issuer-serial").verdict().signatures[0].hint.agreed is True


def test_rule_18_weak_algorithms_are_refused() -> None:
    assert reasons_of("algorithm-") == {Reason.ALGORITHM_NOT_ALLOWED}
    assert judged("weak-key").reason is Reason.WEAK_KEY
    assert not judged("unsupported-curve").accepted
    assert judged("rsa-sha1-allowed", policy=Policy()).reason is Reason.ALGORITHM_NOT_ALLOWED
    assert Policy(allow_sha1=True).dangers


def test_rule_18_pss_has_the_parameters_of_its_plain_identifiers() -> None:
    with_parameters = [case for case in own_cases() if case.id.startswith("pss-parameters-")]
    accepted = {case.id.removeprefix("pss-parameters-") for case in with_parameters if case.verdict().accepted}

    assert accepted == {"sha256", "sha384", "sha512", "absent", "empty"}
    assert {case.verdict().reason for case in with_parameters} == {None, Reason.ALGORITHM_NOT_ALLOWED}
    assert len(with_parameters) > 15


def test_rule_18_brainpool_is_as_good_as_nist_and_other_curves_are_named() -> None:
    for name in ("bp256", "bp384", "bp512"):
        assert judged(f"ecdsa-{name}").accepted
    verdict = judged("unsupported-curve")

    assert verdict.reason is Reason.WEAK_KEY
    assert "on the curve secp256k1, which is not supported" in verdict.detail


@pytest.mark.parametrize(
    ("case", "alter"),
    [
        ("ecdsa-p256-sha256", lambda value: b"\x00" + value),
        ("ecdsa-p256-sha256", lambda value: value[:-1]),
        ("ecdsa-p256-sha256", lambda value: value + b"\x00"),
        ("ecdsa-p256-sha256", lambda value: b"\x00" + value[:32] + b"\x00" + value[32:]),
        ("ecdsa-p521-sha512", lambda value: value[1:66] + value[67:]),
        ("ed25519", lambda value: value + b"\x00"),
        ("rsa-sha512", lambda value: b"\x00" + value),
        ("rsa-sha512", lambda value: value[:-1]),
    ],
)
def test_rule_19_a_signature_value_has_its_exact_length(case: str, alter: Callable[[bytes], bytes]) -> None:
    found = own_case(case)
    text = found.message.decode()
    value = re.search("<ds:SignatureValue>([^<]+)", text)
    assert value is not None
    other = encode(alter(base64.b64decode(value[1])))

    verdict = found.verdict(text.replace(value[1], other).encode())

    assert verdict.reason in {Reason.SIGNATURE_INVALID, Reason.STRUCTURE}


def test_rule_20_a_key_is_tried_with_its_own_family() -> None:
    verdict = own_case("one-expired-entry-beside").verdict()

    results = {str(check.entry.alias): check.result for check in verdict.signatures[0].checks}
    assert results["old"] is CheckResult.VERIFIED
    assert results["expired"] is CheckResult.FAILED
    assert results["p256"] is CheckResult.NOT_APPLICABLE
    assert results["ed25519"] is CheckResult.NOT_APPLICABLE
    assert verdict.warnings == (), "a failed candidate is normal"


@pytest.mark.parametrize(
    ("case", "signer", "other"), [("ecdsa-p256-sha256", "p256", "ed25519"), ("ed25519", "ed25519", "p256")]
)
def test_rule_20_an_equal_length_makes_no_family(case: str, signer: str, other: str) -> None:
    """Values of Ed25519 and of ECDSA on P-256 have 64 octets both."""
    verdict = replace(own_case(case), trust=trust(other, signer)).verdict()

    results = {str(check.entry.alias): check.result for check in verdict.signatures[0].checks}
    assert results == {other: CheckResult.NOT_APPLICABLE, signer: CheckResult.VERIFIED}


def test_rule_21_validity_is_judged_at_the_one_instant() -> None:
    case = own_case(GOOD)
    start, end = entry("old").not_before, entry("old").not_after
    second = timedelta(seconds=1)

    for at, accepted in ((start, True), (end, True), (start - second, False), (end + second, False)):
        verdict = replace(case, at=at).verdict()
        assert verdict.accepted is accepted
        assert accepted or verdict.reason is Reason.CERTIFICATE_EXPIRED
    lenient = judged("certificate-expired", policy=Policy(expired_certificate="accept"))
    assert lenient.accepted
    assert any("certificate-expired" in warning for warning in lenient.warnings)


def test_rule_21_a_revoked_entry_verifies_nothing_whatever_its_state() -> None:
    revoked = replace(entry("revoked"), revoked=True)

    verdict = replace(own_case("revoked-key"), trust=(revoked,)).verdict()

    assert verdict.reason is Reason.CERTIFICATE_REVOKED


def test_rule_22_every_certificate_of_the_key_is_recorded() -> None:
    case = own_case("renewed-certificate-same-key")

    assert {by.alias for by in case.verdict().verified_by} == {"old", "renewed"}
    half = replace(case, trust=trust("old", "renewed", states={"old": "retired"})).verdict()
    assert {by.alias for by in half.verified_by} == {"renewed"}, "retiring goes by certificate"
