"""Step 7 for attachments: what a Reference with a `cid:` address names (WSS-SwA 1.1.1, 5.2, RFC 2392)."""

from collections.abc import Collection
from typing import NamedTuple

from lxml import etree

from gateway.verify.message_parts import content_id_of
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import TRANSFORM


class SignedAttachment(NamedTuple):
    """Which attachment is signed, and what of it."""

    content_id: str
    transforms: tuple[str, ...]
    """URIs, in order."""


def read_attachment(address: str, steps: Collection[etree._Element]) -> SignedAttachment:
    """What the Reference to `address` with the transforms `steps` names.

    Which transforms are admitted is asked where the attachment is at hand.

    Raises:
        Rejection: `reference-uri`, `structure`.
    """
    content_id = content_id_of(address)
    if content_id is None:
        raise Rejection(
            Reason.REFERENCE_URI,
            f"the Reference URI is no address of a part (RFC 2392): {printable(address)}",
        )
    if any(step.tag != TRANSFORM or len(step) for step in steps):
        raise Rejection(Reason.STRUCTURE, "Transforms must hold Transform elements, without foreign content")
    return SignedAttachment(content_id, tuple([str(step.get("Algorithm") or "") for step in steps]))
