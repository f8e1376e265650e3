"""Independent judges: what we accept, libxmlsec and signxml find good, too; where they do not, it is known why.

And the other way round: what they find good and we refuse, we refuse for a reason that is not theirs to look for.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest

from fixtures.manifest import INTEROP, Case, entry, interop_cases, own_cases, public_cases
from gateway.verify import Reason, SignatureReport, Verdict
from gateway.verify.envelope import find_security_header, read_envelope
from gateway.verify.names import DIGEST_VALUE, SIGNATURE
from gateway.verify.reason import Rejection
from keystore import SigningKey, TrustedCertificate
from tests.conftest import Count
from tests.judges import libxmlsec_accepts, points_outside, read, signatures, signxml_accepts
from tests.mutation.engine import RULES, mutants
from tests.mutation.mutant import Mutant
from tests.mutation.source import accepted_cases, source_of

CASES = {case.id: case for case in (*own_cases(), *interop_cases(), *public_cases())}
ACCEPTED = [identifier for identifier, case in CASES.items() if case.accepted]
BROKEN = [
    identifier
    for identifier, case in CASES.items()
    # Of a multipart message, not even the envelope is looked at.
    if case.reason in {Reason.SIGNATURE_INVALID, Reason.DIGEST_MISMATCH}
    and not (case.content_type or "").startswith("multipart/")
]
ACCEPTED_AT_LEAST = 250
BROKEN_AT_LEAST = 10

Divergences = dict[str, Callable[[Case, bytes], bool]]


def holds(pattern: str) -> Callable[[Case, bytes], bool]:
    """Whether the message holds something of that pattern."""
    compiled = re.compile(pattern.encode(), re.DOTALL)
    return lambda _, message: compiled.search(message) is not None


XMLSEC_DIVERGENCES: Divergences = {
    "libxmlsec knows no STR-Transform": holds("#STR-Transform"),
    "libxmlsec, as its wheel is built, knows no Ed25519": holds("#eddsa-ed25519"),
}
"""Why libxmlsec does not find good what we accept -> in which messages. Nowhere else it may differ; there it must."""
XMLSEC_DIVERGENCES_ON_MUTANTS: Divergences = XMLSEC_DIVERGENCES | {
    "libxmlsec canonicalizes nothing in a document with a relative namespace name": holds('xmlns:[a-z]+="relative"'),
}
XMLSEC_TOLERATES: Divergences = {
    "libxmlsec fills up an ECDSA value that is too short; XMLDSIG 6.4.3 knows one length": lambda case, _: (
        case.id == "wss4j_debian/bst-p521-ecdsa-sha512-cut-value"
    ),
}
"""Why libxmlsec finds good what we reject as broken -> in which messages."""

_INCLUSIVE = {
    "c14n10",
    "c14n11",
    "c14n11-xml-base-and-id",
    "no-transform",
    "signed-info-c14n10",
    "signed-info-c14n11",
    "xml-attributes-on-ancestors-c14n10",
    "xml-attributes-on-ancestors-c14n11",
    "wss4j/bst-c14n10-rich",
    "wss4j/bst-c14n11-rich",
    "wss4j_debian/issuer-serial-c14n10-timestamp-rich",
    "wss4j_debian/issuer-serial-c14n11-timestamp-rich",
    "xml_crypto/bst-c14n10-namespaces",
    "xml_crypto/bst-c14n10-soap12-timestamp-default-namespace",
    "xml_crypto/bst-c14n10-soap12-timestamp-fault",
    "xml_crypto/bst-c14n10-soap12-timestamp-pretty",
    "xmlsec1/bst-rich-no-transforms",
    "xmlsec1/thumbprint-c14n10-rich",
    "xmlsec1/thumbprint-c14n11-rich",
}
SIGNXML_DIVERGENCES: Divergences = {
    "signxml knows no STR-Transform": holds("#STR-Transform"),
    "signxml knows no Ed25519": holds("#eddsa-ed25519"),
    "signxml's schema admits no PrefixList in a CanonicalizationMethod": holds(
        r"CanonicalizationMethod[^>]*[^/]>\s*<[^>]*InclusiveNamespaces"
    ),
    "signxml's schema admits no empty KeyInfo": lambda case, _: case.id == "empty-key-info",
    "signxml keeps the empty prefix for an empty PrefixList": lambda case, _: case.id == "exclusive-prefix-list-empty",
    "signxml canonicalizes subtrees inclusively as lxml does, with what is wrong there": lambda case, _: (
        case.id in _INCLUSIVE
    ),
    "signxml writes elements in ASCII on the way, which has no way to write other names": lambda case, _: (
        case.id.startswith(("names-beyond-ascii-", "attributes-sorted-by-code-point-"))
    ),
    "signxml accepts no certificate out of its validity": lambda case, _: case.policy.expired_certificate == "accept",
}
SIGNXML_DIVERGENCES_ON_MUTANTS: Divergences = SIGNXML_DIVERGENCES | {
    "signxml's schema admits no attributes of others on a Transform": holds('Transform Extra="1"'),
    "signxml's schema admits no KeyInfo without anything of its own in it": holds(
        r"<(?:\w+:)?KeyInfo[^>]*(?:/>|>\s*(?:</|<rubbish/></))"
    ),
}

CRYPTOGRAPHIC: Final = frozenset({Reason.SIGNATURE_INVALID, Reason.DIGEST_MISMATCH, Reason.UNKNOWN_KEY})
"""What a judge finds out by itself: where we say so, no judge may find the signature good under a trusted key."""
OURS: Final[Mapping[Reason, str]] = {
    Reason.LIMITS: "judges have no budgets",
    Reason.DUPLICATE_ID: "a judge takes the element that it was told of, or the first one",
    Reason.WRAPPING: "judges do not ask where the signed element stands",
    Reason.STRUCTURE: "judges know no SOAP, and read base64, comments and unknown children generously",
    Reason.TRANSFORM_NOT_ALLOWED: "judges know more transforms",
    Reason.ALGORITHM_NOT_ALLOWED: "judges know more algorithms, and SHA-1",
    Reason.WEAK_KEY: "judges take short keys",
    Reason.REFERENCE_URI: "judges know xpointers, and References to one element twice",
    Reason.PART_NOT_SIGNED: "judges do not ask what is signed",
    Reason.UNSIGNED: "judges take a Signature that is not meant for us",
    Reason.TIMESTAMP_MISSING: "judges have no clock",
    Reason.TIMESTAMP_STALE: "judges have no clock",
    Reason.NOT_SOAP: "judges know no SOAP",
}
"""Why a judge may find good what we refuse."""


def divergence(case: Case, table: Divergences, message: bytes | None = None) -> str | None:
    text = case.message if message is None else message
    return next((why for why, applies in table.items() if applies(case, text)), None)


def usable(entries: tuple[TrustedCertificate, ...]) -> Iterator[SigningKey]:
    yield from (found.public_key for found in entries if found.public_key is not None)


def reported(case: Case, message: bytes, verdict: Verdict) -> list[tuple[int, SignatureReport]]:
    """The reports of a verdict, each with the position of its Signature among those of all Security headers."""
    if not verdict.signatures:
        return []
    root = read(case, message)
    everywhere = signatures(root)
    ours = find_security_header(read_envelope(root), case.policy.actor)[0].signatures
    return [(everywhere.index(node), report) for node, report in zip(ours, verdict.signatures, strict=True)]


def libxmlsec_finds_good(case: Case, message: bytes, position: int, key: SigningKey) -> bool:
    """libxmlsec's word on one Signature, of a message that is parsed anew: it leaves its marks on a tree."""
    root = read(case, message)
    return libxmlsec_accepts(root, signatures(root)[position], key)


# The fixtures


@pytest.mark.parametrize("identifier", ACCEPTED)
def test_libxmlsec_agrees(identifier: str, count: Count) -> None:
    case = CASES[identifier]
    keys = {found.alias: found.public_key for found in case.trust}
    why = divergence(case, XMLSEC_DIVERGENCES)
    found = []

    for position, report in reported(case, case.message, case.verdict()):
        for by in report.verified_by:
            key = keys[by.alias]
            assert key is not None
            found.append(libxmlsec_finds_good(case, case.message, position, key))
    assert found
    assert all(found) if why is None else not all(found), why
    count("libxmlsec on good messages", why or "agrees", 1)


@pytest.mark.parametrize("identifier", [name for name in ACCEPTED if "/" not in name])
def test_libxmlsec_accepts_no_other_key(identifier: str) -> None:
    """The control: it is the key that was told to it that counts."""
    case = CASES[identifier]
    other = entry("foreign").public_key
    assert other is not None

    ours = [p for p, report in reported(case, case.message, case.verdict()) if report.verified_by]
    assert not any(libxmlsec_finds_good(case, case.message, position, other) for position in ours)


@pytest.mark.parametrize("identifier", BROKEN)
def test_libxmlsec_rejects_what_is_broken(identifier: str) -> None:
    case = CASES[identifier]
    broken = [p for p, report in reported(case, case.message, case.verdict()) if report.reason is not None]
    why = divergence(case, XMLSEC_TOLERATES)

    assert broken
    for position in broken:
        assert _any_good(case, case.message, position) is (why is not None), why


@pytest.mark.filterwarnings("ignore")  # signxml reads subjects that `cryptography` warns of
@pytest.mark.parametrize("identifier", ACCEPTED)
def test_signxml_agrees(identifier: str, count: Count) -> None:
    case = CASES[identifier]
    root = read(case, case.message)
    if len(signatures(root)) != 1:
        pytest.skip("signxml verifies the first signature of a message, and this one holds several")
    entries = {found.alias: found for found in case.trust}
    why = divergence(case, SIGNXML_DIVERGENCES)

    for by in case.verdict().verified_by:
        accepted = signxml_accepts(case, root, entries[by.alias], len(list(root.iter(DIGEST_VALUE))))
        assert accepted is (why is None), why
    count("signxml on good messages", why or "agrees", 1)


# The mutants: of every message, one of every rule; more of them in `make fuzz`

SOURCES = {case.id: case for case in accepted_cases()}
A_RULE: Final = max(1, int(os.environ.get("WSSGATE_MUTANTS", "3")) // 3)
OF_A_STACK: Final = 6
"""Rules that are tried on each message of the stacks, which are many and much alike."""
FOR_SIGNXML: Final = 6
"""It takes ten times as long."""
COMPARED_AT_LEAST: Final = 10


def _mutants(case: Case, rules: int | None = None) -> Iterator[tuple[Mutant, bytes, Verdict]]:
    """Mutants that are judged under the conditions of their source, and can be shown to a judge."""
    source = source_of(case)
    drawn = RULES if rules is None else random.Random(case.id).sample(RULES, rules)  # noqa: S311 - no secrets
    for rule in drawn:
        for mutant in mutants(source, rule, A_RULE)[:A_RULE]:
            message = mutant.message()
            if mutant.changes or message == case.message:
                continue
            try:
                root = read(case, message)
            except Rejection:
                continue
            if not points_outside(root):
                yield mutant, message, source.case.verdict(message)


@pytest.mark.parametrize("identifier", SOURCES)
def test_libxmlsec_agrees_on_mutants(identifier: str, count: Count) -> None:
    case = SOURCES[identifier]
    counts: Counter[str] = Counter()
    for mutant, message, verdict in _mutants(case, OF_A_STACK if INTEROP in case.file.parents else None):
        for line in _compared(case, mutant, message, verdict):
            counts[line] += 1

    for line, number in counts.items():
        count("libxmlsec on signatures of mutants", line, number)
    assert counts.total() >= (1 if INTEROP in case.file.parents else COMPARED_AT_LEAST)


def _compared(case: Case, mutant: Mutant, message: bytes, verdict: Verdict) -> Iterator[str]:
    """How each Signature of a mutant compares."""
    keys = {found.alias: found.public_key for found in case.trust}
    reports = reported(case, message, verdict)
    for position, report in reports:
        if report.reason is None:
            told = [key for by in report.verified_by if (key := keys[by.alias]) is not None]
            assert len(told) == len(report.verified_by) > 0
            why = divergence(case, XMLSEC_DIVERGENCES_ON_MUTANTS, message)
            good = all(libxmlsec_finds_good(case, message, position, key) for key in told)
            assert good is (why is None), f"{mutant.label}: libxmlsec and we differ about a good signature: {why}"
            yield why or "agrees: good"
        else:
            yield _explained(mutant, report.reason, _any_good(case, message, position))
    if not reports:
        # It came to no Signature of ours.
        for position in range(min(2, len(signatures(read(case, message))))):
            assert verdict.reason is not None
            yield _explained(mutant, verdict.reason, _any_good(case, message, position))


def _any_good(case: Case, message: bytes, position: int) -> bool:
    return any(libxmlsec_finds_good(case, message, position, key) for key in usable(case.trust))


def _explained(mutant: Mutant, reason: Reason, good: bool) -> str:
    """How the comparison came out, where we refuse; a judge that finds it good needs a reason in the table."""
    if not good:
        return "agrees: not good"
    assert reason not in CRYPTOGRAPHIC, f"{mutant.label}: {reason}, and a judge finds it good"
    return f"{reason}: {OURS[reason]}"


@pytest.mark.filterwarnings("ignore")  # signxml reads subjects that `cryptography` warns of
@pytest.mark.parametrize("identifier", [name for name in SOURCES if "/" not in name])
def test_signxml_agrees_on_mutants(identifier: str, count: Count) -> None:
    case = SOURCES[identifier]
    entries = {found.alias: found for found in case.trust}
    counts: Counter[str] = Counter()
    for mutant, message, verdict in _mutants(case, FOR_SIGNXML):
        root = read(case, message)
        if len(list(root.iter(SIGNATURE))) != 1:
            counts["not asked: not one Signature"] += 1
            continue
        digests = len(list(root.iter(DIGEST_VALUE)))
        if verdict.accepted:
            why = divergence(case, SIGNXML_DIVERGENCES_ON_MUTANTS, message)
            good = all(signxml_accepts(case, root, entries[by.alias], digests) for by in verdict.verified_by)
            assert good or why is not None, f"{mutant.label}: signxml refuses what we accept"
            counts["agrees: good" if good else str(why)] += 1
        else:
            assert verdict.reason is not None
            good = any(signxml_accepts(case, root, found, 1) for found in case.trust)
            counts[_explained(mutant, verdict.reason, good)] += 1
    for line, number in counts.items():
        count("signxml on mutants", line, number)


# The tables


def test_there_is_enough_to_compare() -> None:
    at_hand = [identifier for identifier in ACCEPTED if CASES[identifier] not in public_cases()]

    assert len(at_hand) >= ACCEPTED_AT_LEAST
    assert len(BROKEN) >= BROKEN_AT_LEAST


@pytest.mark.parametrize("table", [XMLSEC_DIVERGENCES, SIGNXML_DIVERGENCES], ids=["libxmlsec", "signxml"])
def test_every_divergence_is_shown_by_a_message(table: Divergences) -> None:
    accepted = [CASES[identifier] for identifier in ACCEPTED]
    without = {why for why, applies in table.items() if not any(applies(case, case.message) for case in accepted)}

    # The message with a certificate out of its validity is in the public corpus, which may not be at hand.
    assert without == set() or not public_cases()


def test_no_reason_is_in_both_tables() -> None:
    assert not CRYPTOGRAPHIC & set(OURS)
