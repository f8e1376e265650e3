"""Who signed is told of every message, whatever became of it."""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from fixtures.generator import uris
from fixtures.generator.keys import private_key
from fixtures.generator.signing import sign
from fixtures.generator.soap import (
    BODY,
    TIMESTAMP,
    VALUE_MARK,
    Envelope,
    Reference,
    direct,
    encode,
    signature,
    timestamp,
    token,
)
from fixtures.manifest import Case, entry, own_case, own_cases, trust
from gateway.verify import Policy, Reason, Signer, Verdict, Verifier, verify
from gateway.verify.grammar import MAX_SIGNATURES, ReferenceGrammar
from gateway.verify.signature_check import SignedMessage
from gateway.verify.signature_value import SignedValue
from gateway.verify.signer_search import MOST_ELEMENTS, MOST_OCTETS
from gateway.verify.signers import signature_id, signing_entries
from keystore import SigningKey, State, TrustedCertificate, TrustSnapshot
from tests.gateway.verify.judging import GOOD, made
from tests.gateway.verify.receipts import verify_receipt
from tests.mutation.source import accepted_cases

CASE: Final = own_case(GOOD)
CREATED: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
SIGNATURE_NAME: Final = f"{{{uris.DS}}}Signature"
BLOCK: Final = "{urn:h}block"
HEADER_BLOCK: Final = f'<h:block xmlns:h="urn:h" xmlns:w="{uris.WSU}" w:Id="block-1">x</h:block>'
ANY: Final = Policy(signatures="any")
OVER_SIGNATURE: Final = Reference("#signature-1")
OVER_BLOCK: Final = Reference("#block-1")


def judged(
    message: bytes, *entries: TrustedCertificate, policy: Policy | None = None, at: datetime = CASE.at
) -> Verdict:
    """The verdict, which is the same where the verifier has seen the message before."""
    case = replace(CASE, trust=entries or trust("old", "new"), policy=policy or Policy(), at=at)
    verdict = case.verdict(message)
    knowing = Verifier(case.policy)
    assert [case.verdict_by(knowing, message) for _ in range(3)] == [verdict] * 3
    return verdict


def told(verdict: Verdict) -> list[tuple[str, int, tuple[str, ...], bool]]:
    """Alias, which signature, what it covers, whether it was needed."""
    return [(str(one.entry.alias), one.signature, one.covers, one.needed) for one in verdict.signers]


def stamped(*seals: str) -> str:
    return token("old") + timestamp() + "".join(seals)


def by_old(*references: Reference, number: int = 1) -> str:
    return signature(*(references or (BODY, TIMESTAMP)), key_info=direct(), number=number)


def by_new(*references: Reference, number: int = 2) -> str:
    return signature(*(references or (BODY, TIMESTAMP)), key_info="", number=number)


# What was signed by whom, of messages that are accepted


def test_a_signer_is_told_with_all_that_is_known_of_its_signature() -> None:
    verdict = judged(made(stamped(by_old()), "old"))

    (report,), (signer,) = verdict.signatures, verdict.signers
    assert report.receipt is not None
    expected = hashlib.sha256(entry("old").key_id.encode() + b"\n" + report.receipt.value).hexdigest()
    assert signer == Signer(
        verdict.verified_by[0], State.TRUSTED, 0, expected, ("Body", "Timestamp"), needed=True, signed_at=CREATED
    )


@pytest.mark.parametrize(
    ("endorsed", "name"), [(OVER_SIGNATURE, SIGNATURE_NAME), (OVER_BLOCK, BLOCK)], ids=["signature", "header block"]
)
@pytest.mark.parametrize(("signatures", "is_needed"), [("all", True), ("any", False)])
def test_an_endorsing_signature_is_a_use_of_its_key(
    endorsed: Reference, name: str, signatures: str, *, is_needed: bool
) -> None:
    message = made(stamped(by_old(), by_new(endorsed)), "old", "new", headers_after=HEADER_BLOCK)

    verdict = judged(message, policy=Policy.model_validate({"signatures": signatures}))

    assert verdict.accepted
    assert [by.alias for by in verdict.verified_by] == ["old"]
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True), ("new", 1, (name,), is_needed)]
    assert [one.signed_at for one in verdict.signers] == [CREATED, None]
    # What `needed` says is what happens where the key is gone.
    without = judged(message, *trust("old", "new", states={"new": "retired"}), policy=verdict_policy(signatures))
    assert without.accepted is not is_needed
    assert [(one.entry.alias, one.state) for one in without.signers] == [("old", "trusted"), ("new", "retired")]


def verdict_policy(signatures: str, **others: object) -> Policy:
    return Policy.model_validate({"signatures": signatures, **others})


@pytest.mark.parametrize(
    ("states", "needed"),
    [
        ({}, {"old": False, "new": False}),
        ({"old": "retired"}, {"old": False, "new": True}),
        ({"new": "staged"}, {"old": True, "new": False}),
    ],
)
def test_of_two_signatures_over_the_same_either_key_can_go(states: dict[str, str], needed: dict[str, bool]) -> None:
    verdict = judged(made(stamped(by_old(), by_new()), "old", "new"), *trust("old", "new", states=states), policy=ANY)

    assert verdict.accepted
    assert {one.entry.alias: one.needed for one in verdict.signers} == needed


@pytest.mark.parametrize("signatures", ["all", "any"])
def test_each_of_the_keys_that_cover_the_parts_together_is_needed(signatures: str) -> None:
    policy = verdict_policy(signatures, coverage="together", required_parts=("Body", "Timestamp"))
    message = made(stamped(by_old(BODY), by_new(TIMESTAMP)), "old", "new")

    verdict = judged(message, policy=policy)

    assert verdict.accepted
    assert told(verdict) == [("old", 0, ("Body",), True), ("new", 1, ("Timestamp",), True)]
    assert [one.signed_at for one in verdict.signers] == [None, CREATED]


def test_a_key_is_needed_by_all_of_its_signatures_together() -> None:
    """The same key twice: neither signature is needed, and without the key nothing is left."""
    message = made(stamped(by_old(), by_old(number=2)), "old", "old")

    verdict = judged(message, policy=ANY)

    assert told(verdict) == [("old", number, ("Body", "Timestamp"), True) for number in (0, 1)]


def test_the_one_signature_is_needed_where_any_is_enough() -> None:
    assert told(judged(made(stamped(by_old()), "old"), policy=ANY)) == [("old", 0, ("Body", "Timestamp"), True)]


def test_a_signature_that_protects_from_what_is_forbidden_unsigned_is_needed() -> None:
    """A processing instruction may stand in what is signed only: here in the header block that `new` signs."""
    block = HEADER_BLOCK.replace(">x<", ">x<?pi?><")
    message = made(stamped(by_old(), by_new(OVER_BLOCK)), "old", "new", headers_after=block)

    verdict = judged(message, policy=ANY)

    assert verdict.accepted
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True), ("new", 1, (BLOCK,), True)]
    without = judged(message, *trust("old", "new", states={"new": "retired"}), policy=ANY)
    assert without.reason is Reason.STRUCTURE


@pytest.mark.parametrize("state", ["trusted", "staged", "retired"])
def test_a_key_in_two_certificates_is_two_signers(state: str) -> None:
    verdict = judged(made(stamped(by_old()), "old"), *trust("old", "renewed", states={"renewed": state}))

    assert verdict.accepted
    assert [(one.entry.alias, one.state, one.needed) for one in verdict.signers] == [
        ("old", "trusted", True),
        ("renewed", state, True),
    ]
    assert len({one.signature_id for one in verdict.signers}) == 1


def test_the_state_is_that_of_the_instant() -> None:
    until = CASE.at + timedelta(minutes=1)
    case = replace(CASE, trust=(entry("old"), replace(entry("renewed"), trusted_until=until)))
    knowing = Verifier(case.policy)
    message = made(token("old") + signature(BODY, key_info=direct()), "old")

    for at, state in ((CASE.at, "trusted"), (CASE.at, "trusted"), (until, "retired"), (CASE.at, "trusted")):
        for verdict in (replace(case, at=at).verdict(message), replace(case, at=at).verdict_by(knowing, message)):
            assert [(one.entry.alias, one.state) for one in verdict.signers] == [("old", "trusted"), ("renewed", state)]


def test_an_entry_for_other_endpoints_is_no_signer() -> None:
    elsewhere = replace(entry("renewed"), endpoints=frozenset({"billing"}))
    snapshot = TrustSnapshot.of(entry("old"), elsewhere).for_endpoint("orders")

    verdict = verify(made(stamped(by_old()), "old"), snapshot, Policy(), CASE.at)

    assert [one.entry.alias for one in verdict.signers] == ["old"]


# A good signature beside one that fails


@pytest.mark.parametrize(("signatures", "is_accepted"), [("all", False), ("any", True)])
def test_a_good_signature_beside_one_that_is_altered(signatures: str, *, is_accepted: bool) -> None:
    """The second covers a Timestamp that was altered: its key has signed all the same."""
    message = made(stamped(by_old(BODY), by_new()), "old", "new").replace(b"12:05:00Z", b"12:04:00Z")

    verdict = judged(message, policy=verdict_policy(signatures))

    assert verdict.accepted is is_accepted
    assert verdict.reason is (None if is_accepted else Reason.DIGEST_MISMATCH)
    assert told(verdict) == [("old", 0, ("Body",), True), ("new", 1, ("Body",), not is_accepted)]
    assert [one.signed_at for one in verdict.signers] == [None, None]


@pytest.mark.parametrize(("signatures", "is_accepted"), [("all", False), ("any", True)])
def test_a_good_signature_beside_one_whose_algorithm_is_not_admitted(signatures: str, *, is_accepted: bool) -> None:
    weak = signature(BODY, TIMESTAMP, key_info="", number=2, method=uris.RSA_SHA1)

    verdict = judged(made(stamped(by_old(), weak), "old", "new"), policy=verdict_policy(signatures))

    assert verdict.accepted is is_accepted
    assert told(verdict) == [
        ("old", 0, ("Body", "Timestamp"), True),
        ("new", 1, ("Body", "Timestamp"), not is_accepted),
    ]
    report = verdict.signatures[1]
    assert (report.reason, report.verified_by) == (Reason.ALGORITHM_NOT_ALLOWED, ())
    assert report.signature_algorithm == uris.RSA_SHA1
    assert report.receipt is not None
    verify_receipt(report.receipt, entry("new").certificate)


def test_of_a_broken_signature_nobody_is_told() -> None:
    verdict = judged(made(stamped(by_old(), by_new()), "old", "foreign"), policy=ANY)

    assert [one.entry.alias for one in verdict.signers] == ["old"]
    assert [report.receipt is not None for report in verdict.signatures] == [True, False]


# Messages that are rejected


LATE: Final = CASE.at + timedelta(hours=2)


def test_a_late_message_is_a_use_of_its_key() -> None:
    verdict = judged(made(stamped(by_old()), "old"), at=LATE)

    assert verdict.reason is Reason.TIMESTAMP_STALE
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True)]
    assert verdict.signers[0].signed_at == CREATED


@pytest.mark.parametrize(
    ("states", "needed"),
    [
        ({}, {"old": False, "new": False}),
        ({"old": "retired"}, {"old": False, "new": True}),
        ({"old": "retired", "new": "staged"}, {"old": True, "new": True}),
    ],
)
def test_a_late_message_with_two_signatures_says_of_each_whether_it_was_needed(
    states: dict[str, str], needed: dict[str, bool]
) -> None:
    message = made(stamped(by_old(), by_new()), "old", "new")

    verdict = judged(message, *trust("old", "new", states=states), policy=ANY, at=LATE)

    assert not verdict.accepted
    assert {one.entry.alias: one.needed for one in verdict.signers} == needed


def test_where_no_part_is_known_to_be_covered_every_key_is_needed() -> None:
    policy = Policy(signatures="any", required_parts=("Body", "Timestamp"))

    verdict = judged(made(token("old") + by_old(BODY) + by_new(BODY), "old", "new"), policy=policy)

    assert verdict.reason is Reason.TIMESTAMP_MISSING
    assert told(verdict) == [("old", 0, ("Body",), True), ("new", 1, ("Body",), True)]


def test_the_signature_of_a_repeated_message_is_the_same() -> None:
    message = made(stamped(by_old()), "old")
    other = made(stamped(by_old()), "old", body="<other/>")
    first, again, late, another = (
        judged(message),
        judged(message.replace(b"</soap:Header>", b"<x/></soap:Header>")),
        judged(message, at=LATE),
        judged(other),
    )

    ids = [verdict.signers[0].signature_id for verdict in (first, again, late, another)]
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] != ids[0]


REJECTED: Final[dict[str, tuple[Reason, tuple[str, ...]]]] = {
    "part not signed": (Reason.PART_NOT_SIGNED, ("Timestamp",)),
    "timestamp-expired": (Reason.TIMESTAMP_STALE, ("Timestamp", "Body")),
    "wrapping-xsw2": (Reason.WRAPPING, (f"{{{uris.SOAP11}}}Body",)),
    "wrapping-xsw1": (Reason.STRUCTURE, (f"{{{uris.SOAP11}}}Body",)),
    "body-altered": (Reason.DIGEST_MISMATCH, ()),
    "timestamp-altered": (Reason.DIGEST_MISMATCH, ("Body",)),
    "duplicate-id-before": (Reason.DUPLICATE_ID, ()),
    "hint-ambiguous-token": (Reason.DUPLICATE_ID, ("Body",)),
    "two-security-headers": (Reason.STRUCTURE, ("Body",)),
    "two-timestamps": (Reason.STRUCTURE, ("Body",)),
    "two-bodies": (Reason.STRUCTURE, (f"{{{uris.SOAP11}}}Body",)),
    "two-headers": (Reason.STRUCTURE, ("Body",)),
    "element-after-body": (Reason.STRUCTURE, ("Body",)),
    "text-in-envelope-between": (Reason.STRUCTURE, ("Body",)),
    "algorithm-rsa-sha1": (Reason.ALGORITHM_NOT_ALLOWED, ("Body",)),
    "algorithm-digest-sha1": (Reason.ALGORITHM_NOT_ALLOWED, ("Body",)),
    "algorithm-digest-md5": (Reason.ALGORITHM_NOT_ALLOWED, ()),
    "transform-xpath": (Reason.TRANSFORM_NOT_ALLOWED, ()),
    "retrieval-method": (Reason.STRUCTURE, ("Body",)),
    "ds-manifest": (Reason.STRUCTURE, ("Body",)),
    "signature-unknown-child": (Reason.STRUCTURE, ("Body",)),
    "encrypted-after-signing-body": (Reason.STRUCTURE, ()),
    "reference-dangling": (Reason.REFERENCE_URI, ("Body",)),
    "no-references": (Reason.PART_NOT_SIGNED, ()),
    "uncorrelated": (Reason.UNCORRELATED, ("Body",)),
    "certificate-expired": (Reason.CERTIFICATE_EXPIRED, ("Body",)),
    "weak-key": (Reason.WEAK_KEY, ("Body",)),
    "staged-key": (Reason.STAGED_KEY, ("Body",)),
    "retired-key": (Reason.RETIRED_KEY, ("Body",)),
    "revoked-key": (Reason.CERTIFICATE_REVOKED, ("Body",)),
}
"""Messages of `fixtures/`, rejected for one reason each: what their signer's signature covers all the same."""


@pytest.mark.parametrize("identifier", REJECTED)
def test_the_signer_of_a_rejected_message_is_told(identifier: str) -> None:
    reason, covers = REJECTED[identifier]
    case = own_case("only-timestamp-signed" if identifier == "part not signed" else identifier)

    verdict = case.verdict()

    assert verdict.reason is reason
    assert verdict.verified_by == ()
    (signer,) = verdict.signers
    assert (signer.signature, signer.needed) == (0, True)
    assert set(covers) <= set(signer.covers)
    assert "Body" in covers or "Body" not in signer.covers
    receipt = verdict.signatures[0].receipt
    assert receipt is not None
    verify_receipt(receipt, next(found for found in case.trust if found.alias == signer.entry.alias).certificate)


@pytest.mark.parametrize(
    "identifier",
    [
        "algorithm-md5",
        "algorithm-hmac",
        "algorithm-hmac-output-length",
        "algorithm-unknown",
        "algorithm-dsa",
        "unknown-key",
        "signature-value-altered",
        "signed-info-altered",
        "comment-in-signature-value",
        "pss-parameters-other-salt",
        "truncated",
        "doctype",
        "utf7",
        "other-xml",
        "objects-without-end",
        "transform-three",
        "unsigned",
        "signature-in-body",
        "actor-of-another",
        "content-type-multipart-parameter",
    ],
)
def test_where_nothing_known_signed_or_nobody_looks_there_are_no_signers(identifier: str) -> None:
    verdict = own_case(identifier).verdict()

    if identifier == "actor-of-another":  # accepted, for our own header stands beside it
        assert verdict.accepted
        assert len(verdict.signers) == 1
    else:
        assert not verdict.accepted
        assert verdict.signers == ()
        assert all(report.receipt is None for report in verdict.signatures)


@pytest.mark.parametrize("state", ["staged", "retired", "revoked"])
def test_without_any_trusted_key_the_known_ones_are_told(state: str) -> None:
    verdict = judged(made(stamped(by_old()), "old"), *trust("old", states={"old": state}))

    assert not verdict.accepted
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True)]
    assert verdict.signers[0].state == ("staged" if state == "staged" else "retired")


def test_a_parameter_that_an_algorithm_does_not_have_leaves_the_signature_good() -> None:
    """What HMACOutputLength asks of RSA is nothing: it is not admitted, and it was signed with the key."""
    odd = signature(
        BODY, key_info=direct(), method_content="<ds:HMACOutputLength>8</ds:HMACOutputLength>", c14n=uris.EXCLUSIVE
    )

    verdict = judged(made(token("old") + odd, "old"))

    assert verdict.reason is Reason.ALGORITHM_NOT_ALLOWED
    assert told(verdict) == [("old", 0, ("Body",), True)]


@pytest.mark.parametrize("uri", ["cid:part@example", "#nowhere", "#twice"])
def test_behind_a_reference_that_leads_nowhere_the_timestamp_is_still_told(uri: str) -> None:
    seal = by_old(Reference(uri, digest="A" * 43 + "="), BODY, TIMESTAMP)
    twice = '<x Id="twice"/><y Id="twice"/>'

    verdict = judged(made(stamped(seal), "old", headers_after=twice))

    assert verdict.reason in {Reason.REFERENCE_URI, Reason.DUPLICATE_ID}
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True)]
    assert verdict.signers[0].signed_at == CREATED


def test_behind_a_reference_that_breaks_a_rule_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment that splits a text: to find that out again for each Reference would cost, and nobody would pay."""
    message = made(stamped(by_old(BODY, TIMESTAMP)), "old").replace(b">10.00<", b">10<!---->.00<")

    asked: list[str] = []
    resolve = SignedMessage.resolve

    def counted(message: SignedMessage, reference: ReferenceGrammar, *rest: Any) -> Any:
        asked.append(reference.uri)
        return resolve(message, reference, *rest)

    monkeypatch.setattr(SignedMessage, "resolve", counted)
    verdict = CASE.verdict(message)

    assert verdict.reason is Reason.STRUCTURE
    assert told(verdict) == [("old", 0, (), True)]
    assert asked == ["#body-1"], "a Reference was checked once more"


def test_a_look_afterwards_ends_at_the_reference_that_breaks_a_rule() -> None:
    message = made(stamped(by_old(TIMESTAMP, BODY)), "old").replace(b">10.00<", b">10<!---->.00<")

    verdict = judged(message.replace(b"</soap:Body>", b"</soap:Body><x/>"))

    assert verdict.reason is Reason.STRUCTURE
    assert told(verdict) == [("old", 0, ("Timestamp",), True)]


def test_what_is_encrypted_after_signing_leaves_the_timestamp() -> None:
    message = made(stamped(by_old(BODY, TIMESTAMP)), "old")
    start, end = message.index(b"<ord:getOrderResponse"), message.index(b"</soap:Body>")
    encrypted = b'<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"/>'

    verdict = judged(message[:start] + encrypted + message[end:])

    assert verdict.reason is Reason.STRUCTURE
    assert "encrypt" in verdict.detail
    assert told(verdict) == [("old", 0, ("Timestamp",), True)]
    assert verdict.signers[0].signed_at == CREATED


def test_a_timestamp_that_says_nothing_readable_gives_no_instant() -> None:
    stamp = '<wsu:Timestamp wsu:Id="ts-1"><wsu:Created>yesterday</wsu:Created></wsu:Timestamp>'

    verdict = judged(made(token("old") + stamp + by_old(), "old"))

    assert verdict.reason is Reason.STRUCTURE
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True)]
    assert verdict.signers[0].signed_at is None


# Where the structure speaks against the message


def second_header(*signers: str, content: str) -> bytes:
    """A message with two Security headers for us, each with a signature."""
    other = f'<wsse:Security xmlns:wsse="{uris.WSSE}" xmlns:wsu="{uris.WSU}">{content}</wsse:Security>'
    return sign(Envelope(stamped(by_old()), headers_after=other).text(), *signers)


def test_two_headers_for_us_are_both_looked_into() -> None:
    verdict = judged(second_header("old", "new", content=by_new()))

    assert verdict.reason is Reason.STRUCTURE
    assert told(verdict) == [("old", 0, ("Body", "Timestamp"), True), ("new", 1, ("Body", "Timestamp"), True)]
    assert [report.receipt is not None for report in verdict.signatures] == [True, True]
    # The Timestamp stands beside the first alone.
    assert [one.signed_at for one in verdict.signers] == [CREATED, None]
    for signer, report in zip(verdict.signers, verdict.signatures, strict=True):
        assert report.receipt is not None
        assert (report.reason, report.detail, report.verified_by) == (verdict.reason, verdict.detail, ())
        verify_receipt(report.receipt, entry(signer.entry.alias).certificate)


def test_beside_a_signature_of_a_stranger_the_number_is_right() -> None:
    verdict = judged(second_header("foreign", "new", content=by_new()))

    assert [(one.entry.alias, one.signature) for one in verdict.signers] == [("new", 1)]
    assert [report.receipt is not None for report in verdict.signatures] == [False, True]


def test_strangers_alone_leave_the_verdict_as_it_was() -> None:
    verdict = judged(second_header("foreign", "foreign", content=by_new()))

    assert (verdict.signers, verdict.signatures) == ((), ())


def test_a_header_for_another_actor_is_not_ours_in_a_broken_message_either() -> None:
    message = second_header("old", "new", content=by_new()).replace(
        b"<wsse:Security xmlns:wsse", b'<wsse:Security soap:actor="urn:other" xmlns:wsse', 1
    )
    broken = message.replace(b"</soap:Body>", b"</soap:Body><x/>")

    verdict = judged(broken)

    assert verdict.reason is Reason.STRUCTURE
    assert [(one.entry.alias, one.signature) for one in verdict.signers] == [("new", 0)]


def test_two_timestamps_are_told_apart_by_the_signature() -> None:
    """The one that is signed is the signer's word, wherever a second one stands."""
    second = timestamp("2026-06-01T12:00:10Z").replace("ts-1", "ts-2")

    verdict = judged(made(token("old") + second + timestamp() + by_old(), "old"))

    assert verdict.reason is Reason.STRUCTURE
    assert verdict.signers[0].signed_at == CREATED


def test_of_two_signed_timestamps_neither_is_the_word() -> None:
    second = timestamp("2026-06-01T12:00:10Z").replace("ts-1", "ts-2")
    seal = by_old(BODY, TIMESTAMP, Reference("#ts-2"))

    verdict = judged(made(token("old") + second + timestamp() + seal, "old"))

    assert verdict.signers[0].signed_at is None


# What it may cost


class Checks:
    """Counts the signature values that are computed with a key."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        is_signed_by = SignedValue.is_signed_by

        def counted(signed: SignedValue, key: SigningKey) -> bool:
            self.made += 1
            return is_signed_by(signed, key)

        monkeypatch.setattr(SignedValue, "is_signed_by", counted)


def test_no_more_signatures_are_looked_at_than_may_be_in_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three headers with fifteen signatures between them: none of them breaks a limit before the structure is."""
    number = MAX_SIGNATURES - 1
    seals = "".join(by_new(BODY, number=2 + n) for n in range(number))
    message = second_header("old", *["new"] * number, content=seals)
    more = message.replace(
        b"<wsse:Security",
        message[message.index(b"<wsse:Security") : message.index(b"</soap:Header>")] + b"<wsse:Security",
        1,
    )
    checks = Checks(monkeypatch)

    verdict = replace(CASE, trust=trust("old", "new")).verdict(more)

    assert verdict.reason is Reason.STRUCTURE
    assert len(verdict.signatures) == MAX_SIGNATURES
    assert checks.made <= 2 * MAX_SIGNATURES


def with_more_signed(added: str) -> bytes:
    """A message whose SignedInfo holds what no grammar admits, signed by hand."""
    reference = Reference("#body-1", digest=encode(bytes(32)))
    text = Envelope(token("old") + signature(reference, key_info=direct())).text()
    text = text.replace("</ds:SignedInfo>", f"{added}</ds:SignedInfo>")
    info = next(etree.fromstring(text).iter(f"{{{uris.DS}}}SignedInfo"))
    key = private_key("old")
    assert isinstance(key, rsa.RSAPrivateKey)
    value = key.sign(etree.tostring(info, method="c14n", exclusive=True), padding.PKCS1v15(), hashes.SHA256())
    return text.replace(VALUE_MARK, encode(value)).encode()


@pytest.mark.parametrize("added", ["<x/>" * MOST_ELEMENTS, f"<x>{'y' * MOST_OCTETS}</x>"], ids=["elements", "octets"])
def test_a_large_signed_info_is_not_looked_at(added: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = Checks(monkeypatch)

    verdict = judged(with_more_signed(added))

    assert verdict.reason is Reason.STRUCTURE
    assert verdict.signers == ()
    assert checks.made == 0


def test_a_small_one_with_the_same_flaw_is() -> None:
    """The control: what was looked for above could have been found."""
    verdict = judged(with_more_signed("<x/>"))

    assert verdict.reason is Reason.STRUCTURE
    assert told(verdict) == [("old", 0, (), True)]


@pytest.mark.parametrize("flaw", ["</ds:SignedInfo>", "<ds:SignatureValue>"])
def test_a_signature_without_what_was_signed_says_nothing(flaw: str) -> None:
    message = made(token("old") + by_old(BODY), "old").decode()
    name = flaw.strip("</>")
    without = re.sub(rf"<{name}>.*</{name}>", "", message)
    assert without != message

    verdict = judged(without.encode())

    assert verdict.reason is Reason.STRUCTURE
    assert verdict.signers == ()


@pytest.mark.parametrize("lacking", ["CanonicalizationMethod", "SignatureMethod"])
def test_a_signed_info_without_its_methods_says_nothing(lacking: str) -> None:
    message = made(token("old") + by_old(BODY), "old").decode()
    without = re.sub(rf"<ds:{lacking} [^>]*></ds:{lacking}>", "", message)
    assert without != message

    assert judged(without.encode()).signers == ()


def test_what_has_no_canonical_form_says_nothing() -> None:
    message = made(token("old") + by_old(BODY), "old").replace(
        b"<ds:SignedInfo>", b'<ds:SignedInfo xmlns:r="relative" r:a="">'
    )

    verdict = judged(message.replace(b"</ds:Signature>", b"<x/></ds:Signature>"))

    assert verdict.reason is Reason.STRUCTURE
    assert verdict.signers == ()


# What a signature is known by


@pytest.mark.parametrize("alias", ["p256", "p384", "p521", "bp256", "bp384", "bp512", "secp256k1"])
def test_both_values_of_one_ecdsa_signature_have_one_id(alias: str) -> None:
    key = private_key(alias)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    size = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(b"octets", ec.ECDSA(hashes.SHA256())))
    twins = [r.to_bytes(size, "big") + number.to_bytes(size, "big") for number in (s, key.curve.group_order - s)]
    low = min(twins)
    key_id = entry(alias).key_id

    (signing,) = signing_entries([entry(alias)], TrustSnapshot.of(entry(alias)), CASE.at)

    ids = {signature_id(signing, value) for value in twins}

    assert ids == {hashlib.sha256(key_id.encode() + b"\n" + low).hexdigest()}


@pytest.mark.parametrize("alias", ["old", "ed25519"])
def test_another_value_has_another_id(alias: str) -> None:
    (signing,) = signing_entries([entry(alias)], TrustSnapshot.of(entry(alias)), CASE.at)

    ids = [signature_id(signing, bytes([octet]) * 64) for octet in (1, 255)]

    assert ids == [
        hashlib.sha256(entry(alias).key_id.encode() + b"\n" + bytes([octet]) * 64).hexdigest() for octet in (1, 255)
    ]


def test_the_twin_of_a_message_is_known_again() -> None:
    """Whoever stands in between can make (r, n - s) of a value: the message is accepted, and no new signature."""
    case = own_case("ecdsa-p256-sha256")
    receipt = case.verdict().signatures[0].receipt
    assert receipt is not None
    order = ec.SECP256R1().group_order
    s = int.from_bytes(receipt.value[32:], "big")
    twin = receipt.value[:32] + (order - s).to_bytes(32, "big")
    message = case.message.replace(encode(receipt.value).encode(), encode(twin).encode())
    assert message != case.message

    first, second = case.verdict(), case.verdict(message)

    assert second.accepted
    assert first.signers == second.signers


# Every accepted message that there is


@pytest.mark.parametrize("case", list(accepted_cases()), ids=lambda case: case.id)
def test_an_accepted_message_is_proved_by_its_receipts(case: Case) -> None:
    verdict = case.verdict()

    assert any(one.needed for one in verdict.signers)
    assert {by.thumbprint for by in verdict.verified_by} <= {one.entry.thumbprint for one in verdict.signers}
    certificates = {found.thumbprint: found.certificate for found in case.trust}
    for signer in verdict.signers:
        receipt = verdict.signatures[signer.signature].receipt
        assert receipt is not None
        verify_receipt(receipt, certificates[signer.entry.thumbprint])
        assert set(signer.covers) <= {part.name for part in verdict.signatures[signer.signature].parts if part.intact}
    told_of = {signer.signature for signer in verdict.signers}
    assert [report.receipt is not None for report in verdict.signatures] == [
        number in told_of for number in range(len(verdict.signatures))
    ]


def test_of_all_messages_of_the_fixtures_it_is_known_who_signed() -> None:
    """Of those that are well-formed and within limits, and whose signature is one of ours to know."""
    told_of = [case.id for case in own_cases() if case.verdict().signers]

    assert len(told_of) > 300
