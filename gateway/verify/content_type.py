"""What the Content-Type of a message may decide: which reader reads it (RFC 9110 8.3, RFC 2045 5.1).

It is one more thing that nobody signed, and readers disagree about it: some search for "multipart/related" anywhere in
the value, some for "charset=". Nothing of it is passed on, so that here it is only asked whether any reader could take
the message for something else than one XML document.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection

_XML_TYPES: Final = frozenset({"text/xml", "application/soap+xml"})
"""The media types of SOAP 1.1 (6) and SOAP 1.2 part 2 (appendix A)."""
_SPACE_OR_QUOTE: Final = re.compile(r"[\s\"'\\]")
# An action such as "http://acme.example/message/Send" is an honest parameter: behind a path it is no media type.
_MESSAGE: Final = re.compile(r"(?<![\w.~:/%+\-])message/")
_LONGEST_KNOWN: Final = 512
_PARAMETER: Final = re.compile(r";\s*([^\s=;\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)(?:\"|\Z)|([^;\"]*))", re.DOTALL)
_NEXT: Final = re.compile(r"[^;\"]*(?:\"(?:[^\"\\]|\\.)*(?:\"|\Z)[^;\"]*)*", re.DOTALL)
"""Up to the next semicolon that does not stand in quotes."""


def unusual_type(content_type: str | None) -> str | None:
    """A warning where `content_type` is not one that SOAP has; None where it is, or where it is not known.

    Args:
        content_type: as it came; empty where the message came without one, None where nobody knows.

    Raises:
        Rejection: `structure`, where a reader could take the message for multipart or for a message in a message.
    """
    if content_type is None:
        return None
    # Stacks send the same few again and again; what is long is somebody's attempt to fill the memory.
    return _known_type(content_type) if len(content_type) <= _LONGEST_KNOWN else _type(content_type)


def _type(content_type: str) -> str | None:
    if may_be_multipart(content_type):
        raise Rejection(Reason.STRUCTURE, "the message is multipart, or a reader could take it for that")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _XML_TYPES:
        return None
    shown = f"the Content-Type is {printable(media_type, 60)}" if media_type else "there is no Content-Type"
    return f"content-type: {shown}; read as XML all the same"


_known_type: Final = lru_cache(maxsize=256)(_type)


def may_be_multipart(content_type: str) -> bool:
    """Whether any reader could take what has this Content-Type for multipart, or for a message in a message."""
    return _known_multipart(content_type) if len(content_type) <= _LONGEST_KNOWN else _may_be_multipart(content_type)


def _may_be_multipart(content_type: str) -> bool:
    value = content_type.lower()
    return any(
        "multipart/" in text or text.startswith("multipart") or _MESSAGE.search(text) is not None
        for text in (value.strip(), _without_disguise(value))
    )


_known_multipart: Final = lru_cache(maxsize=256)(_may_be_multipart)


def _without_disguise(value: str) -> str:
    """`value` without what some reader leaves out or decodes: escapes, comments, quotes and white space."""
    value = unquote(unquote(value))
    if "(" in value:
        depth, kept = 0, []
        for character in value:
            depth += character == "("
            if not depth:
                kept.append(character)
            depth -= character == ")" and depth > 0
        value = "".join(kept)
    return _SPACE_OR_QUOTE.sub("", value)


def charset_values(content_type: str) -> tuple[str, ...]:
    """The values of the parameters that are called charset, without quotes (RFC 9110, 8.3.1).

    Not what looks like one inside of another parameter's quotes, and no `x-charset`. Single quotes are no quotes in
    HTTP; some stacks write them around a charset all the same.
    """
    values = []
    position = _NEXT.match(content_type, 0).end()  # type: ignore[union-attr]  # it matches anything, be it empty
    while position < len(content_type):
        found = _PARAMETER.match(content_type, position)
        if found is not None and found[1].lower() == "charset":
            value = (found[3] or "").strip() if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
            is_quoted = len(value) > 1 and value[0] == value[-1] == "'"
            values.append(value[1:-1] if is_quoted else value)
        start = position + 1 if found is None else found.end()
        position = _NEXT.match(content_type, start).end()  # type: ignore[union-attr]  # as above
    return tuple(values)
