"""Multipart messages in captures: verified again, and asked for the certificates that they carry."""

from datetime import datetime
from pathlib import Path

import pytest

from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.manifest import entry
from gateway.cross_check import Opinion
from gateway.replay import embedded_certificates, replay_file
from gateway.verify import Policy, Verifier
from keystore import TrustSnapshot

CASES = [case for case in multipart_cases() if case.accepted and not case.needs][::6]


def saved(case: MultipartCase, folder: Path) -> Path:
    file = folder / "captured.http"
    file.write_bytes(f"HTTP/1.1 200 OK\r\nContent-Type: {case.content_type}\r\n\r\n".encode() + case.body)
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_is_verified_again(case: MultipartCase, tmp_path: Path) -> None:
    policy = Policy.model_validate(case.policy)
    trust = TrustSnapshot.of(*[entry(alias) for alias in case.trust])
    at = datetime.fromisoformat(case.at)
    replayed = replay_file(saved(case, tmp_path), trust, Verifier(policy), at=at, ask_again=True)

    assert replayed.verdict.accepted, replayed.verdict.detail
    assert len(replayed.verdict.attachments) == len(case.attachments)
    assert replayed.opinion is not None
    assert replayed.opinion.opinion in {Opinion.AGREES, Opinion.NOT_JUDGED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_certificates_that_it_carries(case: MultipartCase, tmp_path: Path) -> None:
    """Also that of a token which travels in an attachment."""
    found = embedded_certificates(saved(case, tmp_path), Policy.model_validate(case.policy))
    known = {entry(alias).thumbprint for alias in case.verified_by}
    assert {one.thumbprint for one in found.certificates} <= known
    if any(part.token for part in case.attachments):
        assert found.certificates
