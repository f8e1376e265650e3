"""Content that the gateway cannot read, and so cannot vouch for: encrypted, or in an attachment (threat rules 7, 15).

Looked for before digests are compared and before anybody says that there is no signature: the usual order of stacks is
to sign first and to encrypt then, so that the digest of what was encrypted cannot agree, and the Signature itself may
be inside.
"""

from typing import Final

from lxml import etree

from gateway.verify.document import Document
from gateway.verify.envelope import Envelope
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import ENCRYPTED_DATA, XENC, XOP, XOP_INCLUDE

_XENC: Final = XENC.encode()
_XOP: Final = XOP.encode()
UNREADABLE: Final = frozenset({_XENC, _XOP})
"""The namespaces of such content: where none of them is declared, there is none."""
ENCRYPTED_ADVICE: Final = (
    "Ask the receiver administrator to sign these responses without encrypting them, and let TLS protect them on the "
    "way, or put what decrypts them between the receiver and this gateway. It is no sign of a forgery."
)
ATTACHMENT_ADVICE: Final = (
    "Give the whole multipart response with its Content-Type, not its SOAP part alone. Where the receiver sends it "
    "alone, ask its administrator to send what is in attachments inside of the message (MTOM off). It is no sign of a "
    "forgery."
)


def unreadable_content(envelope: Envelope, document: Document, *, by_name: bool = False) -> Rejection | None:
    """The finding where the Body or a header block is encrypted, or the Body refers to an attachment; None else.

    With `by_name` the policy is content with what names an attachment.
    """
    if envelope.is_encrypted or (document.may_declare(_XENC) and _holds(envelope.body, ENCRYPTED_DATA)):
        where = "Body" if _holds(envelope.body, ENCRYPTED_DATA) else "Header"
        return encrypted(f"the {where} holds encrypted content that the gateway cannot read")
    if not by_name and document.may_declare(_XOP) and _holds(envelope.body, XOP_INCLUDE):
        return Rejection(
            Reason.STRUCTURE,
            "the Body refers to an attachment (xop:Include), which is not part of what is verified here",
            ATTACHMENT_ADVICE,
        )
    return None


def holds_encrypted(element: etree._Element, document: Document) -> bool:
    """Whether something in `element` is encrypted."""
    return document.may_declare(_XENC) and _holds(element, ENCRYPTED_DATA)


def encrypted(detail: str) -> Rejection:
    """The finding that something is encrypted, as `detail` says."""
    return Rejection(Reason.STRUCTURE, detail, ENCRYPTED_ADVICE)


def _holds(element: etree._Element, tag: str) -> bool:
    return next(element.iter(tag), None) is not None
