"""Text content of elements, read strictly: what every parser would read, or nothing (threat rules 13, 14)."""

import binascii
from typing import cast

from lxml import etree

from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import XOP_INCLUDE, local_name

XML_SPACE = " \t\r\n"
"""White space of XML 1.0, 2.3; what else Unicode takes for space is text."""
_WITHOUT_SPACE = {ord(c): None for c in XML_SPACE}


def sole_text(element: etree._Element) -> str:
    """The text of an element that must hold nothing else, without white space around it.

    Raises:
        Rejection: `structure`, where comments, elements or processing instructions split or replace the text.
    """
    if len(element):
        inside = ", and refers to an attachment (xop:Include)" if element[0].tag == XOP_INCLUDE else ""
        raise Rejection(Reason.STRUCTURE, f"{local_name(str(element.tag))} must hold text alone{inside}")
    return without_space(element.text or "")


def without_space(text: str) -> str:
    """`text` without white space around it."""
    return text.strip(XML_SPACE)


def base64_text(element: etree._Element) -> bytes:
    """The octets of an element that holds base64 and nothing else.

    Raises:
        Rejection: `structure`.
    """
    return decode_base64(sole_text(element), local_name(str(element.tag)))


def decode_base64(text: str, name: str) -> bytes:
    """The octets of `text` (XSD base64Binary: white space is allowed, nothing else is); `name` is for the sentence.

    Raises:
        Rejection: `structure`, where it is not base64 in its canonical form.
    """
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        text = text.translate(_WITHOUT_SPACE)
        try:
            octets = binascii.a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise Rejection(Reason.STRUCTURE, f"{name} is not base64") from error
    # The decoder forgives bits that no encoder sets; two spellings of one value are one too many.
    if binascii.b2a_base64(octets, newline=False).decode() != text:
        raise Rejection(Reason.STRUCTURE, f"{name} is not canonical base64")
    return octets


def is_base64_of(text: bytes, octets: bytes) -> bool:
    """Whether `text`, in plain ASCII, is what `decode_base64` reads as `octets`, with white space around it at most."""
    return text.strip() == binascii.b2a_base64(octets, newline=False)


def child_elements(element: etree._Element) -> list[etree._Element]:
    """The element children; comments are passed over.

    Raises:
        Rejection: `structure`, where a processing instruction or an entity reference stands among them.
    """
    children = element[:]
    for child in children:
        if not isinstance(child.tag, str):
            return _without_comments(children, element)
    return children


def _without_comments(nodes: list[etree._Element], element: etree._Element) -> list[etree._Element]:
    children = []
    for node in nodes:
        if isinstance(node.tag, str):
            children.append(node)
        elif cast(object, node.tag) is not etree.Comment:
            raise Rejection(Reason.STRUCTURE, f"a processing instruction stands inside {local_name(str(element.tag))}")
    return children
