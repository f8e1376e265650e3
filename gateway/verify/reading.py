"""Steps 1 to 5 once more, for an explanation: how far a message can be read, and what is then at hand."""

from dataclasses import dataclass

from gateway.verify.content_type import unusual_type
from gateway.verify.document_encoding import as_utf8
from gateway.verify.envelope import Envelope, SecurityHeader, find_security_header, read_envelope
from gateway.verify.parsing import Document, read_document
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection


@dataclass(slots=True)
class Reading:
    """What could be read of a message before its signatures are looked at."""

    text: bytes | None = None
    """The document in UTF-8."""
    document: Document | None = None
    envelope: Envelope | None = None
    security: SecurityHeader | None = None
    ended_at: int | None = None
    """The step that refused it; None where all five were passed."""


def read_again(message: bytes, policy: Policy, content_type: str | None) -> Reading:
    """Read `message` as far as it goes."""
    reading = Reading()
    step = 1
    try:
        unusual_type(content_type)
        reading.text = as_utf8(message, policy, content_type).text
        step = 2
        reading.document = read_document(message, policy, content_type)
        step = 4
        reading.envelope = read_envelope(reading.document.root)
        step = 5
        reading.security, _ = find_security_header(reading.envelope, policy.actor)
    except Rejection as rejection:
        reading.ended_at = 3 if step == 2 and rejection.reason is Reason.LIMITS else step
    return reading
