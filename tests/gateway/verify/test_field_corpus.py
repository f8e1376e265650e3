"""Honest messages that were refused in the field pass, and refusals that sent people the wrong way say what is so."""

import pytest

from fixtures.manifest import FIELD, Case, field_cases
from gateway.verify import Reason

CASES = field_cases()
CASES_AT_LEAST = 36
WAITING = {"mtom-no-attachment", "swa-signed-attachment"}
"""Multipart messages: refused as such as long as attachments are not read."""


@pytest.mark.skipif(not CASES, reason="the field corpus is not beside this repository")
def test_corpus_is_complete() -> None:
    assert len(CASES) >= CASES_AT_LEAST, FIELD
    assert {case.id for case in CASES} >= WAITING


@pytest.mark.parametrize("case", [case for case in CASES if case.id not in WAITING], ids=lambda case: case.id)
def test_case(case: Case) -> None:
    for verdict in (case.verdict(), case.verdict()):
        assert verdict.accepted is case.accepted, f"{case.why}: {verdict.reason}: {verdict.detail}"
        assert {found.alias for found in verdict.verified_by} == case.verified_by
        assert verdict.reason is case.reason, verdict.detail
        said = f"{verdict.detail} {verdict.advice}"
        assert all(words in said for words in case.says), said


@pytest.mark.parametrize("case", [case for case in CASES if case.id in WAITING], ids=lambda case: case.id)
def test_multipart_waits_until_attachments_are_read(case: Case) -> None:
    verdict = case.verdict()

    assert verdict.reason is Reason.STRUCTURE
    assert "attachments are not supported" in verdict.detail
