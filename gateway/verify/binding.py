"""Step 13: whether the response answers this request (WS-Addressing 1.0 Core 3.4, WSS 1.1 8.5, threat rule 25)."""

import binascii
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify.element_content import child_elements, sole_text
from gateway.verify.envelope import Envelope
from gateway.verify.reason import Reason, Rejection
from gateway.verify.request import Expectation
from gateway.verify.xml_names import ADDRESSING, SIGNATURE_CONFIRMATION

_RELATES_TO: Final = frozenset(f"{{{namespace}}}RelatesTo" for namespace in ADDRESSING)
_REPLY: Final = "http://www.w3.org/2005/08/addressing/reply"
"""The default RelationshipType (WS-Addressing 1.0 Core, 3.2)."""


class SignedBindings(NamedTuple):
    """The signed elements that may tell which request a response answers."""

    relations: tuple[etree._Element, ...]
    """wsa:RelatesTo header blocks of the relationship "reply"."""
    confirmations: tuple[etree._Element, ...]
    """wsse11:SignatureConfirmation elements of our Security header."""


def check_binding(
    expects: Expectation, envelope: Envelope, security: etree._Element, signed: Collection[etree._Element]
) -> bool:
    """Compare what is signed with what the request lets be expected; whether anything bound the two together.

    `signed` are the elements that the signature covers. Only signed values count: an unsigned wsa:RelatesTo is neither
    proof nor a reason to reject.

    Raises:
        Rejection: `uncorrelated`, where the response answers another request.
    """
    found = signed_bindings(envelope, security, signed)
    return compare_with_request(
        expects,
        (sole_text(block) for block in found.relations),
        [str(child.get("Value") or "") for child in found.confirmations],
    )


def signed_bindings(envelope: Envelope, security: etree._Element, signed: Collection[etree._Element]) -> SignedBindings:
    """Which of the `signed` elements bind a response to its request.

    Every signed wsa:RelatesTo does: an unsigned one beside it must not make it ambiguous, and so forgotten.
    """
    return SignedBindings(
        tuple(
            block
            for block in envelope.blocks
            if block.tag in _RELATES_TO
            and _is_signed(block, signed)
            and str(block.get("RelationshipType") or _REPLY).strip() == _REPLY
        ),
        tuple(
            child
            for child in child_elements(security)
            if child.tag == SIGNATURE_CONFIRMATION and _is_signed(child, signed)
        ),
    )


def compare_with_request(expects: Expectation, related: Iterable[str], confirmed: Collection[str]) -> bool:
    """Compare the texts of signed wsa:RelatesTo and the values of signed SignatureConfirmation elements.

    Returns whether anything was there to compare. What the request does not let be expected is not looked at.

    Raises:
        Rejection: `uncorrelated`, where the response answers another request.
    """
    bound = False
    if expects.message_id is not None:
        for text in related:
            if text != expects.message_id:
                raise Rejection(Reason.UNCORRELATED, "the signed wsa:RelatesTo names another request")
            bound = True
    if confirmed and expects.signature_values:
        if not set(expects.signature_values) <= {_octets(text) for text in confirmed}:
            raise Rejection(Reason.UNCORRELATED, "the signed SignatureConfirmation confirms another request")
        bound = True
    return bound


def _is_signed(element: object, signed: Collection[etree._Element]) -> bool:
    return any(other is element for other in signed)


def _octets(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.strip())
    except ValueError:
        return b""
