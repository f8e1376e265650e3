"""Step 8: whose signature it is, and what an operator is told where it is nobody's we trust."""

import base64
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from fixtures.generator.soap import BODY, direct, key_identifier, key_info, key_value, signature, thumbprint, token
from fixtures.generator.uris import ECDSA_SHA256, RSA_SHA256, THUMBPRINT
from fixtures.manifest import entry, interop_case, own_case, trust
from gateway.verify import CheckResult, Policy, Reason, Verdict, refusal_of, verify
from gateway.verify.key_trial import EVERY_KEY_UP_TO
from keystore import Alias, State, TrustedCertificate, TrustSnapshot
from tests.gateway.verify.judging import made
from tests.keystore.issuing import NOON, issue

CASE = own_case("bst-x509v3")
NAMED = key_identifier(THUMBPRINT, thumbprint("old"))


def judged(message: bytes, snapshot: TrustSnapshot, policy: Policy | None = None) -> Verdict:
    return verify(message, snapshot, policy or Policy(), CASE.at, content_type=CASE.content_type)


def by(signer: str, information: str = "", before: str = "", method: str = RSA_SHA256) -> bytes:
    return made(before + signature(BODY, key_info=information, method=method), signer)


def meant_for(alias: str, *endpoints: str) -> TrustedCertificate:
    return replace(entry(alias), endpoints=frozenset(endpoints))


# Entries for other endpoints


@pytest.mark.parametrize(
    ("signer", "elsewhere", "reason", "detail"),
    [
        ("old", ("old",), Reason.UNKNOWN_KEY, "which the keystore holds for other endpoints only: billing, stock"),
        ("foreign", ("old",), Reason.UNKNOWN_KEY, "the keystore holds no key for SHA-1 thumbprint"),
        ("old", ("new",), Reason.UNKNOWN_KEY, "the keystore holds no key for SHA-1 thumbprint"),
    ],
)
def test_an_entry_for_other_endpoints_is_recognised(
    signer: str, elsewhere: tuple[str, ...], reason: Reason, detail: str
) -> None:
    entries = [meant_for(alias, "stock", "billing") for alias in elsewhere]
    snapshot = TrustSnapshot.of(entry("rsa4096"), *entries).for_endpoint("orders")

    verdict = judged(by(signer, NAMED), snapshot)

    assert (verdict.reason, verdict.verified_by) == (reason, ())
    assert detail in verdict.detail


def test_an_entry_elsewhere_of_another_family_is_passed_over() -> None:
    snapshot = TrustSnapshot.of(entry("new"), meant_for("old", "billing")).for_endpoint("orders")

    verdict = judged(by("p256", NAMED, method=ECDSA_SHA256), snapshot)

    assert verdict.reason is Reason.UNKNOWN_KEY
    assert "other endpoints" not in verdict.detail


def test_an_entry_for_this_endpoint_verifies() -> None:
    snapshot = TrustSnapshot.of(meant_for("old", "orders", "billing")).for_endpoint("orders")

    assert judged(by("old", NAMED), snapshot).accepted


# What an operator is told


@pytest.mark.parametrize(
    ("message", "trusted", "states", "reason", "detail"),
    [
        (by("old"), ("old",), {"old": "retired"}, Reason.RETIRED_KEY, "signed with retired key old"),
        (by("old"), ("old",), {"old": "staged"}, Reason.STAGED_KEY, "the receiver switched too early"),
        (by("old"), ("old",), {"old": "revoked"}, Reason.CERTIFICATE_REVOKED, "withdrawn as compromised"),
        (by("expired"), ("expired",), {}, Reason.CERTIFICATE_EXPIRED, "whose certificate expired at"),
        (by("future"), ("future",), {}, Reason.CERTIFICATE_EXPIRED, "whose certificate is valid only from"),
        (by("weak1024"), ("weak1024",), {}, Reason.WEAK_KEY, "weaker than the policy admits"),
        (by("foreign"), ("old",), {}, Reason.SIGNATURE_INVALID, "the message names none"),
        (by("foreign", NAMED), ("old",), {}, Reason.SIGNATURE_INVALID, "the message names old"),
        (by("foreign", NAMED), ("new",), {}, Reason.UNKNOWN_KEY, "the keystore holds no key for SHA-1 thumbprint"),
        (by("foreign", direct(), token("foreign")), ("old",), {}, Reason.UNKNOWN_KEY, "is good under the certificate"),
        (by("foreign", key_value("foreign")), ("old",), {}, Reason.UNKNOWN_KEY, "the message carries the bare key"),
        (by("foreign", direct(), token("new")), ("old",), {}, Reason.SIGNATURE_INVALID, "even under the key"),
        (by("foreign", key_value("new")), ("old",), {}, Reason.SIGNATURE_INVALID, "even under the key"),
        (
            by("foreign", direct(), token(content=b"x")),
            ("old",),
            {},
            Reason.UNKNOWN_KEY,
            "no key for certificate",
        ),
    ],
)
def test_each_failure_has_its_sentence(
    message: bytes, trusted: tuple[str, ...], states: dict[str, str], reason: Reason, detail: str
) -> None:
    verdict = judged(message, TrustSnapshot.of(*trust(*trusted, states=states)))

    assert verdict.reason is reason, verdict.detail
    assert detail in verdict.detail
    assert verdict.verified_by == ()


def test_the_state_of_an_entry_that_is_trusted_for_a_time_is_that_of_the_instant() -> None:
    """Also where its key did not make the value."""
    until = replace(entry("new"), trusted_until=CASE.at - timedelta(days=1))
    other_family = replace(entry("p256"), trusted_from=CASE.at + timedelta(days=1))

    verdict = judged(by("foreign"), TrustSnapshot.of(until, other_family))

    assert [(check.entry.alias, check.state, check.result) for check in verdict.signatures[0].checks] == [
        ("new", State.RETIRED, CheckResult.FAILED),
        ("p256", State.STAGED, CheckResult.NOT_APPLICABLE),
    ]


def test_an_ecdsa_value_of_an_impossible_length_is_told_as_such() -> None:
    """Some Java stacks leave leading zeros out: an operator must not look for whoever altered the message."""
    case = interop_case("wss4j_debian/bst-p521-ecdsa-sha512-cut-value")

    assert "it has 130 bytes, and an ECDSA value has 64, 96, 128 or 132" in case.verdict().detail


def test_an_ecdsa_value_of_a_possible_length_is_merely_wrong() -> None:
    case = interop_case("wss4j_debian/bst-p521-ecdsa-sha512-timestamp")
    value = re.search(rb"<ds:SignatureValue>([^<]+)<", case.message)
    assert value is not None
    verdict = case.verdict(case.message.replace(value[1], base64.b64encode(bytes([1]) * 132)))

    assert verdict.reason is Reason.SIGNATURE_INVALID
    assert verdict.detail.endswith("even under the key that the message carries")


def test_an_unknown_key_is_told_with_all_that_its_certificate_says() -> None:
    verdict = judged(by("leaf", direct(), token("leaf")), TrustSnapshot.of(entry("old")))

    leaf = entry("leaf")
    assert leaf.issuer != leaf.subject
    assert verdict.embedded is not None
    assert verdict.embedded.signature_good
    for told in (leaf.subject, f"issued by {leaf.issuer}", leaf.thumbprint, leaf.thumbprint_sha1.hex()):
        assert told in verdict.detail
    assert f"valid from {leaf.not_before:%Y-%m-%d} until {leaf.not_after:%Y-%m-%d}" in verdict.detail


@pytest.mark.parametrize("first", ["staged", "retired", "revoked"])
def test_of_several_entries_with_one_key_the_worst_is_told(first: str) -> None:
    snapshot = TrustSnapshot.of(*trust("old", "renewed", states={"old": first, "renewed": "retired"}))

    verdict = judged(by("old"), snapshot)

    expected = Reason.CERTIFICATE_REVOKED if first == "revoked" else Reason.RETIRED_KEY
    assert verdict.reason is expected
    assert {found.alias for found in verdict.recognised} == {"old", "renewed"}


def test_a_key_withdrawn_through_one_certificate_is_good_through_none() -> None:
    snapshot = TrustSnapshot.of(*trust("old", "renewed", states={"old": "revoked"}))

    verdict = judged(by("old"), snapshot)

    assert verdict.reason is Reason.CERTIFICATE_REVOKED
    assert {check.result for check in verdict.signatures[0].checks} == {CheckResult.REFUSED}


def test_a_note_is_told_short() -> None:
    retired = replace(entry("old"), state=State.RETIRED, note="left by mistake\n" * 50)

    verdict = judged(by("old"), TrustSnapshot.of(retired))

    assert "(left by mistake" in verdict.detail
    assert verdict.detail.isprintable()
    assert len(verdict.detail) < 250


def test_a_hint_that_cannot_be_read_is_no_name() -> None:
    verdict = judged(by("foreign", key_info("<ds:KeyName/>")), TrustSnapshot.of(entry("old")))

    assert verdict.reason in {Reason.SIGNATURE_INVALID, Reason.UNKNOWN_KEY}
    assert not verdict.accepted


# Many keys


def crowd(size: int) -> TrustSnapshot:
    """`old`, last of `size` keys that are trusted, each of a certificate and family of its own."""
    others = [TrustedCertificate(Alias(f"partner-{i}"), issue(f"partner-{i}")) for i in range(size - 1)]
    return TrustSnapshot.of(*others, entry("old"))


@pytest.mark.parametrize("hint", ["", NAMED])
def test_of_a_few_keys_every_one_is_tried(hint: str) -> None:
    verdict = judged(by("old", hint), crowd(EVERY_KEY_UP_TO))

    assert verdict.accepted
    assert len(verdict.signatures[0].checks) == EVERY_KEY_UP_TO


def test_of_many_keys_the_one_that_the_message_names_is_enough() -> None:
    verdict = judged(by("old", NAMED), crowd(EVERY_KEY_UP_TO + 1))

    assert [by.alias for by in verdict.verified_by] == ["old"]
    assert [check.entry.alias for check in verdict.signatures[0].checks] == ["old"]


@pytest.mark.parametrize("hint", ["", key_identifier(THUMBPRINT, thumbprint("new"))])
def test_of_many_keys_all_are_tried_where_the_message_names_none_that_verifies(hint: str) -> None:
    snapshot = TrustSnapshot.of(*crowd(EVERY_KEY_UP_TO).entries, entry("new"))

    verdict = judged(by("old", hint), snapshot)

    assert [by.alias for by in verdict.verified_by] == ["old"]
    assert len(verdict.signatures[0].checks) == EVERY_KEY_UP_TO + 1


def test_of_many_keys_every_certificate_over_the_named_one_is_recorded() -> None:
    snapshot = TrustSnapshot.of(*crowd(EVERY_KEY_UP_TO + 1).entries, entry("renewed"))

    verdict = judged(by("old", NAMED), snapshot)

    assert {by.alias for by in verdict.verified_by} == {"old", "renewed"}


# Why a key would not be admitted, were it trusted


@pytest.mark.parametrize(
    ("fields", "days", "policy", "reason"),
    [
        ({}, 0, {}, None),
        ({}, -200, {}, Reason.CERTIFICATE_EXPIRED),
        ({}, 200, {}, Reason.CERTIFICATE_EXPIRED),
        ({}, 200, {"expired_certificate": "accept"}, None),
        ({"key": "rsa-1024"}, 0, {}, Reason.WEAK_KEY),
        ({"key": "rsa-1024"}, 0, {"minimum_rsa_bits": 1024}, None),
        ({"key": "secp256k1"}, 0, {}, Reason.WEAK_KEY),
        ({"public_key": X25519PrivateKey.generate().public_key()}, 0, {}, Reason.WEAK_KEY),
    ],
)
def test_why_a_key_would_be_refused(
    fields: dict[str, Any], days: int, policy: dict[str, Any], reason: Reason | None
) -> None:
    certificate = TrustedCertificate(Alias("one"), issue("one", **fields))
    assert refusal_of(certificate, TrustSnapshot.of(), Policy(**policy), NOON + timedelta(days=days)) is reason


def test_a_compromised_key_is_refused_through_whichever_certificate() -> None:
    revoked = TrustedCertificate(Alias("one"), issue("one"), state=State.RETIRED, revoked=True)
    other = TrustedCertificate(Alias("two"), issue("two", key="one"))
    assert refusal_of(other, TrustSnapshot.of(revoked, other), Policy(), NOON) is Reason.CERTIFICATE_REVOKED
