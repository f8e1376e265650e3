"""Step 1: size, encoding and prolog, before any parser sees the bytes (RFC 7303, XML 1.0 4.3.3 and appendix F)."""

import codecs
import re
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.verify.content_type import charset_values
from gateway.verify.policy import SUPPORTED_ENCODINGS, Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection

_DECLARATION: Final = re.compile(rb"<\?xml([ \t\r\n][^?<>]{0,200})\?>")
_PSEUDO_ATTRIBUTE: Final = re.compile(
    rb"[ \t\r\n]+(version|encoding|standalone)[ \t\r\n]*=[ \t\r\n]*(?:\"([^\"]*)\"|'([^']*)')"
)
_NAMES: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    # With a mark of its own byte order; another mark is a conflict (RFC 2781, 3.3, forbids any, and stacks write one).
    "utf-16le": "utf-16le",
    "utf-16be": "utf-16be",
    "us-ascii": "us-ascii",
    "ascii": "us-ascii",
    "iso-8859-1": "iso-8859-1",
    "iso8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "iso8859-15": "iso-8859-15",
    "latin9": "iso-8859-15",
    "latin-9": "iso-8859-15",
    "windows-1250": "windows-1250",
    "cp1250": "windows-1250",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
}
"""The names in use for the encodings that a policy may admit; every other name stands for itself and is refused."""
_BYTE_ORDER_MARKS: Final = (
    # The longer ones first: the mark of UTF-32 begins like that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_AS_IT_IS: Final = frozenset({None, "utf-8"})
"""What Content-Type and declaration may name where nothing is decided by looking at the octets."""
_UTF16: Final = frozenset({"utf-16le", "utf-16be"})
_ASCII_COMPATIBLE: Final = frozenset(_NAMES.values()) - _UTF16 - {"utf-16"}
"""Encodings in which octets below 128 are ASCII: of those that a policy may admit, all but UTF-16."""


class Decoded(NamedTuple):
    """A document, decoded."""

    text: bytes
    """In UTF-8, without byte order mark, known to hold no DOCTYPE."""
    encoding: str
    """That of the message as it came, as a charset parameter names it."""
    as_it_came: bool
    """The octets are those that came, and would be UTF-8 whatever they held: nothing was decided by looking at them."""


def as_utf8(message: bytes, policy: Policy, content_type: str | None) -> Decoded:
    """The document in UTF-8, and the encoding that it came in. UTF-8 input is passed on as it is.

    Raises:
        Rejection: `limits`, `malformed` (nothing there), `encoding`, `dtd`.
    """
    refuse_oversized(message, policy)
    if not message or message.isspace():
        raise Rejection(Reason.MALFORMED, "the message is empty")
    marked, text = _byte_order_mark(message)
    if marked in _UTF16:
        _admit(marked, policy)
        text = _transcoded(message, "utf-16")
    named = _charset(content_type), _declared_encoding(text)
    encoding = _agreed(marked, *named, text, policy)
    if encoding not in {"utf-8", marked}:
        _admit(encoding, policy)
        text = _transcoded(text, encoding)
    if text.startswith(codecs.BOM_UTF8):
        # A parser skips a second mark silently, and with it this module's view of the prolog.
        raise Rejection(Reason.ENCODING, "the message begins with two byte order marks")
    _refuse_doctype(text)
    as_it_came = text is message and set(named) <= _AS_IT_IS
    return Decoded(text, "utf-16" if encoding in _UTF16 else encoding, as_it_came)


def refuse_oversized(message: bytes, policy: Policy) -> None:
    """Refuse a message that is larger than the policy admits.

    Raises:
        Rejection: `limits`.
    """
    if len(message) > policy.max_message_bytes:
        raise Rejection(
            Reason.LIMITS,
            f"the message has {len(message)} bytes, more than the {policy.max_message_bytes} admitted "
            "(max_message_bytes)",
        )


def leaves_utf8_as_it_is(content_type: str | None) -> bool:
    """Whether the Content-Type names UTF-8 or no charset, so that it has no say in how the octets are read.

    Raises:
        Rejection: `encoding`, where it names several.
    """
    return _charset(content_type) in _AS_IT_IS


def _agreed(marked: str | None, charset: str | None, declared: str | None, text: bytes, policy: Policy) -> str:
    """The one encoding that mark, Content-Type and declaration name between them.

    Raises:
        Rejection: `encoding`, where they contradict each other and it makes a difference.
    """
    named = {name for name in (charset, declared) if name is not None}
    if marked in _UTF16:
        named.discard("utf-16")  # which of the two it is, the mark says
    if marked is not None:
        named.add(marked)
    if len(named) < 2:
        return named.pop() if named else "utf-8"
    # Octets that mean the same in either encoding leave nothing to disagree about.
    if marked is None and declared is not None and text.isascii() and named <= _ASCII_COMPATIBLE:
        for name in named - {"utf-8"}:
            _admit(name, policy)
        return declared
    raise Rejection(
        Reason.ENCODING,
        "byte order mark, XML declaration and Content-Type name different encodings: " + ", ".join(sorted(named)),
    )


def _byte_order_mark(message: bytes) -> tuple[str | None, bytes]:
    for mark, name in _BYTE_ORDER_MARKS:
        if message.startswith(mark):
            if name == "utf-32":
                raise Rejection(Reason.ENCODING, "the message is in UTF-32, which parsers read differently")
            return name, message[len(mark) :]
    if b"\0" in message[:4]:
        raise Rejection(Reason.ENCODING, "the message is in UTF-16 or UTF-32 without a byte order mark")
    return None, message


def _declared_encoding(text: bytes) -> str | None:
    """The encoding that the XML declaration names.

    A declaration that this scan cannot read is refused: a parser might read another encoding in it.
    """
    if not text.startswith(b"<?xml") or text[5:6] not in {b" ", b"\t", b"\r", b"\n"}:
        return None
    declaration = _DECLARATION.match(text)
    if declaration is None:
        raise Rejection(Reason.MALFORMED, "the XML declaration cannot be read")
    attributes = {m[1]: m[2] or m[3] or b"" for m in _PSEUDO_ATTRIBUTE.finditer(declaration[1])}
    if attributes.get(b"version") != b"1.0":
        raise Rejection(Reason.ENCODING, "the XML declaration names another version than 1.0")
    encoding = attributes.get(b"encoding")
    return None if encoding is None else _canonical(encoding.decode("ascii", "replace"))


@lru_cache(maxsize=256)
def _charset(content_type: str | None) -> str | None:
    names = {_canonical(value) for value in charset_values(content_type or "")}
    if len(names) > 1:
        raise Rejection(Reason.ENCODING, "the Content-Type names several charsets")
    return names.pop() if names else None


def _canonical(name: str) -> str:
    # A closed table: codecs.lookup() imports what it is asked for, and remembers every name that it does not know.
    known = name.lower().replace("_", "-")
    return _NAMES.get(known) or printable(known, 40) or "(empty)"


def _admit(encoding: str, policy: Policy) -> None:
    if encoding not in _NAMES.values():
        known = ", ".join(SUPPORTED_ENCODINGS)
        raise Rejection(
            Reason.ENCODING,
            f"the encoding {encoding} is not read here, and no setting admits it; those that may be are {known}",
        )
    if ("utf-16" if encoding in _UTF16 else encoding) not in {_canonical(admitted) for admitted in policy.encodings}:
        raise Rejection(
            Reason.ENCODING,
            f"the encoding {encoding} is not among those that the policy admits, which it may be (encodings)",
        )


def _transcoded(text: bytes, encoding: str) -> bytes:
    """`text` in UTF-8, without its XML declaration, which would now be wrong."""
    try:
        utf8 = text.decode(encoding).encode()
    except ValueError as error:
        raise Rejection(Reason.ENCODING, f"the message is not valid {encoding}") from error
    if encoding == "utf-16":
        return utf8
    declaration = _DECLARATION.match(utf8)
    return utf8 if declaration is None else utf8[declaration.end() :]


def _refuse_doctype(text: bytes) -> None:
    """Walk over comments and processing instructions to the root; a DOCTYPE can stand nowhere else (XML 1.0, 2.8)."""
    position = 0
    while True:
        while text[position : position + 1] in {b" ", b"\t", b"\r", b"\n"}:
            position += 1
        if text.startswith(b"<!--", position):
            end = text.find(b"-->", position + 4)
        elif text.startswith(b"<?", position):
            end = text.find(b"?>", position + 2) - 1
        else:
            break
        if end < 0:
            return  # Unterminated: the parser says so.
        position = end + 3
    if text[position : position + 9].upper() == b"<!DOCTYPE":
        html = text[position + 9 : position + 40].split()[:1]
        page = " (an HTML page?)" if html and html[0][:4].lower() == b"html" else ""
        raise Rejection(Reason.DTD, f"the message has a document type declaration{page}")
