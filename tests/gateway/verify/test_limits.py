"""Rule 28: what hostile input may cost. Counted is work, not time; `python -m bench hostile` takes the time.

The messages are those of `fixtures/costly`, at a size that keeps the tests quick: what grows faster than a message does
shows at any size.
"""

from dataclasses import dataclass, replace
from operator import attrgetter

import pytest
from lxml import etree

from fixtures.costly import AT, CODED, CONTENT_TYPE, HONEST, HOSTILE, TRUSTED, Attacker, Costly, Kind
from fixtures.manifest import own_case, trust
from gateway.verify import Policy, Reason, Rejection, Verdict, Verifier, document_limits, references
from gateway.verify.algorithms import Canonicalization
from gateway.verify.budget import (
    ALWAYS_ADMITTED,
    ELEMENT_OCTETS,
    MAX_EMBEDDED_CERTIFICATES,
    MAX_FORMS,
    MAX_NAMESPACE_WORK,
    WorkBudget,
)
from gateway.verify.c14n import canonicalize
from gateway.verify.document_limits import MAX_NAMESPACE_OCTETS
from gateway.verify.grammar import MAX_SIGNATURES
from gateway.verify.parsing import read_document
from gateway.verify.signature_value import SignedValue
from keystore import SigningKey, TrustSnapshot

SIZE = 150_000
MOST_BYTES = 210_000
TEN_MEGABYTES = 10_000_000
MOST_CHECKS = MAX_SIGNATURES * (len(TRUSTED) + MAX_EMBEDDED_CERTIFICATES)
"""Signature checks: every trusted key for every signature, and the few certificates that a message carries."""
ATTRIBUTE = '<a p:b=""/>'
TRUST = TrustSnapshot.of(*trust(*TRUSTED))


@dataclass
class Work:
    """What a verification did."""

    octets: int = 0
    """Of the canonical forms of what References name."""
    forms: int = 0
    largest: int = 0
    """Octets of the largest of these forms."""
    comparisons: int = 0
    """Of namespaces, as far as the budget admitted them."""
    checks: int = 0
    """Signature values computed with a key."""


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts what is done from now on."""
    found = Work()
    is_signed_by, spend_namespaces = SignedValue.is_signed_by, WorkBudget.spend_namespaces

    def counted(element: etree._Element, method: Canonicalization, *others: object) -> bytes:
        form = canonicalize(element, method, *others)  # type: ignore[arg-type] # passed on as they are
        found.octets += len(form)
        found.forms += 1
        found.largest = max(found.largest, len(form))
        return form

    def spent(budget: WorkBudget, comparisons: int) -> None:
        spend_namespaces(budget, comparisons)
        found.comparisons += comparisons

    def checked(signed: SignedValue, key: SigningKey) -> bool:
        found.checks += 1
        return is_signed_by(signed, key)

    monkeypatch.setattr(references, "canonicalize", counted)
    monkeypatch.setattr(WorkBudget, "spend_namespaces", spent)
    monkeypatch.setattr(SignedValue, "is_signed_by", checked)
    return found


def judged(message: bytes) -> Verdict:
    """By a verifier that remembers nothing."""
    return Verifier(Policy()).verify(message, TRUST, AT, content_type=CONTENT_TYPE)


@pytest.mark.parametrize("case", [case for case in HOSTILE if case.kind is Kind.CONTENT], ids=attrgetter("id"))
def test_content_costs_in_proportion(case: Costly, work: Work) -> None:
    message = case.make(SIZE)
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in case.reasons, verdict.detail
    assert work.checks <= MOST_CHECKS
    assert work.comparisons <= MAX_NAMESPACE_WORK
    if case.attacker is Attacker.STRANGER:
        assert work.forms == 0, "what a stranger wrote was canonicalized"
    else:
        # Every character of a text may be spelled six times as long, and namespaces may be declared again.
        assert work.largest <= 6 * len(message) + MAX_NAMESPACE_OCTETS
        # The budget, and the one form that finds it used up.
        assert work.octets <= MAX_FORMS * (1 + ELEMENT_OCTETS // 4) * len(message) + ALWAYS_ADMITTED + work.largest


@pytest.mark.parametrize("case", [case for case in HOSTILE if case.kind is Kind.CONTENT], ids=attrgetter("id"))
def test_to_tell_who_signed_costs_no_more_than_to_verify(case: Costly, work: Work) -> None:
    """The same content in a message whose structure is refused, so that the signatures are looked at afterwards."""
    message = case.make(SIZE)
    start, end = message.rsplit(b"</soap:Body>", 1)

    whole = judged(message)
    spent, work.__dict__ = replace(work), vars(Work())
    broken = judged(start + b"</soap:Body><x/>" + end)

    if broken.reason is not Reason.STRUCTURE:
        assert broken.reason is whole.reason, "refused before its structure is read"
        return
    assert bool(broken.signers) is (case.attacker is Attacker.TRUSTED)
    assert work.checks <= MOST_CHECKS
    assert work.comparisons <= MAX_NAMESPACE_WORK
    if spent.checks:  # else a limit was broken before any key was tried
        assert (work.checks, work.forms, work.octets) <= (spent.checks, spent.forms, spent.octets)
        assert work.octets <= spent.octets


@pytest.mark.parametrize(
    ("named", "case"),
    [
        ("deep", "deep, by trusted"),
        ("wide", "nothing but tags, by trusted"),
        ("many attributes", "attributes on one element, by trusted"),
        ("many namespaces", "namespaces at every depth, by trusted"),
        ("many references", "references without end"),
        ("many transforms", "transforms without end"),
        ("many signatures", "signatures without end"),
        ("many Security headers", "headers without end"),
        ("many Security headers for others", "headers for others without end"),
        ("huge text", "one long text, by trusted"),
        ("bombs of entities", "a bomb of entities"),
        ("bombs of compression", "gzip: a bomb within a bomb"),
    ],
)
def test_every_input_that_the_threat_model_names_is_in_the_table(named: str, case: str) -> None:
    """The benchmark measures the whole table, the tests here and those of the exchange count the work for each."""
    assert case in {found.id for found in (*HOSTILE, *CODED)}, named


def test_the_counters_count(work: Work) -> None:
    """The control: an honest message is canonicalized once a Reference, and checked with its key."""
    assert own_case("timestamp-signed").verdict().accepted

    assert work.forms == 2
    assert work.octets > 300
    assert work.comparisons == 0
    assert 1 <= work.checks <= len(own_case("timestamp-signed").trust)


def test_comparisons_of_namespaces_are_counted(work: Work) -> None:
    assert own_case("c14n10").verdict().accepted

    assert work.comparisons > 0


@pytest.mark.parametrize("case", [case for case in HOSTILE if case.kind is Kind.GRAMMAR], ids=attrgetter("id"))
def test_grammar_is_refused_before_it_costs_anything(case: Costly, work: Work) -> None:
    message = case.make(SIZE)
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in case.reasons, verdict.detail
    assert work == Work()


@pytest.mark.parametrize("case", [case for case in HOSTILE if case.kind is Kind.KEY], ids=attrgetter("id"))
def test_what_is_said_about_the_key_costs_a_few_checks(case: Costly, work: Work) -> None:
    message = case.make(SIZE)
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in case.reasons, verdict.detail
    assert work.octets == 0
    assert work.checks <= len(TRUSTED) + MAX_EMBEDDED_CERTIFICATES
    assert len(verdict.detail) < 500


@pytest.mark.parametrize("case", [case for case in HOSTILE if case.kind is Kind.DOCUMENT], ids=attrgetter("id"))
def test_a_hostile_document_is_rejected(case: Costly, work: Work) -> None:
    message = case.make(SIZE)
    assert len(message) <= MOST_BYTES

    verdict = judged(message)

    assert verdict.reason in case.reasons, verdict.detail
    assert work.octets <= 2 * len(message)
    assert len(verdict.detail) < 500


@pytest.mark.parametrize("case", HONEST, ids=attrgetter("id"))
def test_what_is_honest_and_large_passes(case: Costly, work: Work) -> None:
    message = case.make(TEN_MEGABYTES)

    verdict = judged(message)

    assert verdict.accepted, verdict.detail
    assert work.forms == 1
    assert work.checks <= len(TRUSTED)


def test_fifty_megabytes_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the message was parsed")

    message = own_case("bst-x509v3").message + b" " * 50_000_000
    monkeypatch.setattr("gateway.verify.procedure.parse_decoded", refuse)

    assert judged(message).reason is Reason.LIMITS


@pytest.mark.parametrize(
    ("root", "counted"),
    [
        (f'<r xmlns:p="{"u" * 1000}">{"<p:a/>" * 20_000}</r>', 0),
        (f'<r xmlns:p="{"u" * 1000}">{ATTRIBUTE * 20_000}</r>', 1),
    ],
)
def test_namespace_names_that_are_too_long_are_counted_once(
    root: str, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting takes an XPath over all elements, each with its namespace: a third of a second in a megabyte. It is done
    where the elements alone are not too many."""
    asked: list[etree._Element] = []

    def count(root: etree._Element) -> float:
        asked.append(root)
        return float("inf")

    monkeypatch.setattr(document_limits, "_RENDERINGS", count)
    with pytest.raises(Rejection, match="too long for so many elements"):
        read_document(root.encode(), Policy())
    assert len(asked) == counted
