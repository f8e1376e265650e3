"""What is written down about one message."""

from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.cross_check import CrossCheck
from gateway.made_often import made_often
from gateway.verify import AttachmentReport, EmbeddedCertificate, Reason, SignatureReport, Signer, VerifiedBy
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome, may_leave


@made_often(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One message, as it will be proven later. Holds hashes, names and reasons, never bodies or credentials."""

    id: str
    """UUIDv7 (RFC 9562, 5.7): sorts by time."""
    time: datetime
    """The instant of verification, UTC; the same that decided validity and freshness."""
    instance: str
    """Which gateway: host name and process of the writer."""
    endpoint: str
    mode: Mode
    kind: MessageKind
    operation: str | None
    """What was asked for: the first child of the request's Body, in Clark notation; that of the response where the
    request could not be read."""
    response_element: str | None = None
    """The first child of the response's Body, in Clark notation."""
    server: str = ""
    """Which server answered, as the endpoint's `server_field` of the response says; empty where nothing does."""
    outcome: RecordedOutcome
    reason: str | None
    detail: str
    released: bool
    """Whether the response was permitted to leave: always with `accepted`, with `rejected` only in mode `observe`.

    The record is committed before the first byte leaves, so it cannot say that the client received it: the client may
    have gone meanwhile, or the commit may have come too late and the client was told 503 (the log names the record).
    """
    verified_by: tuple[VerifiedBy, ...] = ()
    recognised: tuple[VerifiedBy, ...] = ()
    signers: tuple[Signer, ...] | None = ()
    """Every known key that signed, whatever the outcome; None in a record from before they were looked for."""
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

    Its bytes are not stored with it, for a stranger chose their size: read back, `der` is empty. Of a rejected message
    they are kept beside the records, within bounds (`gateway.ledger.write.certificate_keeping`)."""
    attachments: tuple[AttachmentReport, ...] = ()
    """The parts of a multipart response beside its message."""
    second_opinion: CrossCheck | None = None
    """What another implementation said of the accepted message; None where it was not asked."""
    clock_offset: timedelta | None = None
    """How far the ledger's clock was ahead of the one that gave `time`; None in a record from before it was asked.
    Set by the writer."""
    replay_check: bool = False
    """Ask the writer to refuse a second acceptance of any of `replay_keys` before `fresh_until`."""

    def as_replayed(self) -> "MessageRecord":
        """The record of a message that was accepted and repeats one that had been accepted before.

        It loses its `verified_by`: an old message sent again is no evidence that its key is in use.
        """
        return replace(
            self,
            outcome=RecordedOutcome.REJECTED,
            reason=str(Reason.REPLAYED),
            detail="the same signed message was accepted before: a replay attack, or a receiver that repeats itself",
            released=may_leave(RecordedOutcome.REJECTED, self.mode),
            verified_by=(),
        )


@made_often(frozen=True, slots=True)
class Receipt:
    """What the writer answers once the record is committed."""

    record: MessageRecord
    """As it was written: where the replay cache knew the message it is another than what was handed in."""

    @property
    def replayed(self) -> bool:
        """Whether the message had been accepted before."""
        return self.record.reason == Reason.REPLAYED


class Role(StrEnum):
    """What a key's signature was to the message."""

    NEEDED = "needed"
    """Without this key the message would not pass."""
    PRESENT = "present"
    """It signed as well, and the message would pass without it."""
    REPEATED = "repeated"
    """The very signature was on record already: no new use of the key."""
    EARLIER = "earlier"
    """Counted before the roles were told apart; a use of the key as far as anybody knows."""
