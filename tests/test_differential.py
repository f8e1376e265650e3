"""Independent judges: what we accept, libxmlsec and signxml find good, too; where they do not, it is known why.

And the other way round: what they find good and we refuse, we refuse for a reason that is not theirs to look for.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from fixtures.manifest import Case, entry, interop_cases, own_cases, public_cases
from gateway.verify import Reason, Verdict
from gateway.verify.names import DIGEST_VALUE, SIGNATURE
from gateway.verify.reason import Rejection
from tests.conftest import Count
from tests.divergences import (
    CRYPTOGRAPHIC,
    OURS,
    SIGNXML_DIVERGENCES,
    SIGNXML_DIVERGENCES_ON_MUTANTS,
    XMLSEC_DIVERGENCES,
    XMLSEC_TOLERATES,
    Divergences,
    any_good,
    divergence,
    explained,
    libxmlsec_finds_good,
    reported,
)
from tests.judges import points_outside, read, signatures, signxml_accepts
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
        assert any_good(case, case.message, position) is (why is not None), why


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


# The mutants: signxml, which takes ten times as long, sees one of every rule of every message of our own, more of them
# in `make fuzz`. libxmlsec sees every one, where they are made (tests/mutation/test_mutation.py).

SOURCES = {case.id: case for case in accepted_cases()}
A_RULE: Final = max(1, int(os.environ.get("WSSGATE_MUTANTS", "3")) // 3)


def _mutants(case: Case) -> Iterator[tuple[Mutant, bytes, Verdict]]:
    """Mutants that are judged under the conditions of their source, and can be shown to a judge."""
    source = source_of(case)
    for rule in RULES:
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


@pytest.mark.filterwarnings("ignore")  # signxml reads subjects that `cryptography` warns of
@pytest.mark.parametrize("identifier", [name for name in SOURCES if "/" not in name])
def test_signxml_agrees_on_mutants(identifier: str, count: Count) -> None:
    case = SOURCES[identifier]
    entries = {found.alias: found for found in case.trust}
    counts: Counter[str] = Counter()
    for mutant, message, verdict in _mutants(case):
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
            counts[explained(verdict.reason, good)] += 1
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
