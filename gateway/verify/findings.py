"""What has been found so far: a verdict in the making, complete at whatever step the procedure ends."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from lxml import etree

from gateway.verify.attachment_coverage import attachment_reports
from gateway.verify.document import Document
from gateway.verify.envelope import Envelope, SecurityHeader
from gateway.verify.message_parts import NO_ATTACHMENTS, Attachments
from gateway.verify.printable_text import LONGEST_NAME, printable, shown_operation
from gateway.verify.reason import Reason, Rejection
from gateway.verify.signature_check import CheckedSignature, SignedMessage
from gateway.verify.verdict import (
    EmbeddedCertificate,
    Outcome,
    SignatureReport,
    Signer,
    TimestampReport,
    Verdict,
    VerifiedBy,
    accepted_detail,
)


@dataclass(slots=True)
class Acceptance:
    """What the acceptance of a message rests on."""

    document: Document
    envelope: Envelope
    security: SecurityHeader
    message: SignedMessage
    good: list[CheckedSignature]
    """The signatures that verify."""
    carrying: list[CheckedSignature]
    """The signatures on which the required parts rest."""
    covered: tuple[str, ...]
    is_remarkable: bool
    """Something about the message itself, not about its request, was worth a warning."""


@dataclass(slots=True)
class Findings:
    """What has been found so far. What a step finds is set by it; what no step has set is not known."""

    step: int = 1
    """The step under way, by its number in `gateway.verify.procedure`; where the message is rejected, the step whose
    rule it breaks."""
    about_type: str | None = None
    """A warning about the Content-Type; None where there is nothing to say."""
    text: bytes | None = None
    """The document in UTF-8, once step 1 has passed."""
    document: Document | None = None
    encoding: str | None = None
    soap_version: str | None = None
    envelope: Envelope | None = None
    security: SecurityHeader | None = None
    signed_message: SignedMessage | None = None
    """What the signatures were checked against; None where it did not come to that."""
    checked: tuple[CheckedSignature, ...] = ()
    """What came of each of them."""
    signatures: list[SignatureReport] = field(default_factory=list)
    signers: tuple[Signer, ...] = ()
    recognised: dict[VerifiedBy, None] = field(default_factory=dict)
    embedded: EmbeddedCertificate | None = None
    timestamp: TimestampReport | None = None
    warnings: list[str] = field(default_factory=list)
    replay_keys: tuple[str, ...] = ()
    fresh_until: datetime | None = None
    attachments: Attachments = NO_ATTACHMENTS
    covered_attachments: frozenset[str] = frozenset()
    """Content-IDs of those that a signature covers on which the message rests, and of which also the head."""
    signed_heads: frozenset[str] = frozenset()

    def accepted(self, acceptance: Acceptance) -> Verdict:
        """The verdict that accepts (step 14)."""
        verified_by = tuple(dict.fromkeys(by for one in acceptance.carrying for by in one.report.verified_by))
        return self._verdict(
            Outcome.ACCEPTED,
            None,
            accepted_detail(verified_by, (*acceptance.covered, *self._attachments_covered())),
            verified_by=verified_by,
            replay_keys=self.replay_keys,
            fresh_until=self.fresh_until,
        )

    def rejected(self, rejection: Rejection) -> Verdict:
        """The verdict that rejects."""
        return self._verdict(Outcome.REJECTED, rejection.reason, rejection.detail, special_advice=rejection.advice)

    def _attachments_covered(self) -> tuple[str, ...]:
        """How many attachments are covered, for a sentence."""
        count, covered = len(self.attachments.parts), len(self.covered_attachments)
        return (f"{covered} of {count} attachments",) if count else ()

    def _verdict(
        self,
        outcome: Outcome,
        reason: Reason | None,
        detail: str,
        *,
        verified_by: tuple[VerifiedBy, ...] = (),
        replay_keys: tuple[str, ...] = (),
        fresh_until: datetime | None = None,
        special_advice: str | None = None,
    ) -> Verdict:
        envelope = self.envelope
        return Verdict(
            outcome=outcome,
            reason=reason,
            detail=detail,
            verified_by=verified_by,
            recognised=tuple(self.recognised),
            signers=self.signers,
            embedded=self.embedded,
            signatures=tuple(self.signatures),
            timestamp=self.timestamp,
            soap_version=self.soap_version,
            encoding=self.encoding,
            operation=None if envelope is None else shown_operation(envelope.operation),
            is_fault=envelope is not None and envelope.is_fault,
            message_id=_addressed(envelope, "MessageID"),
            relates_to=_addressed(envelope, "RelatesTo"),
            warnings=with_type_warning(self.about_type, tuple(self.warnings)),
            replay_keys=replay_keys,
            fresh_until=fresh_until,
            attachments=attachment_reports(self.attachments, self.covered_attachments, self.signed_heads),
            special_advice=special_advice,
        )


class Examination(NamedTuple):
    """What came of the whole procedure on one message."""

    verdict: Verdict
    findings: Findings
    acceptance: Acceptance | None
    """None where the message is rejected."""


def shown_id(text: str) -> str:
    """The text of wsa:MessageID or wsa:RelatesTo as a verdict says it."""
    return printable(text.strip(), LONGEST_NAME)


def with_type_warning(about_type: str | None, warnings: tuple[str, ...]) -> tuple[str, ...]:
    """The warnings of a verdict: that about the Content-Type comes first."""
    return warnings if about_type is None else (about_type, *warnings)


def _addressed(envelope: Envelope | None, name: str) -> str | None:
    element: etree._Element | None = None if envelope is None else envelope.addressing(name)
    return None if element is None else shown_id(element.text or "")
