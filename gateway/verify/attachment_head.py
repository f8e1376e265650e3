"""What of the head of an attachment is signed: its canonical form by the SwA profile (WSS-SwA 1.1.1, 5.4.1).

The form joins what says the same in MIME: folded lines, the order and quotes of parameters, encoded words, characters
written in another charset (RFC 2047, RFC 2231). What readers understand in several ways has none here: comments but for
those of a description, and parameters in pieces or twice.
"""

import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.verify.message_parts import Attachment
from gateway.verify.reason import Reason, Rejection

_SIGNED_FIELDS: Final = {
    name.lower(): name
    for name in ("Content-Description", "Content-Disposition", "Content-ID", "Content-Location", "Content-Type")
}
"""The fields that are signed (5.4.1, 2), by their names in lower case."""
_LOWERED: Final = frozenset(
    {"charset", "creation-date", "filename", "modification-date", "padding", "read-date", "size", "type"}
)
"""Parameters whose values are written in lower case (5.4.1, 11)."""
_TOKEN: Final = r"[!#$%&'+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - of a grammar
_PARAMETER: Final = re.compile(rf";[ \t]*({_TOKEN})(\*?)[ \t]*=[ \t]*(\"[^\"\\]*\"|[^\s\"();\\]+)[ \t]*")
_VALUE: Final = re.compile(r"[^;\"()\\]*")
_EXTENDED: Final = re.compile(
    r"(UTF-8|US-ASCII|ISO-8859-1)'[A-Za-z0-9\-]*'((?:[A-Za-z0-9!#$&+\-.^_`|~]|%[0-9A-Fa-f]{2})*)", re.IGNORECASE
)
"""A value in another charset (RFC 2231, 4)."""
_ENCODED_WORD: Final = re.compile(r"=\?(UTF-8|US-ASCII|ISO-8859-1)\?([BQ])\?([!->@-~]*)\?=", re.IGNORECASE)
_BETWEEN_WORDS: Final = re.compile(r"(?<=\?=)[ \t]+(?==\?)")
_DEFAULT_TYPE: Final = 'text/plain;charset="us-ascii"'


def signed_head(attachment: Attachment) -> bytes:
    """The octets that Attachment-Complete-Signature-Transform puts before the content.

    Raises:
        Rejection: `transform-not-allowed`: a field can be read in several ways.
    """
    found: dict[str, str] = {"Content-Type": _DEFAULT_TYPE}
    for name, value in attachment.fields:
        listed = _SIGNED_FIELDS.get(name.lower())
        if listed in {"Content-Type", "Content-Disposition"}:
            found[listed] = _with_parameters(listed, value)
        elif listed == "Content-Description":
            found[listed] = _decoded_words(listed, value).lstrip(" \t")
        elif listed is not None:
            if "=?" in value or "(" in value:
                raise _ambiguous(listed)
            found[listed] = value.lstrip(" \t")
    return "".join(f"{name}:{value}\r\n" for name, value in sorted(found.items())).encode()


def _with_parameters(name: str, value: str) -> str:
    """A value with its parameters in the order of their names, each in quotes (5.4.1, 7, 10 and 11)."""
    start = _VALUE.match(value)
    assert start is not None  # noqa: S101 - for the type checker: it matches anything, be it empty
    position, parameters = start.end(), dict[str, str]()
    while position < len(value):
        found = _PARAMETER.match(value, position)
        if found is None or found[1].lower() in parameters:
            raise _ambiguous(name)
        key, text = found[1].lower(), found[3].strip('"')
        if found[2]:
            text = _extended(name, text)
        parameters[key] = text.lower() if key in _LOWERED else text
        position = found.end()
    first = start[0].strip(" \t")
    if not parameters:
        return start[0].lstrip(" \t")
    return first.lower() + "".join(f';{key}="{text}"' for key, text in sorted(parameters.items()))


def _extended(name: str, text: str) -> str:
    found = _EXTENDED.fullmatch(text)
    return _text(name, unquote_to_bytes(found[2]), found[1]) if found is not None else _refuse(name)


def _decoded_words(name: str, value: str) -> str:
    """`value` with its encoded words decoded, and white space between two of them left out (RFC 2047, 6.2)."""
    decoded = _ENCODED_WORD.sub(lambda word: _decoded_word(name, word), _BETWEEN_WORDS.sub("", value))
    return _refuse(name) if "=?" in decoded else _without_comments(decoded)


def _without_comments(text: str) -> str:
    """`text` without what stands in parentheses outside of quotes (5.4.1, 9)."""
    kept, depth, quoted = [], 0, False
    for character in text:
        if not depth and character == '"':
            quoted = not quoted
        if not quoted and character == "(":
            depth += 1
        if not depth:
            kept.append(character)
        if depth and character == ")":
            depth -= 1
    return "".join(kept)


def _decoded_word(name: str, word: re.Match[str]) -> str:
    text = word[3].replace("_", " ").encode("ascii") if word[2] in "Qq" else word[3].encode("ascii")
    try:
        octets = binascii.a2b_qp(text) if word[2] in "Qq" else binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return _refuse(name)
    return _text(name, octets, word[1])


def _text(name: str, octets: bytes, charset: str) -> str:
    try:
        text = octets.decode(charset)
    except UnicodeDecodeError:
        return _refuse(name)
    # What would end a line or a value of the canonical form could make two heads one.
    return text if text.isprintable() and not set(text) & set('"\\()') else _refuse(name)


def _refuse(name: str) -> str:
    raise _ambiguous(name)


def _ambiguous(name: str) -> Rejection:
    return Rejection(
        Reason.TRANSFORM_NOT_ALLOWED,
        f"the {name} of a signed attachment has a comment, or a word or parameter that readers understand in several "
        "ways: such a head is not canonicalized here",
    )
