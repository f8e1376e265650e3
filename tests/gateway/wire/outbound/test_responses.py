"""What is a response, where it ends, and whether its connection may serve again: one table, fed in every way."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.wire.outbound.errors import BrokenOff, Disconnected, NotHttp, Redirected, UpstreamFailure
from gateway.wire.outbound.responses import MAX_FIELD, MAX_FIELDS, MAX_LINE, ResponseReader

LIMIT = 40
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Read:
    """What comes of it."""

    body: bytes | None
    """None where the response is longer than the limit."""
    again: bool = True
    """Its connection may serve again."""
    status: int = 200
    at_close: bool = False
    """It is complete only when the connection is closed."""


ACCEPTED: dict[str, tuple[bytes, Read]] = {
    "length": (OK + b"Content-Length: 5\r\n\r\nwhole", Read(b"whole")),
    "length, nothing": (OK + b"Content-Length: 0\r\n\r\n", Read(b"")),
    "length with white space around": (OK + b"Content-Length: \t5 \t\r\n\r\nwhole", Read(b"whole")),
    "length in the next line": (OK + b"Content-Length:\r\n 5\r\n\r\nwhole", Read(b"whole")),
    "length with zeros": (OK + b"Content-Length: 005\r\n\r\nwhole", Read(b"whole")),
    "length, no reason": (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nwhole", Read(b"whole")),
    "length, its name apart from the colon": (OK + b"Content-Length : 5\r\n\r\nwhole", Read(b"whole", again=False)),
    "length, as long as may be": (OK + b"Content-Length: 40\r\n\r\n" + b"a" * LIMIT, Read(b"a" * LIMIT)),
    "length beyond the limit": (OK + b"Content-Length: 41\r\n\r\n" + b"a" * 41, Read(None, again=False)),
    "length beyond all numbers": (OK + b"Content-Length: 18446744073709551615\r\n\r\n", Read(None, again=False)),
    "body that looks like a head": (OK + b"Content-Length: 10\r\n\r\nA: b\r\n\r\n\r\n", Read(b"A: b\r\n\r\n\r\n")),
    "line feeds alone": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nwhole", Read(b"whole")),
    "line feeds here and there": (OK + b"A: b\nContent-Length: 5\r\n\nwhole", Read(b"whole")),
    "folded field": (OK + b"A: b\r\n c\r\n\td\r\nContent-Length: 5\r\n\r\nwhole", Read(b"whole")),
    "empty field": (OK + b"A:\r\nContent-Length: 5\r\n\r\nwhole", Read(b"whole")),
    "closed by the receiver": (
        OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nwhole",
        Read(b"whole", again=False),
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nwhole", Read(b"whole", again=False)),
    "HTTP/1.0 that is kept alive": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nwhole",
        Read(b"whole"),
    ),
    "until close": (OK + b"\r\nwhole", Read(b"whole", again=False, at_close=True)),
    "until close, nothing": (OK + b"\r\n", Read(b"", again=False, at_close=True)),
    "until close, beyond the limit": (OK + b"\r\n" + b"a" * 41, Read(None, again=False)),
    "coded, until close": (
        OK + b"Transfer-Encoding: gzip\r\n\r\n5\r\nwhole",
        Read(b"5\r\nwhole", again=False, at_close=True),
    ),
    "chunked, but not last": (
        OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nwhole",
        Read(b"5\r\nwhole", again=False, at_close=True),
    ),
    "chunks": (CHUNKED + b"5\r\nwhole\r\n3\r\nbit\r\n0\r\n\r\n", Read(b"wholebit")),
    "chunks, none": (CHUNKED + b"0\r\n\r\n", Read(b"")),
    "chunks, a coding before": (OK + b"Transfer-Encoding: gzip, Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", Read(b"a")),
    "chunks, extensions": (CHUNKED + b"5;a=b;c\r\nwhole\r\n0;d\r\n\r\n", Read(b"whole")),
    "chunks, white space behind the size": (CHUNKED + b"5 \r\nwhole\r\n0\r\n\r\n", Read(b"whole")),
    "chunks, trailers": (CHUNKED + b"5\r\nwhole\r\n0\r\nA: b\r\nC:\r\n\r\n", Read(b"whole")),
    "chunks, line feeds alone at the end": (CHUNKED + b"5\r\nwhole\r\n0\r\n\n", Read(b"whole", again=False)),
    "chunks beyond the limit": (CHUNKED + b"29\r\n" + b"a" * 41 + b"\r\n0\r\n\r\n", Read(None, again=False)),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", Read(b"", status=204)),
    "304 with the length of what is not sent": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        Read(b"", status=304),
    ),
    "204 with a transfer coding": (
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        Read(b"", status=204),
    ),
    "500": (b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nwhole", Read(b"whole", status=500)),
    "interim responses": (
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\na",
        Read(b"a"),
    ),
    "interim response with a body": (
        b"HTTP/1.1 150 Odd\r\nContent-Length: 3\r\n\r\nabc" + OK + b"Content-Length: 1\r\n\r\na",
        Read(b"a"),
    ),
    "an upgrade that does not happen": (
        OK + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 5\r\n\r\nwhole",
        Read(b"whole"),
    ),
    "longest field": (
        OK + b"A: %b\r\nContent-Length: 1\r\n\r\na" % (b"b" * (MAX_FIELD - 1)),
        Read(b"a"),
    ),
    "longest reason": (
        b"HTTP/1.1 200 %b\r\nContent-Length: 1\r\n\r\na" % (b"b" * MAX_LINE),
        Read(b"a"),
    ),
    "most fields": (OK + b"A: b\r\n" * (MAX_FIELDS - 1) + b"Content-Length: 1\r\n\r\na", Read(b"a")),
}

REFUSED: dict[str, tuple[bytes, type[UpstreamFailure], str]] = {
    "nothing": (b"", Disconnected, "closed the connection"),
    "half a status line": (b"HTTP/1.1 200", Disconnected, "closed the connection"),
    "half a head": (OK + b"Content-Length: 5\r\n", Disconnected, "closed the connection"),
    "an interim response alone": (b"HTTP/1.1 100 Continue\r\n\r\n", Disconnected, "closed the connection"),
    "half a body": (OK + b"Content-Length: 5\r\n\r\nwhol", BrokenOff, "closed the connection"),
    "no body": (OK + b"Content-Length: 5\r\n\r\n", BrokenOff, "closed the connection"),
    "half the chunks": (CHUNKED + b"5\r\nwhole\r\n", BrokenOff, "closed the connection"),
    "half the size of a chunk": (CHUNKED + b"5", BrokenOff, "closed the connection"),
    "no chunks": (CHUNKED, BrokenOff, "closed the connection"),
    "no empty line behind the chunks": (CHUNKED + b"0\r\n", BrokenOff, "closed the connection"),
    "no HTTP": (b"220 mail ready\r\n", NotHttp, "expected http"),
    "HTTP/0.9": (b"<html>whole</html>", NotHttp, "expected http"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x16", NotHttp, "expected http"),
    "two spaces": (b"HTTP/1.1  200 OK\r\n\r\n", NotHttp, "status"),
    "two digits": (b"HTTP/1.1 20\r\n\r\n", NotHttp, "status"),
    "another version": (b"HTTP/1.2 200 OK\r\n\r\n", NotHttp, "version"),
    "status below all": (b"HTTP/1.1 099 Odd\r\n\r\n", NotHttp, "HTTP status 99"),
    "status beyond all": (b"HTTP/1.1 600 Odd\r\n\r\n", NotHttp, "HTTP status 600"),
    "another protocol": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxyz",
        NotHttp,
        "HTTP status 101",
    ),
    "another protocol, unnamed": (b"HTTP/1.1 101 Switching\r\n\r\nxyz", NotHttp, "HTTP status 101"),
    "redirect": (b"HTTP/1.1 302 Found\r\nContent-Length: 10000\r\n\r\n", Redirected, "redirect (HTTP status 302)"),
    **{
        f"redirect to {location[:20]!r}": (
            b"HTTP/1.1 302 Found\r\nLocation: %b\r\n\r\n" % location,
            Redirected,
            f"redirect to {shown} (HTTP status 302)",
        )
        for location, shown in (
            (b"https://login.example/sso?token=secret#x", "https://login.example/sso"),
            (b"https://user:secret@host.example:8443/ws", "https://host.example:8443/ws"),
            (b"//user:secret@host.example/ws", "//host.example/ws"),
            (b"/ws/new", "/ws/new"),
            (b"/ws;jsessionid=secret", "/ws"),
            (b"/\xe9 x", "/??x"),
            (b"/" + b"a" * 300, "/" + "a" * 199 + "..."),
        )
    },
    "two places to go to": (
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n",
        Redirected,
        "redirect (HTTP status 302)",
    ),
    "two lengths": (OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", NotHttp, "length"),
    "two equal lengths": (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", NotHttp, "length"),
    "list of lengths": (OK + b"Content-Length: 5, 5\r\n\r\nabcde", NotHttp, "length"),
    "length with a sign": (OK + b"Content-Length: +5\r\n\r\nabcde", NotHttp, "length"),
    "length in hexadecimal": (OK + b"Content-Length: 0x5\r\n\r\nabcde", NotHttp, "length"),
    "no length": (OK + b"Content-Length: \r\n\r\nabcde", NotHttp, "length"),
    "length of many lines": (OK + b"Content-Length: 5\r\n 6\r\n\r\nabcde", NotHttp, "length"),
    "length beyond 64 bits": (OK + b"Content-Length: 18446744073709551616\r\n\r\n", NotHttp, "length"),
    "length beside chunks": (
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        NotHttp,
        "content-length",
    ),
    "chunks beside length": (
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        NotHttp,
        "content-length",
    ),
    "no transfer coding": (OK + b"Transfer-Encoding:\r\n\r\nwhole", NotHttp, "transfer-encoding"),
    "no size": (CHUNKED + b"\r\nwhole\r\n0\r\n\r\n", NotHttp, "chunk size"),
    "size that is none": (CHUNKED + b"zz\r\nwhole\r\n0\r\n\r\n", NotHttp, "chunk size"),
    "size with a sign": (CHUNKED + b"-5\r\nwhole\r\n0\r\n\r\n", NotHttp, "chunk size"),
    "size like a number of C": (CHUNKED + b"0x5\r\nwhole\r\n0\r\n\r\n", NotHttp, "chunk size"),
    "size beyond 64 bits": (CHUNKED + b"10000000000000005\r\nwhole\r\n0\r\n\r\n", NotHttp, "chunk size"),
    "chunk longer than its size": (CHUNKED + b"4\r\nwhole\r\n0\r\n\r\n", NotHttp, ""),
    "chunk without its end": (CHUNKED + b"5\r\nwhole0\r\n\r\n", NotHttp, ""),
    "later chunk that is none": (CHUNKED + b"5\r\nwhole\r\nzz\r\n", NotHttp, "chunk size"),
    "NUL in a field": (OK + b"A: b\0c\r\nContent-Length: 5\r\n\r\nwhole", NotHttp, "NUL"),
    "NUL in a name": (OK + b"A\0: b\r\nContent-Length: 5\r\n\r\nwhole", NotHttp, "header"),
    "NUL in a trailer": (CHUNKED + b"5\r\nwhole\r\n0\r\nA: b\0\r\n\r\n", NotHttp, "NUL"),
    "field without a colon": (OK + b"Content-Length\r\n\r\nwhole", NotHttp, "header"),
    "field without a name": (OK + b": b\r\n\r\nwhole", NotHttp, "header"),
    "carriage return in a field": (OK + b"A: b\rc\r\nContent-Length: 5\r\n\r\nwhole", NotHttp, ""),
    "field too long": (OK + b"A: %b\r\n\r\n" % (b"b" * MAX_FIELD), NotHttp, "field is too long"),
    "folded field too long": (OK + b"A: b\r\n" + b" %b\r\n" % (b"c" * 9000) * 4 + b"\r\n", NotHttp, "too long"),
    "field without end": (OK + b"A: " + b"b" * 3 * MAX_FIELD, NotHttp, "too long"),
    "white space without end": (OK + b"A:" + b" " * 3 * MAX_FIELD, NotHttp, "too long"),
    "length in a trailer": (CHUNKED + b"0\r\nContent-Length: 9\r\n\r\n", NotHttp, "content-length"),
    "reason too long": (b"HTTP/1.1 200 %b\r\n\r\n" % (b"b" * (MAX_LINE + 1)), NotHttp, "status line is too long"),
    "reason without end": (b"HTTP/1.1 200 " + b"b" * 3 * MAX_LINE, NotHttp, "status line is too long"),
    "too many fields": (OK + b"A: b\r\n" * (MAX_FIELDS + 1) + b"\r\n", NotHttp, "too many"),
    "too many trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * MAX_FIELDS + b"\r\n", NotHttp, "too many"),
}


def ways(data: bytes, *, cut: bool = True) -> Iterator[list[bytes]]:
    """`data` whole, byte by byte, and cut in two at each place."""
    yield [data] if data else []
    if len(data) < 1000:
        yield [data[i : i + 1] for i in range(len(data))]
        yield from ([data[:i], data[i:]] for i in range(1, len(data) if cut else 0))
    else:
        yield [data[i : i + 1000] for i in range(0, len(data), 1000)]


def fed(parts: list[bytes], *, has_body: bool = True) -> ResponseReader:
    reader = ResponseReader(LIMIT, has_body=has_body)
    for part in parts:
        assert reader.feed(part) is reader.is_complete
    return reader


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_response_however_it_arrives(case: str) -> None:
    data, expected = ACCEPTED[case]
    for parts in ways(data):
        reader = fed(parts)
        assert reader.is_complete is not expected.at_close
        assert reader.is_exact is expected.again
        reader.end()
        assert reader.is_complete
        found = Read(None if reader.is_oversize else reader.body, reader.is_exact, reader.status, expected.at_close)
        assert found == expected, parts


BEHIND = {
    "a byte": b"H",
    "a line feed": b"\n",
    "an empty line": b"\r\n",
    "empty lines": b"\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\n",
    "a response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no response": b"\0\1\2",
}


@pytest.mark.parametrize("more", BEHIND)
@pytest.mark.parametrize("case", [case for case, (_, read) in ACCEPTED.items() if not read.at_close])
def test_what_comes_behind_a_response_changes_nothing_in_it(case: str, more: str) -> None:
    data, expected = ACCEPTED[case]
    whole, end = data + BEHIND[more], len(data)
    for parts in [[whole], [whole[:end], whole[end:]], [whole[: end - 1], whole[end - 1 :]], *ways(whole, cut=False)]:
        reader = fed(parts)
        assert (reader.status, None if reader.is_oversize else reader.body) == (expected.status, expected.body)
        assert not reader.is_exact, parts
    untouched = fed([data])
    assert fed([data + BEHIND[more]]).headers == untouched.headers


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_response_however_it_arrives(case: str) -> None:
    data, failure, words = REFUSED[case]
    for parts in ways(data):
        with pytest.raises(failure) as caught:
            fed(parts).end()
        assert type(caught.value) is failure
        assert words.lower() in caught.value.detail.lower()


@pytest.mark.parametrize("begin", [b"0\r\nA: ", b"0\r\nA", b"1;"], ids=["trailer", "name", "chunk extension"])
def test_what_goes_on_without_end_behind_the_head_is_not_kept(begin: bytes) -> None:
    with pytest.raises(NotHttp, match="too long"):
        fed([CHUNKED + begin, *[b"b" * 1000] * 100])


def test_fields_keep_their_octets_and_their_order() -> None:
    fields = b"X-One:  \t\xfcber \t\r\nx-ONE: a\tb\r\nEmpty:\r\nFolded: a\r\n\tb\r\n"
    for parts in ways(OK + fields + b"Content-Length: 1\r\n\r\na"):
        assert fed(parts).headers == [
            (b"X-One", b"\xfcber"),
            (b"x-ONE", b"a\tb"),
            (b"Empty", b""),
            (b"Folded", b"a\tb"),
            (b"Content-Length", b"1"),
        ]


def test_trailers_and_fields_of_interim_responses_are_no_fields_of_the_response() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    for parts in ways(hints + CHUNKED + b"1\r\na\r\n0\r\nTrailer: b\r\n\r\n"):
        assert fed(parts).headers == [(b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize("framing", [b"Content-Length: 30\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_the_response_to_head_ends_with_its_head(framing: bytes) -> None:
    for parts in ways(OK + framing + b"\r\n"):
        reader = fed(parts, has_body=False)
        assert (reader.is_complete, reader.body, reader.is_exact) == (True, b"", framing != b"")
        reader.feed(b"w")
        assert not reader.is_exact


def test_a_head_that_may_end_in_two_places_is_refused_or_its_connection_closed() -> None:
    """Some take a line of white space behind the status line for the end of the head, and some for a field."""
    data = b"HTTP/1.1 204 No Content\r\n \r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(NotHttp, match="several places"):
        fed([data])
    for parts in list(ways(data))[1:]:
        try:
            reader = fed(parts)
        except NotHttp:
            continue
        assert not reader.is_exact
