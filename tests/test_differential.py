"""Independent judges: what we accept, libxmlsec and signxml find good, too; where they do not, it is known why.

And the other way round: what they find good and we refuse, we refuse for a reason that is not theirs to look for.
Here it is the messages of the fixtures; every mutant is shown to both where it is made (tests/mutation).
"""

import pytest

from fixtures.manifest import entry, interop_cases, own_cases, public_cases
from gateway.verify import Reason
from tests.conftest import Count
from tests.divergences import CRYPTOGRAPHIC, OURS, divergence
from tests.witnesses import WITNESSES, Witness, reported

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

each_witness = pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: witness.name)


@each_witness
@pytest.mark.parametrize("identifier", ACCEPTED)
def test_it_agrees(identifier: str, witness: Witness, count: Count) -> None:
    case = CASES[identifier]
    entries = {found.alias: found for found in case.trust}
    why = divergence(case, witness.divergences)
    found = [
        witness.finds_good(case, case.message, position, entries[by.alias])
        for position, report in reported(case, case.message, case.verdict())
        for by in report.verified_by
    ]

    assert found
    assert all(found) if why is None else not all(found), why
    count(f"{witness.name} on good messages", why or "agrees", 1)


@each_witness
@pytest.mark.parametrize("identifier", [name for name in ACCEPTED if "/" not in name])
def test_it_accepts_no_other_key(identifier: str, witness: Witness) -> None:
    """The control: it is the key that was told to it that counts."""
    case = CASES[identifier]
    ours = [p for p, report in reported(case, case.message, case.verdict()) if report.verified_by]

    assert not any(witness.finds_good(case, case.message, position, entry("foreign")) for position in ours)


@each_witness
@pytest.mark.parametrize("identifier", BROKEN)
def test_it_rejects_what_is_broken(identifier: str, witness: Witness) -> None:
    case = CASES[identifier]
    broken = [p for p, report in reported(case, case.message, case.verdict()) if report.reason is not None]
    why = divergence(case, witness.tolerates)

    assert broken
    for position in broken:
        assert witness.finds_any_good(case, case.message, position) is (why is not None), why


# The tables


def test_there_is_enough_to_compare() -> None:
    at_hand = [identifier for identifier in ACCEPTED if CASES[identifier] not in public_cases()]

    assert len(at_hand) >= ACCEPTED_AT_LEAST
    assert len(BROKEN) >= BROKEN_AT_LEAST


@each_witness
def test_every_divergence_is_shown_by_a_message(witness: Witness) -> None:
    accepted = [CASES[identifier] for identifier in ACCEPTED]
    without = {
        why for why, applies in witness.divergences.items() if not any(applies(case, case.message) for case in accepted)
    }

    # The message with a certificate out of its validity is in the public corpus, which may not be at hand.
    assert without == set() or not public_cases()


def test_no_reason_is_in_both_tables() -> None:
    assert not CRYPTOGRAPHIC & set(OURS)
