"""What is written down about one message."""

from dataclasses import field
from datetime import datetime
from enum import StrEnum

from gateway.cross_check import SecondOpinion
from gateway.frozen import statically_frozen
from gateway.verify import EmbeddedCertificate, SignatureReport, Verdict, VerifiedBy


@statically_frozen(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One message, as it will be proven later. Holds hashes, names and reasons, never bodies or credentials."""

    id: str
    """UUIDv7 (RFC 9562, 5.7): sorts by time."""
    time: datetime
    """The instant of verification, UTC; the same that decided validity and freshness."""
    instance: str
    """Which gateway: host name and process of the writer."""
    endpoint: str
    mode: str
    """`enforce` or `observe`."""
    kind: str
    """`message`, or the explicit exceptions `empty`, `fault`, `wsdl`, or `error` where the upstream gave no
    response."""
    operation: str | None
    """QName of the Body's first child in Clark notation."""
    outcome: str
    """`accepted`, `rejected`, `passed` (an exception that the configuration admits unverified) or `failed` (no
    response)."""
    reason: str | None
    detail: str
    released: bool
    """Whether the response was permitted to leave: always with `accepted`, with `rejected` only in mode `observe`.

    The record is committed before the first byte leaves, so it cannot say that the client received it: the client may
    have gone meanwhile, or the commit may have come too late and the client was told 503 (the log names the record).
    """
    verified_by: tuple[VerifiedBy, ...] = ()
    recognised: tuple[VerifiedBy, ...] = ()
    signatures: tuple[SignatureReport, ...] = field(default=())
    soap_version: str | None = None
    message_id: str | None = None
    relates_to: str | None = None
    warnings: tuple[str, ...] = ()
    body_sha256: str
    """Digest of the decoded body, hexadecimal."""
    request_bytes: int
    response_bytes: int
    upstream_status: int | None
    """HTTP status of the receiver; None where it gave none."""
    upstream_ms: float
    """Milliseconds until the whole response had arrived."""
    verify_ms: float
    keystore_revision: int
    replay_keys: tuple[str, ...] = ()
    """One for each signature that carries the required parts and covers the Timestamp."""
    fresh_until: datetime | None = None
    embedded: EmbeddedCertificate | None = None
    """The certificate that the message itself carried, where no key of the keystore had made its signature.

    Its bytes are not stored, for a stranger chose their size: read back, `der` is empty."""
    second_opinion: SecondOpinion | None = None
    """What another implementation said of the accepted message; None where it was not asked."""
    replay_check: bool = False
    """Ask the writer to refuse a second acceptance of any of `replay_keys` before `fresh_until`."""

    @property
    def released_when_rejected(self) -> bool:
        """Whether the response goes out although the writer finds it replayed: only in mode `observe`."""
        return self.mode == "observe"


@statically_frozen(frozen=True, slots=True)
class Receipt:
    """What the writer answers once the record is committed."""

    record_id: str
    replayed: bool = False
    """The record was written as rejected with reason `replayed`: release the response in mode `observe` only."""


def record_fields(verdict: Verdict) -> dict[str, object]:
    """The fields of a `MessageRecord` that come from `verdict`, to be passed on by name."""
    return {
        "operation": verdict.operation,
        "outcome": str(verdict.outcome),
        "reason": None if verdict.reason is None else str(verdict.reason),
        "detail": verdict.detail,
        "verified_by": verdict.verified_by,
        "recognised": verdict.recognised,
        "signatures": verdict.signatures,
        "soap_version": verdict.soap_version,
        "message_id": verdict.message_id,
        "relates_to": verdict.relates_to,
        "warnings": verdict.warnings,
        "replay_keys": verdict.replay_keys,
        "fresh_until": verdict.fresh_until,
        "embedded": verdict.embedded,
    }


class How(StrEnum):
    """In which way a key showed up."""

    VERIFIED = "verified"
    """It is trusted, and the message was accepted by it."""
    RECOGNISED = "recognised"
    """The signature is good under it, but it is not trusted (staged, retired) or not admitted: a rejection."""
