"""What is taken out of a capture: bare bodies and complete HTTP responses, as recorders write them."""

import gzip
import zlib
from datetime import UTC, datetime

import pytest

from gateway.replay.captured_response import CapturedResponse, read_response
from gateway.replay.errors import CaptureUnreadable

BODY = b"<Envelope>" + b"x" * 200 + b"</Envelope>"
LIMIT = 4096
TYPE = "text/xml; charset=utf-8"


def http(body: bytes, *headers: str, status: str = "HTTP/1.1 200 OK", line_end: str = "\r\n") -> bytes:
    lines = [status, f"Content-Type: {TYPE}", *headers, "", ""]
    return line_end.join(lines).encode() + body


def chunked(body: bytes, size: int = 50) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def bare_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


GZIPPED = gzip.compress(BODY, mtime=0)
LENGTH = f"Content-Length: {len(BODY)}"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(http(BODY, LENGTH), id="content-length"),
        pytest.param(http(BODY), id="until-the-end"),
        pytest.param(http(chunked(BODY), "Transfer-Encoding: chunked"), id="chunked"),
        pytest.param(http(GZIPPED, f"Content-Length: {len(GZIPPED)}", "Content-Encoding: gzip"), id="gzip"),
        pytest.param(http(chunked(GZIPPED), "Transfer-Encoding: chunked", "Content-Encoding: GZIP"), id="gzip-chunked"),
        pytest.param(http(zlib.compress(BODY), "Content-Encoding: deflate"), id="deflate"),
        pytest.param(http(bare_deflate(BODY), "Content-Encoding: deflate"), id="deflate-bare"),
        pytest.param(http(BODY, "Content-Encoding: deflate"), id="deflate-undone-by-the-recorder"),
        pytest.param(http(BODY, "Content-Encoding: br"), id="brotli-undone-by-the-recorder"),
        pytest.param(http(BODY, "Content-Encoding: gzip"), id="gzip-undone-by-the-recorder"),
        pytest.param(http(BODY, "Transfer-Encoding: chunked"), id="chunks-undone-by-the-recorder"),
        pytest.param(http(BODY, LENGTH, line_end="\n"), id="line-feeds-alone"),
        pytest.param(http(BODY, status="HTTP/2 200"), id="http-2"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + http(BODY, LENGTH), id="after-100-continue"),
    ],
)
def test_the_body_of_a_recorded_response(data: bytes) -> None:
    captured = read_response(data, LIMIT)
    assert captured == CapturedResponse(BODY, content_type=TYPE, date=None, status=200)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        BODY,
        b"\xef\xbb\xbf<a/>",
        b"HTTP/1.1 is the protocol of this text",
        b"HTTP/1.1 999 Odd\r\n\r\n<a/>",
        b" HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_all_else_is_a_bare_body(data: bytes) -> None:
    assert read_response(data, LIMIT) == CapturedResponse(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(http(BODY[:100], LENGTH), "cut short: 100 of", id="cut-short"),
        pytest.param(http(chunked(BODY)[:120], "Transfer-Encoding: chunked"), "cut short", id="chunk-cut-short"),
        pytest.param(http(chunked(BODY)[:-7], "Transfer-Encoding: chunked"), "cut short", id="last-chunk-missing"),
        pytest.param(http(b"5\r\nabcdefgh\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), "broken", id="chunk-too-long"),
        pytest.param(http(GZIPPED[:-20], "Content-Encoding: gzip"), "cut short", id="gzip-cut-short"),
        pytest.param(http(b"\x1f\x8b" + b"\xff" * 40, "Content-Encoding: gzip"), "damaged", id="gzip-damaged"),
        pytest.param(http(b"\x8b\x01", "Content-Encoding: br"), "'br' is not known", id="brotli"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "no readable head", id="too-many-headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000, "no readable head", id="header-too-long"),
    ],
)
def test_a_broken_response_is_named(data: bytes, what: str) -> None:
    with pytest.raises(CaptureUnreadable, match=what):
        read_response(data, LIMIT)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<" * 10_000, id="bare"),
        pytest.param(http(b"<" * 10_000, "Content-Length: 10000"), id="content-length"),
        pytest.param(http(chunked(b"<" * 10_000), "Transfer-Encoding: chunked"), id="chunked"),
        pytest.param(http(gzip.compress(b"<" * 50_000_000), "Content-Encoding: gzip"), id="gzip-bomb"),
        pytest.param(http(zlib.compress(b"<" * 50_000_000), "Content-Encoding: deflate"), id="deflate-bomb"),
    ],
)
def test_a_body_beyond_the_limit_is_cut_one_byte_later(data: bytes) -> None:
    assert len(read_response(data, LIMIT).body) == LIMIT + 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Mon, 01 Jun 2026 12:00:00 GMT", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("Mon, 01 Jun 2026 14:00:00 +0200", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("Mon, 01 Jun 2026 12:00:00 -0000", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_date_header(header: str, expected: datetime | None) -> None:
    assert read_response(http(BODY, LENGTH, f"Date: {header}"), LIMIT).date == expected
