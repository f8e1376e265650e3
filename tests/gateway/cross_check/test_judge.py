"""libxmlsec about what the verification accepted: it agrees, or it is known why it cannot say."""

import re
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest

from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.manifest import Case, entry, interop_cases, own_case, own_cases, public_cases
from gateway.attachments import open_body
from gateway.cross_check import CrossCheck, Opinion, disputed, second_opinion
from gateway.verify import Outcome, Policy, Reason, Verdict, verify
from keystore import TrustSnapshot
from tests.gateway.verify.multipart_messages import Part, named
from tests.mutation.engine import RULES, mutants
from tests.mutation.source import source

ACCEPTED = [case for case in (*own_cases(), *interop_cases(), *public_cases()) if case.accepted]
GOOD = own_case("timestamp-signed")


def opinion_on(case: Case, message: bytes | None = None, verdict: Verdict | None = None) -> CrossCheck:
    return second_opinion(
        case.message if message is None else message,
        case.verdict() if verdict is None else verdict,
        TrustSnapshot.of(*case.trust),
        case.policy,
        content_type=case.content_type,
    )


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.id)
def test_it_agrees_or_says_what_it_does_not_know(case: Case) -> None:
    opinion = opinion_on(case)

    if b"#STR-Transform" in case.message:
        assert opinion == CrossCheck(Opinion.NOT_JUDGED, "libxmlsec knows no STR-Transform")
    elif b"#eddsa-ed25519" in case.message:
        assert opinion == CrossCheck(Opinion.NOT_JUDGED, "libxmlsec knows no Ed25519")
    elif b"#rsa-pss" in case.message:
        assert opinion == CrossCheck(Opinion.NOT_JUDGED, "libxmlsec knows no RSASSA-PSS with parameters")
    else:
        assert opinion == CrossCheck(Opinion.AGREES)


@pytest.mark.parametrize("identifier", ["timestamp-signed", "two-signatures-any"])
def test_it_agrees_about_every_mutant_that_is_accepted(identifier: str) -> None:
    origin, asked = source(identifier), 0
    for rule in RULES:
        for mutant in mutants(origin, rule, at_most=10):
            message = mutant.message()
            case = replace(origin.case, **mutant.changes)  # type: ignore[arg-type] # fields of Case, by name
            verdict = case.verdict(message)
            if verdict.accepted:
                asked += 1
                assert not opinion_on(case, message, verdict).is_contrary, f"{rule.name}: {mutant.label}"

    assert asked >= 30


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<wsu:Created>2026", b"<wsu:Created>2025"),
        (b"</soap:Body>", b"<more/></soap:Body>"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"),
        (b"xmldsig-more#rsa-sha256", b"xmldsig-more#rsa-sha512"),
    ],
    ids=["part", "body", "value", "algorithm"],
)
def test_it_disagrees_about_what_is_not_what_was_signed(old: bytes, new: bytes) -> None:
    message = GOOD.message.replace(old, new, 1)
    if old == b"<ds:SignatureValue>":
        # One that has the length of the key, and is another.
        at = GOOD.message.index(old) + len(old)
        message = GOOD.message[:at] + b"AAAA" + GOOD.message[at + 4 :]
    assert message != GOOD.message

    opinion = opinion_on(GOOD, message, GOOD.verdict())

    assert opinion == CrossCheck(Opinion.DISAGREES, "libxmlsec finds the signature value or a digest wrong")


def test_it_is_asked_under_the_key_that_verified_and_no_other() -> None:
    foreign = own_case("new-key")
    verdict, other = GOOD.verdict(), foreign.verdict().verified_by[0]
    (report,) = verdict.signatures
    assert report.verified_by[0].key_id != other.key_id

    opinion = opinion_on(
        replace(GOOD, trust=(*GOOD.trust, *foreign.trust)),
        verdict=replace(verdict, signatures=(replace(report, verified_by=(other,)),)),
    )

    assert opinion.opinion is Opinion.DISAGREES


def test_a_reference_to_nothing_is_no_agreement() -> None:
    message = GOOD.message.replace(b'wsu:Id="ts-1"', b'wsu:Id="ts-2"')
    assert message != GOOD.message

    opinion = opinion_on(GOOD, message, GOOD.verdict())

    assert (opinion.opinion, opinion.detail) == (Opinion.DISAGREES, "no element has the id of the Reference #ts-1")


def test_of_several_signatures_only_those_count_that_made_the_message_acceptable() -> None:
    case = next(found for found in ACCEPTED if found.policy.signatures == "any")
    verdict = case.verdict()
    assert any(not report.verified_by for report in verdict.signatures)

    assert opinion_on(case, verdict=verdict).opinion is Opinion.AGREES


@pytest.mark.parametrize(
    ("case", "trust", "sentence"),
    [
        ("relative-namespace", True, "libxmlsec could not verify the signature: "),
        ("html", True, "libxmlsec could not be asked: Rejection: "),
        ("unsigned", True, "libxmlsec could not be asked: Rejection: "),
        ("two-signatures-old-and-new", True, "libxmlsec could not be asked: ValueError: "),
        ("timestamp-signed", False, "is not among those trusted"),
    ],
)
def test_a_breakdown_is_an_opinion_and_no_agreement(case: str, trust: bool, sentence: str) -> None:
    """Another message than the one that was accepted stands for whatever could go wrong inside."""
    opinion = opinion_on(replace(GOOD, trust=GOOD.trust if trust else ()), own_case(case).message, GOOD.verdict())

    assert opinion.opinion is Opinion.FAILED
    assert sentence in opinion.detail
    assert opinion.detail.isprintable()
    assert opinion.is_contrary


def test_about_a_rejected_message_there_is_nothing_to_agree_with() -> None:
    case = own_case("unknown-key")

    assert opinion_on(case) == CrossCheck(Opinion.FAILED, "there is no signature to be judged")


@pytest.mark.parametrize("opinion", Opinion)
def test_two_opinions_that_must_agree(opinion: Opinion) -> None:
    accepted = GOOD.verdict()
    found = disputed(accepted, CrossCheck(opinion, "because"))

    if opinion in {Opinion.AGREES, Opinion.NOT_JUDGED}:
        assert found is accepted
    else:
        assert (found.outcome, found.reason) == (Outcome.REJECTED, Reason.DISPUTED)
        assert found.detail.endswith(": because")
        assert (found.verified_by, found.replay_keys, found.fresh_until) == ((), (), None)
        assert found.signatures == accepted.signatures


def test_what_is_rejected_already_keeps_its_reason() -> None:
    rejected = own_case("unknown-key").verdict()

    assert disputed(rejected, CrossCheck(Opinion.DISAGREES, "because")) is rejected


def test_it_is_the_same_in_every_thread() -> None:
    verdict = GOOD.verdict()
    altered = GOOD.message.replace(b"<wsu:Created>2026", b"<wsu:Created>2025")
    found: list[Opinion] = []

    def ask() -> None:
        for message in (GOOD.message, altered) * 20:
            found.append(opinion_on(GOOD, message, verdict).opinion)  # noqa: PERF401 - one list for all threads

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(found) == {Opinion.AGREES: 80, Opinion.DISAGREES: 80}


def test_the_policy_holds_for_the_judge_too() -> None:
    case = own_case("rsa-sha1-allowed")

    assert opinion_on(case).opinion is Opinion.AGREES
    assert opinion_on(replace(case, policy=Policy()), verdict=case.verdict()).opinion is Opinion.FAILED


MULTIPART = [case for case in multipart_cases() if case.accepted]


@pytest.mark.parametrize("case", MULTIPART, ids=lambda case: case.id)
def test_of_multipart_messages_it_says_where_it_cannot_judge(case: MultipartCase) -> None:
    policy = Policy.model_validate({**case.policy, **case.needs})
    trust = TrustSnapshot.of(*[entry(alias) for alias in case.trust])
    opened = open_body(case.body, re.sub(r"\r\n(?=[ \t])", "", case.content_type), policy)
    asked = {"content_type": opened.content_type, "attachments": opened.attachments}
    verdict = verify(opened.message, trust, policy, datetime.fromisoformat(case.at), **asked)  # type: ignore[arg-type] # by name
    opinion = second_opinion(opened.message, verdict, trust, policy, **asked)  # type: ignore[arg-type] # by name

    if policy.attachments == "references" and opened.attachments.stand_ins:
        assert opinion == CrossCheck(Opinion.NOT_JUDGED, "libxmlsec is not asked about what names attachments")
    elif any("content" in part.covered or "complete" in part.covered for part in case.attachments):
        assert opinion == CrossCheck(Opinion.NOT_JUDGED, "libxmlsec reads no attachments (cid:)")
    else:
        assert opinion == CrossCheck(Opinion.AGREES)


def test_large_attachments_are_not_put_in_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cross_check.judge.MAX_EXPANDED", 3)
    message, attachments = named(Part("one@example", (b"octets",)))
    trust, policy = TrustSnapshot.of(*GOOD.trust), Policy()
    verdict = verify(message, trust, policy, GOOD.at, attachments=attachments)
    assert verdict.accepted

    opinion = second_opinion(message, verdict, trust, policy, attachments=attachments)
    assert opinion == CrossCheck(Opinion.NOT_JUDGED, "the attachments are too large to be put in for libxmlsec")
