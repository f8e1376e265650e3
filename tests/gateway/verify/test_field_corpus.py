"""Honest messages that were refused in the field pass, and refusals that sent people the wrong way say what is so."""

import pytest

from fixtures.manifest import FIELD, Case, field_cases
from gateway.attachments import open_body
from gateway.verify import Verifier
from keystore import TrustSnapshot

CASES = field_cases()
CASES_AT_LEAST = 36
MULTIPART = {"mtom-no-attachment", "swa-signed-attachment"}


@pytest.mark.skipif(not CASES, reason="the field corpus is not beside this repository")
def test_corpus_is_complete() -> None:
    assert len(CASES) >= CASES_AT_LEAST, FIELD
    assert {case.id for case in CASES} >= MULTIPART


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    opened = open_body(case.message, case.content_type, case.policy)
    verifier = Verifier(case.policy)
    trust = TrustSnapshot.of(*case.trust)
    for _ in range(2):
        verdict = verifier.verify(
            opened.message, trust, case.at, content_type=opened.content_type, attachments=opened.attachments
        )
        assert verdict.accepted is case.accepted, f"{case.why}: {verdict.reason}: {verdict.detail}"
        assert {found.alias for found in verdict.verified_by} == case.verified_by
        assert verdict.reason is case.reason, verdict.detail
        said = f"{verdict.detail} {verdict.advice}"
        assert all(words in said for words in case.says), said
