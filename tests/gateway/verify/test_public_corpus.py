"""Signed messages of other people's stacks and servers come out as the corpus' manifest says, case by case."""

import pytest

from fixtures.manifest import PUBLIC, Case, public_cases
from gateway.verify import Reason

CASES = public_cases()
CASES_AT_LEAST = 75

_MULTIPART = "attachments are not supported: a multipart message is refused before its parts are looked at"
DIVERGENCES: dict[str, tuple[Reason, str]] = {
    "phase4-attachment-encrypted": (Reason.STRUCTURE, _MULTIPART),
    "cef-sample2": (Reason.STRUCTURE, _MULTIPART),
    "cxf-encrypted-headers": (
        Reason.STRUCTURE,
        "the Body was encrypted after it was signed: that is looked for before References are resolved",
    ),
}
"""Where several reasons apply and ours is another one than the manifest's: id -> (our reason, why it is right too)."""


@pytest.mark.skipif(
    not CASES, reason="the public corpus is not beside this repository; TESTING_SHARED may name its folder"
)
def test_corpus_is_complete() -> None:
    assert len(CASES) >= CASES_AT_LEAST, PUBLIC
    assert set(DIVERGENCES) <= {case.id for case in CASES if not case.accepted}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    verdict = case.verdict()
    verified_by = {found.alias for found in verdict.verified_by}

    assert verdict.accepted is case.accepted, f"{case.why}: {verdict.reason}: {verdict.detail}"
    assert case.verified_by <= verified_by <= case.verified_by | case.verified_by_may_include
    if not case.accepted:
        expected = {DIVERGENCES[case.id][0]} if case.id in DIVERGENCES else case.reasons
        assert verdict.reason in expected, verdict.detail
