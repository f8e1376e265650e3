"""What a file is that is no XML: the name of the thing, so that nobody looks for a fault in the message."""

import re
from typing import Final

from gateway.verify.reason import Reason, Rejection

_LOOKED_AT: Final = 4096
_MIME_PART: Final = re.compile(rb"--[^\r\n]{1,200}\r?\n[A-Za-z-]{1,60}:")
_MIME_FIELD: Final = re.compile(rb"(?:MIME-Version|Content-[A-Za-z-]{1,40})[ \t]*:", re.IGNORECASE)
_HTTP_RESPONSE: Final = re.compile(rb"HTTP/[0-9.]{1,3} [0-9]{3}")
_HTTP_REQUEST: Final = re.compile(rb"[A-Z]{3,7} [^ \r\n]{1,2000} HTTP/[0-9.]{1,3}\r?\n")
_CAPTURES: Final = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x0a\x0d\x0d\x0a")
_REPLAY: Final = "wssgate replay reads bare messages and complete HTTP responses"


def named(message: bytes, finding: Rejection) -> Rejection:
    """`finding`, that `message` cannot be read, with what it is instead, where that can be told."""
    what = _what_it_is(message[:_LOOKED_AT])
    if what is None or finding.reason not in {Reason.MALFORMED, Reason.ENCODING}:
        return finding
    return Rejection(Reason.MALFORMED, f"the message is {what}", _ADVICE)


_ADVICE: Final = (
    f"Hand over the SOAP message itself, the bytes of the response's body ({_REPLAY}). If this came from the receiver "
    "as it is, ask its administrator, and look at the proxies on the way."
)


def _what_it_is(octets: bytes) -> str | None:
    if octets.startswith(_CAPTURES):
        return f"a network capture, not XML: take the response out of it; {_REPLAY}"
    start = octets.lstrip(b" \t\r\n")
    if start.startswith(b"\x1f\x8b"):
        return f"gzip data, not XML: unpack it first; {_REPLAY}, whose bodies may be compressed"
    if start.startswith(b"PK\x03\x04"):
        return f"a zip archive, not XML: unpack it first; {_REPLAY}, also folders of them"
    if _HTTP_RESPONSE.match(start):
        return f"a complete HTTP response with its head, not a bare SOAP message: {_REPLAY}"
    if _HTTP_REQUEST.match(start):
        return f"an HTTP request with its head, not a bare SOAP message: take its body out; {_REPLAY}"
    if _MIME_PART.match(start) or _MIME_FIELD.match(start):
        return (
            "a MIME body (multipart) that cannot be read without its Content-Type: give that as well (--content-type), "
            f"or a file that begins with the header fields; {_REPLAY}"
        )
    if start[:1] in {b"{", b"["}:
        is_archive = (b'"log"' in start and b'"entries"' in start) or b'"creator"' in start
        kind = "an HTTP archive (HAR)" if is_archive else "JSON"
        return f"{kind}, not XML: take the body of the response out of it; {_REPLAY}"
    if start.startswith(b"-----BEGIN "):
        return f"a PEM file, not a SOAP message; {_REPLAY}"
    if start.startswith((b"PD94bWwg", b"PHNvYXA")):
        return f"base64 of XML, not XML: decode it first; {_REPLAY}"
    return None
