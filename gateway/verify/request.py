"""What a response is expected to answer."""

from dataclasses import dataclass
from typing import Final

from gateway.verify.element_content import base64_text, sole_text
from gateway.verify.envelope import read_envelope
from gateway.verify.parsing import parse_document
from gateway.verify.policy import Policy
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import SECURITY, SIGNATURE, SIGNATURE_VALUE, SOAP_NAMESPACES

_VERSIONS: Final = tuple((version, namespace.encode()) for version, namespace in SOAP_NAMESPACES.items())


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the request said that its response must repeat (WS-Addressing 3.4, WSS 1.1 SignatureConfirmation, 8.5)."""

    message_id: str | None = None
    """wsa:MessageID of the request."""
    signature_values: tuple[bytes, ...] = ()
    """Decoded SignatureValues of the request's Security headers."""
    soap_version: str | None = None
    """`1.1` or `1.2`: a fault is answered in the request's version."""

    @classmethod
    def at_a_glance(cls, body: bytes) -> "Expectation | None":
        """What `body` lets be expected where its octets alone show that there is nothing to repeat in it.

        None where it has to be read. An element's name is written as it is (XML 2.3), in every encoding that shares
        its octets with ASCII; where the namespace of SOAP is found and no NUL is, the encoding is of that kind.
        """
        if b"MessageID" in body or b"SignatureValue" in body or b"\0" in body:
            return None
        versions = [version for version, namespace in _VERSIONS if namespace in body]
        return cls(soap_version=versions[0]) if len(versions) == 1 else None

    @classmethod
    def of_request(cls, body: bytes, policy: Policy, content_type: str | None = None) -> "Expectation":
        """Read what `body` lets be expected of its response; from what cannot be read, nothing is expected.

        The request is the client's own business: it is forwarded whether or not it can be read here.
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
            )
        except Rejection:
            return cls()
