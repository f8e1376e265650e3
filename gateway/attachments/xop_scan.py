"""Where the root of a message in XOP names the parts that belong in it (XOP 1.0 2.1, 3.2).

expat is the one parser at hand that says at which octet an element begins, so that the octets around an Include stay
as they came.
"""

import re
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from gateway.attachments.content_ids import named_by
from gateway.attachments.delimiters import MAX_PARTS
from gateway.verify import Reason, Rejection, actor_attribute, canonical_actor, longest_namespace_name, printable

_NAMESPACE: Final = "http://www.w3.org/2004/08/xop/include "
_INCLUDE: Final = _NAMESPACE + "Include"
_SECURITY: Final = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Security"  # as expat writes it
)
_HEADER_BLOCK: Final = 3
"""The depth of a header block: Envelope, Header, block."""
_ENCODINGS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "us-ascii",
    "ascii": "us-ascii",
    "iso-8859-1": "iso-8859-1",
    "iso8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "utf-16": "utf-16",
    "utf-16le": "utf-16",
    "utf-16be": "utf-16",
    "iso-8859-15": "iso-8859-15",
    "iso8859-15": "iso-8859-15",
    "latin9": "iso-8859-15",
    "latin-9": "iso-8859-15",
    "windows-1250": "windows-1250",
    "cp1250": "windows-1250",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
}
"""Those that a policy may admit."""
_INCLUDES_READ: Final = frozenset({"utf-8", "us-ascii", "iso-8859-1"})
"""Those that expat knows by itself, so that its positions are those of the octets."""
_TAG: Final = re.compile(rb"<(?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+>")
"""A start tag, in a document that a parser has found well-formed up to there."""
_MOST_IN_ALL: Final = 500_000
_MOST_ELEMENTS: Final = 50_000
_OCTETS_OF_AN_ELEMENT: Final = 8
"""Elements that are looked at, and one more for so many octets: each costs as much as two hundred octets of text."""
_MOST_ATTRIBUTES: Final = 10_000
"""Of one element, as many as a policy may admit: half a million took two seconds."""
_DECLARATION: Final = 3
"""Elements that a namespace declaration costs as much as."""
_MOST_OF_NAMES: Final = 4 * 1024 * 1024
_NAMES_PER_OCTET: Final = 20
"""What names may come to with their namespaces: half a megabyte of namespace, and a hundred thousand elements in it,
took a minute and a half."""
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_END_TAG: Final = re.compile(rb"</[^>]*+>")
_DECLARED: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?<\?xml[ \t\r\n][^?<>]{0,200}?encoding[ \t\r\n]*=[ \t\r\n]*[\"']([^\"']*)"
)


@dataclass(frozen=True, slots=True)
class FoundInclude:
    """An Include element in the octets of the root."""

    begin: int
    end: int
    content_id: str
    """Of the part that it names, decoded."""
    in_security: bool
    """It stands within our Security header: a value or a token of a signature."""


def find_includes(
    root: bytes, charset: str | None, max_elements: int = _MOST_IN_ALL, actor: str | None = None
) -> tuple[FoundInclude, ...]:
    """Every Include of `root`, in document order.

    Args:
        root: a document in XML.
        charset: that of its Content-Type.
        max_elements: elements that it may have.
        actor: that of the Security header that is ours.

    Raises:
        Rejection: `structure`, where something of the namespace is written in another way than XOP has it, or in an
            encoding in which it is not looked for; `malformed`, `dtd`, `encoding`; `limits`.
    """
    if not _may_have_some(root):
        return ()
    encoding = _encoding(root, charset)
    if encoding in _INCLUDES_READ:
        return _Scan(root, encoding, actor).includes(max_elements)
    try:
        text = root.decode(encoding)
    except ValueError as error:
        raise Rejection(Reason.ENCODING, f"the root part is not valid {encoding}") from error
    if _Scan(text.encode(), "utf-8", actor).includes(max_elements):
        raise Rejection(
            Reason.STRUCTURE, f"the root part holds an xop:Include and is in {encoding}: it must be sent in UTF-8"
        )
    return ()


def _may_have_some(root: bytes) -> bool:
    """Whether the namespace is named anywhere, be it with character references, or in UTF-16."""
    text = root.replace(b"\0", b"") if b"\0" in root else root
    return b"xop/include" in text or b"&#" in text


def _encoding(root: bytes, charset: str | None) -> str:
    if root.startswith(_UTF16_MARKS):
        return "utf-16"
    declared = _DECLARED.match(root)
    named = [] if charset is None else [charset]
    if declared is not None:
        named.append(declared[1].decode("latin-1"))
    encodings = {_ENCODINGS.get(name.lower().replace("_", "-"), "") for name in named} or {"utf-8"}
    # Where two differ, parsers follow the one or the other; to octets that are ASCII in both it makes no difference.
    if "" in encodings or (len(encodings) > 1 and ("utf-16" in encodings or not root.isascii())):
        raise Rejection(
            Reason.ENCODING,
            "the Content-Type and the XML declaration of the root part name an encoding that is not read here, or two "
            f"that differ: {printable(', '.join(named))}; it must be sent in UTF-8",
        )
    return min(sorted(encodings), key=lambda encoding: encoding not in _INCLUDES_READ)


class _Scan:
    """One pass over a root."""

    def __init__(self, root: bytes, encoding: str, actor: str | None) -> None:
        self._root = root
        self._actor = actor
        self._encoding = encoding
        self._found: list[FoundInclude] = []

    def includes(self, max_elements: int) -> tuple[FoundInclude, ...]:
        """What is found.

        Raises:
            Rejection: see `find_includes`.
        """
        _refuse_costly(self._root, max_elements)
        parser = expat.ParserCreate(self._encoding, " ")
        depth, is_header, security = 0, False, 0
        envelope = ""
        """The namespace of the root element."""
        previous: int | None = None
        """Where the start tag before the present one is."""

        # These two are called for every element: whatever they do, a root made of nothing but elements costs.
        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, is_header, security, envelope, previous
            begin = parser.CurrentByteIndex
            depth += 1
            if depth <= _HEADER_BLOCK:
                if depth == 1:
                    envelope = name.rpartition(" ")[0]
                elif depth == _HEADER_BLOCK - 1:
                    is_header = name == f"{envelope} Header"
                # Elsewhere an element of that name is payload, and so is what another actor is meant to read.
                elif is_header and name == _SECURITY:
                    meant_for = attributes.get(f"{envelope} {actor_attribute(envelope)}")
                    security = depth if canonical_actor(meant_for) == self._actor else 0
            if attributes:
                for attribute in attributes:
                    if attribute.startswith(_NAMESPACE):
                        raise _unlike_xop("an attribute of the namespace of xop:Include stands in the root part")
            if name.startswith(_NAMESPACE):
                self._add(name, attributes, begin, previous, in_security=security > 0)
            previous = begin

        def end(_name: str) -> None:
            nonlocal depth, security
            if depth == security:
                security = 0
            depth -= 1

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.StartDoctypeDeclHandler = _refuse_doctype
        try:
            parser.Parse(self._root, True)
        except expat.ExpatError as error:
            raise Rejection(
                Reason.MALFORMED, f"the root part is not well-formed: {printable(expat.ErrorString(error.code), 60)}"
            ) from error
        finally:
            # Or the root would be kept alive until the next collection.
            parser.StartElementHandler = parser.EndElementHandler = None
        return tuple(self._found)

    def _add(
        self, name: str, attributes: dict[str, str], begin: int, previous: int | None, *, in_security: bool
    ) -> None:
        if len(self._found) == MAX_PARTS:
            raise Rejection(Reason.LIMITS, f"the root part holds more than {MAX_PARTS} xop:Include")
        self._found.append(self._include(name, attributes, begin, previous, in_security=in_security))

    def _include(
        self, name: str, attributes: dict[str, str], begin: int, previous: int | None, *, in_security: bool
    ) -> FoundInclude:
        if name != _INCLUDE or attributes.keys() != {"href"}:
            raise _unlike_xop("an element of the namespace of xop:Include has another name or other attributes")
        around = None if previous is None else _TAG.match(self._root, previous, begin)
        tag = _TAG.match(self._root, begin)
        if around is None or tag is None or around.end() != begin or around[0].endswith(b"/>"):
            raise _unlike_xop("an xop:Include has something before it in its element")
        end = tag.end()
        if not tag[0].endswith(b"/>"):
            closing = _END_TAG.match(self._root, end)
            if closing is None:
                raise _unlike_xop("an xop:Include has content")
            end = closing.end()
        if not self._root.startswith(b"</", end):
            raise _unlike_xop("an xop:Include has something behind it in its element")
        return FoundInclude(begin, end, named_by(attributes["href"], "an xop:Include"), in_security=in_security)


def _refuse_costly(root: bytes, max_elements: int) -> None:
    """Refuse what nobody writes and expat takes long for, before it begins: one element may have all the attributes."""
    elements = root.count(b"<") - root.count(b"</")
    dense = elements + _DECLARATION * root.count(b"xmlns") > _MOST_ELEMENTS + len(root) // _OCTETS_OF_AN_ELEMENT
    if dense or elements > max_elements:
        raise Rejection(Reason.LIMITS, "the root part has too many elements or declarations for its size")
    equal_signs = root.count(b"=")
    if equal_signs > _MOST_ATTRIBUTES and any(
        (tag := _TAG.match(b"<" + piece)) and tag[0].count(b"=") > _MOST_ATTRIBUTES
        for piece in root.split(b"<")
        if len(piece) > _MOST_ATTRIBUTES
    ):
        raise Rejection(Reason.LIMITS, "an element of the root part has too many attributes")
    names = elements + equal_signs
    if names * longest_namespace_name(root) > _MOST_OF_NAMES + _NAMES_PER_OCTET * len(root):
        raise Rejection(Reason.LIMITS, "the namespace names of the root part are too long for so many elements")


def _refuse_doctype(*_declaration: object) -> None:
    raise Rejection(Reason.DTD, "the root part has a document type declaration")


def _unlike_xop(what: str) -> Rejection:
    return Rejection(
        Reason.STRUCTURE,
        f'{what}: the only thing of that namespace that is read is <xop:Include href="cid:..."/>, alone in its '
        "element, without white space",
    )
