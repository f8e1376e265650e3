"""What of an attachment is signed: the octets that the two transforms of the SwA profile give (WSS-SwA 1.1.1, 5.4).

MIME lets whoever passes a message on write line ends, heads and transfer encodings otherwise. So text is digested with
CRLF at the end of each line, and XML canonicalized exclusively without comments. What that erases can be put in by
anybody: XML in which a comment or a CDATA section splits a text is refused here as it is in the message (threat rule
13).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import spend_searches
from gateway.verify.character_data import character_data
from gateway.verify.content_type import charset_values
from gateway.verify.coverage import unprotected_in
from gateway.verify.document import Document
from gateway.verify.message_parts import Attachment
from gateway.verify.parsing import read_document
from gateway.verify.policy import SUPPORTED_ENCODINGS, Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import XSI

_XML_TYPE: Final = re.compile(r"text/xml|application/xml|(?:application|image)/[^/;\s]+\+xml")
_WIDE: Final = re.compile(
    r"\s*(?:(utf[-_]?(?:16|32)(?:[-_]?[bl]e)?)\s*\Z|utf[-_]?(?:16|32)|ucs|iso[-_]?10646|unicode)", re.IGNORECASE
)
"""Charsets in which an octet of 10 or 13 need not be a line end, and those of them that are read."""
_SECTION_OCTETS: Final = 100
"""A CDATA section costs as much as so many octets of text: 1.2 µs."""
_TEXTS: Final = etree.XPath("boolean(descendant-or-self::*[comment()][text()[normalize-space()]])")


def media_type_of(content_type: str) -> str:
    """The media type in lower case, without parameters; empty where there is none."""
    return content_type.partition(";")[0].strip().lower()


class SignedContent(NamedTuple):
    """What of an attachment's content is signed."""

    octets: Iterator[bytes]
    unprotected: tuple[str, ...] = ()
    """Prefixes in xsi:type values of XML that its canonical form does not declare (threat rule 16)."""


def signed_content(attachment: Attachment, policy: Policy, budget: WorkBudget) -> SignedContent:
    """What Attachment-Content-Signature-Transform gives (5.4.2, 5.4.3).

    Raises:
        Rejection: `structure`, `malformed`, `encoding`, `dtd` or `limits`: it is XML, or text, that is not read.
    """
    media_type = media_type_of(attachment.content_type)
    if _XML_TYPE.fullmatch(media_type):
        return _canonical(attachment, policy, budget)
    if _is_text(media_type):
        _refuse_octets_of_line_ends(attachment)
        return SignedContent(_with_line_ends(attachment.octets()))
    return SignedContent(attachment.octets())


@dataclass(frozen=True, slots=True)
class _SignedText:
    """A text attachment with the line ends that are signed."""

    content_id: str
    content_type: str
    fields: tuple[tuple[str, str], ...]
    size: int
    _came: Attachment

    def octets(self) -> Iterator[bytes]:
        """Its content, decoded, with CRLF at the end of each line."""
        return _with_line_ends(self._came.octets())


def as_signed(attachment: Attachment) -> Attachment:
    """What of an attachment that is signed may leave: text with the line ends that were digested.

    The media type decides whether line ends count, and nobody signs it with the content alone: whoever calls a binary
    file text could write each CRLF in it otherwise, and the digest would agree.
    """
    # Wide characters were found to be what they seem; their line ends have two octets, of which one is digested twice.
    is_wide = any(map(_WIDE.match, charset_values(attachment.content_type)))
    if is_wide or not _is_text(media_type_of(attachment.content_type)):
        return attachment
    size = sum(map(len, _with_line_ends(attachment.octets())))
    return _SignedText(attachment.content_id, attachment.content_type, attachment.fields, size, attachment)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") and not _XML_TYPE.fullmatch(media_type)


def _refuse_octets_of_line_ends(attachment: Attachment) -> None:
    """Refuse a text in UTF-16 or UTF-32 in which the octets of line ends are part of other characters.

    What is signed is the same with such an octet more or less, and each character behind it would be another.
    """
    for found in filter(None, map(_WIDE.match, charset_values(attachment.content_type))):
        try:
            characters = set(b"".join(attachment.octets()).decode(found[1] or "ascii")) - {"\r", "\n"}
        except UnicodeDecodeError:
            characters = {"\u0a0d"}
        text = "".join(characters)
        if {10, 13} & set(text.encode("utf-16-be") + text.encode("utf-32-be")):
            raise Rejection(
                Reason.STRUCTURE,
                f"the attachment {printable(attachment.content_id, 120)} is a signed text whose charset does not tell "
                "line ends from other characters: it must be sent in UTF-8",
            )


def _canonical(attachment: Attachment, policy: Policy, budget: WorkBudget) -> SignedContent:
    document = _read(attachment, policy)
    budget.spend_octets(_SECTION_OCTETS * document.text.count(b"<![CDATA["))
    _refuse_split_text(document, _named(attachment))
    budget.foresee_form(document.count_elements)
    spend_searches(document.root, budget)
    form = _form(document, attachment)
    budget.spend_form(form)
    has_types = document.may_declare(XSI.encode())
    unprotected = unprotected_in(document.root, form, Canonicalization.EXCLUSIVE) if has_types else ()
    return SignedContent(iter([form]), unprotected)


def _named(attachment: Attachment) -> str:
    return f"the attachment {printable(attachment.content_id, 120)}"


def _read(attachment: Attachment, policy: Policy) -> Document:
    try:
        return read_document(
            b"".join(attachment.octets()), _in_any_encoding(policy), _type_of_xml(attachment.content_type)
        )
    except Rejection as rejection:
        raise Rejection(rejection.reason, f"{_named(attachment)}, which is XML: {rejection.detail}") from rejection


def _form(document: Document, attachment: Attachment) -> bytes:
    try:
        return etree.tostring(document.root.getroottree(), method="c14n", exclusive=True, with_comments=False)
    except (etree.C14NError, ValueError) as error:
        raise Rejection(
            Reason.STRUCTURE, f"{_named(attachment)} has no canonical form (a relative namespace URI?)"
        ) from error


@lru_cache(maxsize=64)
def _in_any_encoding(policy: Policy) -> Policy:
    """`policy` for a document that its reader decodes as its own declaration says: it does not leave in the message."""
    return policy.model_copy(update={"encodings": SUPPORTED_ENCODINGS})


def _type_of_xml(content_type: str) -> str:
    """As much of `content_type` as the reader of documents needs: it tells the encoding."""
    return "text/xml" + content_type[len(content_type.partition(";")[0]) :]


def _refuse_split_text(document: Document, name: str) -> None:
    if (document.may_hold_comments and _TEXTS(document.root)) or character_data(document.text).split:
        raise Rejection(
            Reason.STRUCTURE,
            f"a comment or a CDATA section splits a text in {name}: what a consumer reads is not certain",
        )


def _with_line_ends(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The octets with CRLF at the end of each line, whether it ended with CRLF, CR or LF (RFC 2045, 6.8)."""
    after_cr = False
    for piece in pieces:
        text = piece[1:] if after_cr and piece.startswith(b"\n") else piece
        after_cr = piece.endswith(b"\r") if piece else after_cr
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
