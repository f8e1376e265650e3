"""What a response is expected to answer."""

from dataclasses import dataclass
from functools import lru_cache

from gateway.verify.element_content import base64_text, sole_text
from gateway.verify.envelope import read_envelope
from gateway.verify.parsing import parse_document
from gateway.verify.policy import Policy
from gateway.verify.printable_text import shown_operation
from gateway.verify.reason import Rejection
from gateway.verify.request_beginning import beginning_of
from gateway.verify.xml_names import SECURITY, SIGNATURE, SIGNATURE_VALUE


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the request said that its response must repeat (WS-Addressing 3.4, WSS 1.1 SignatureConfirmation, 8.5)."""

    message_id: str | None = None
    """wsa:MessageID of the request."""
    signature_values: tuple[bytes, ...] = ()
    """Decoded SignatureValues of the request's Security headers."""
    soap_version: str | None = None
    """`1.1` or `1.2`: a fault is answered in the request's version."""
    operation: str | None = None
    """What is asked for: the Body's first child in Clark notation, as a verdict says it. It is what the response is
    counted under, whatever it answers with; None where the Body is empty, or the request is none that is read here."""

    @classmethod
    def at_a_glance(cls, body: bytes) -> "Expectation | None":
        """What `body` lets be expected where its octets alone show what it asks for and that nothing must be repeated.

        None where it has to be read. An element's name is written as it is (XML 2.3), in every encoding in which the
        beginning of a request can be told by its octets.
        """
        begun = beginning_of(body)
        if begun is None:
            return None
        start, end = begun.header
        if start < end and (body.find(b"MessageID", start, end) >= 0 or body.find(b"SignatureValue", start, end) >= 0):
            return None
        return _asking(begun.soap_version, begun.operation)

    @classmethod
    def of_request(cls, body: bytes, policy: Policy, content_type: str | None = None) -> "Expectation":
        """Read what `body` lets be expected of its response; from what cannot be read, nothing is expected.

        The request is the client's own business: it is forwarded whether or not it can be read here. Where it breaks
        off, or is larger than is read, its beginning still says what is asked for.
        """
        try:
            envelope = read_envelope(parse_document(body, policy, content_type))
            message_id = envelope.addressing("MessageID")
            return cls(
                message_id=None if message_id is None else sole_text(message_id),
                signature_values=tuple(
                    base64_text(value)
                    for block in envelope.blocks
                    if block.tag == SECURITY
                    for signature in block.iterchildren(SIGNATURE)
                    for value in signature.iterchildren(SIGNATURE_VALUE)
                ),
                soap_version=envelope.version,
                operation=shown_operation(envelope.operation),
            )
        except Rejection:
            begun = beginning_of(body)
            return cls(operation=None if begun is None else begun.operation)


@lru_cache(maxsize=256)
def _asking(soap_version: str, operation: str | None) -> Expectation:
    """What a request lets be expected that says no more than this: the same few, time and again."""
    return Expectation(soap_version=soap_version, operation=operation)
