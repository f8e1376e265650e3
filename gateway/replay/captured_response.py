"""One captured response: a body, a multipart one with or without its head, or a complete HTTP response as a recorder or
`curl -i` wrote it."""

import http.client
import io
import re
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gateway.attachments import saved_message
from gateway.replay.errors import CaptureUnreadable

_STATUS_LINE = re.compile(rb"HTTP/(?:1\.[01]|2(?:\.0)?|3) (?=[1-5][0-9]{2}\b)")
_GZIP = b"\x1f\x8b"
_FRAMING_ROOM = 1024 * 1024
"""What a file may be larger than the message in it: headers, and the framing of chunks."""


@dataclass(frozen=True, slots=True)
class CapturedResponse:
    """A response as it reached its client: framing and content coding undone."""

    body: bytes
    content_type: str | None = None
    """The Content-Type header; None where the capture is a bare body."""
    date: datetime | None = None
    """The Date header (RFC 9110, 6.6.1), UTC."""
    status: int | None = None


def size_limit(limit: int) -> int:
    """How many bytes of a file are worth reading where a message may have `limit` bytes."""
    return limit + _FRAMING_ROOM


def read_response(data: bytes, limit: int) -> CapturedResponse:
    """Take the response out of `data`, told apart by content: what starts with a status line is HTTP, what starts with
    header fields or a delimiter of MIME is a multipart body, all else a body.

    `limit` caps the decoded body, in bytes; a longer body is cut one byte beyond it, for the verifier to reject.

    Raises:
        CaptureUnreadable: the HTTP framing is broken, the response is cut short, or its coding is not known.
    """
    status_line = _STATUS_LINE.match(data)
    if status_line is None:
        saved = saved_message(data)
        body, content_type = (data, None) if saved is None else saved
        return CapturedResponse(body[: limit + 1], content_type)
    # HTTP/2 and later have no text form; tools write one that differs from HTTP/1.1 in the version alone.
    response = _parse_head(b"HTTP/1.1 " + data[status_line.end() :])
    body = _decoded(_unframed(response, data, limit), response.headers.get("Content-Encoding", ""), limit)
    return CapturedResponse(
        body,
        content_type=response.headers.get("Content-Type"),
        date=_date(response.headers.get("Date")),
        status=response.status,
    )


class _Recorded:
    """Just enough of a socket for `http.client`, which parses the head and the chunks."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _parse_head(data: bytes) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(_Recorded(data))  # type: ignore[arg-type]  # it asks for makefile() alone
    try:
        response.begin()
    except (http.client.HTTPException, ValueError) as error:
        raise CaptureUnreadable(f"The HTTP response has no readable head ({type(error).__name__}).") from error
    return response


def _unframed(response: http.client.HTTPResponse, data: bytes, limit: int) -> bytes:
    if response.chunked and not _starts_with_a_chunk(_after_head(data)):
        # `curl -i` and others write the header of the wire beside the body without its chunks.
        return _after_head(data)[: limit + 1]
    declared = response.length
    try:
        body = response.read(limit + 1)
    except http.client.HTTPException as error:
        raise CaptureUnreadable("The HTTP response is cut short, or its chunks are broken.") from error
    if declared is not None and len(body) < min(declared, limit + 1):
        raise CaptureUnreadable(f"The HTTP response is cut short: {len(body)} of {declared} bytes are there.")
    return body


def _after_head(data: bytes) -> bytes:
    head_end = re.search(rb"\r?\n\r?\n", data)
    return data[head_end.end() :] if head_end else b""


def _starts_with_a_chunk(body: bytes) -> bool:
    return re.match(rb"[0-9A-Fa-f]{1,16}[ \t]*(?:;[^\r\n]*)?\r?\n", body) is not None


def _decoded(body: bytes, coding: str, limit: int) -> bytes:
    match coding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            # Without gzip's magic number the recorder has undone the coding already and kept the header.
            return _inflated(body, zlib.MAX_WBITS | 16, limit) if body.startswith(_GZIP) else body
        case "deflate":
            if body[:1] == b"<":
                return body
            # RFC 9110, 8.4.1.2 means zlib's format; some servers send it bare.
            is_zlib = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
            return _inflated(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, limit)
        case _ if body.lstrip()[:1] == b"<":
            return body
        case other:
            raise CaptureUnreadable(f"The content coding {other!r} is not known here: capture it decoded, or as gzip.")


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    inflater = zlib.decompressobj(window)
    try:
        decoded = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise CaptureUnreadable("The compressed body is damaged.") from error
    if not inflater.eof and len(decoded) <= limit:
        raise CaptureUnreadable("The compressed body is cut short.")
    return decoded


def _date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except ValueError:
        return None
    # Only `-0000` gives an instant without a zone, and it means UTC (RFC 5322, 3.3).
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def with_content_type(response: CapturedResponse, content_type: str | None) -> CapturedResponse:
    """`response` with `content_type` where the capture itself names none."""
    if response.content_type is not None or content_type is None:
        return response
    return replace(response, content_type=content_type)
