"""Messages verified with the test keys, so that their reports hold receipts."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509

from gateway.ledger import MessageRecord
from gateway.verify import Policy, Verdict, verify
from keystore import Alias, State, TrustedCertificate, TrustSnapshot
from tests.gateway.ledger.load import accepted

ROOT = Path(__file__).parents[3] / "fixtures"
AT = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
"""Within the freshness of the fixtures' Timestamps."""


def certificate(name: str) -> x509.Certificate:
    """A test certificate."""
    return x509.load_pem_x509_certificate((ROOT / "keys" / f"{name}.pem").read_bytes())


@lru_cache(maxsize=64)
def verdict_on(message: str, *keys: str) -> Verdict:
    """The verdict on the fixture `message` under the test keys."""
    trust = TrustSnapshot(
        [TrustedCertificate(alias=Alias(key), certificate=certificate(key), state=State.TRUSTED) for key in keys], 1
    )
    return verify((ROOT / "messages" / f"{message}.xml").read_bytes(), trust, Policy(), AT)


def record_of_message(message: str, *keys: str, **fields: Any) -> MessageRecord:
    """The record of a fixture."""
    verdict = verdict_on(message, *(keys or ("old", "new")))
    values: dict[str, Any] = {
        "time": AT,
        "outcome": str(verdict.outcome),
        "reason": None if verdict.reason is None else str(verdict.reason),
        "detail": verdict.detail,
        "released": verdict.accepted,
        "verified_by": verdict.verified_by,
        "recognised": verdict.recognised,
        "signatures": verdict.signatures,
        "signers": verdict.signers,
    }
    return replace(accepted(*verdict.verified_by), **(values | fields))
