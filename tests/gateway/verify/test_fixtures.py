"""Every message of `fixtures/` comes out as its manifest says: outcome, reason, and every key that verified it."""

import pytest

from fixtures.manifest import Case, own_cases
from gateway.verify import Reason

CASES = own_cases()

MADE_AT_RUN_TIME = {Reason.REPLAYED, Reason.DISPUTED}
"""`replayed` is found by the ledger, which remembers, and `disputed` by a second implementation."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    verdict = case.verdict()

    assert verdict.accepted is case.accepted, f"{case.why}: {verdict.reason}: {verdict.detail}"
    assert {found.alias for found in verdict.verified_by} == case.verified_by
    assert (verdict.reason is None) if case.accepted else (verdict.reason in case.reasons), verdict.detail
    assert verdict.detail
    assert "\n" not in verdict.detail
    if case.hint is not None:
        assert [(found.hint.kind, found.hint.agreed) for found in verdict.signatures] == [(case.hint, case.hint_agrees)]


def test_every_reason_has_a_message() -> None:
    shown = {case.reason for case in CASES} - {None}

    assert set(Reason) - shown == MADE_AT_RUN_TIME
