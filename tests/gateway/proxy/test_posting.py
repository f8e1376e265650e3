"""One POST on a pooled connection: what goes out, octet by octet, and what comes back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import pytest
import uvloop
from yarl import URL

from gateway.proxy.pooling import StrictConnector, StrictResponseHandler
from gateway.proxy.posting import NotHttp, Posted, Poster

ANSWER = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nwhole"


async def _post(
    answer: bytes,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    target: str = "/a%20b?q=1",
    limit: int = 100,
    check: Callable[[int], None] = lambda _: None,
    method: str = "POST",
) -> tuple[Posted, bytes]:
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readuntil(b"\r\n\r\n"))
        received.extend(await reader.readexactly(len(body)))
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connector = StrictConnector(limit=0)
        poster = Poster(connector, URL(f"http://127.0.0.1:{port}/ws"), aiohttp.ClientTimeout(total=None))
        try:
            posted = await poster.send(method, target, headers, body, limit=limit, check=check)
            posted.lease.drop()
        finally:
            await connector.close()
        return posted, bytes(received).replace(str(port).encode(), b"PORT")


def _run(*arguments: Any, **options: Any) -> tuple[Posted, bytes]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(_post(*arguments, **options), 10))


def test_a_request_goes_out_as_one_piece_and_its_answer_comes_back() -> None:
    fields = [("x-one", "a"), ("x-one", "\xfc"), ("accept-encoding", "gzip")]
    posted, sent = _run(ANSWER, fields, b"<a/>")
    assert sent == (
        "POST /a%20b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nx-one: a\r\nx-one: \xfc\r\naccept-encoding: gzip\r\n"
        "Content-Length: 4\r\n\r\n<a/>"
    ).encode("latin-1")
    assert posted == Posted(200, ((b"X-One", b"1"), (b"Content-Length", b"5")), b"whole")


def test_a_get_has_no_body_and_a_large_body_leaves_whole() -> None:
    _, sent = _run(ANSWER, method="GET")
    assert sent == b"GET /a%20b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"
    large = bytes(range(256)) * 20_000
    _, sent = _run(ANSWER, (), large)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nContent-Length: 5120000")
    assert body == large


def test_what_is_no_octet_goes_nowhere() -> None:
    with pytest.raises(ValueError, match="latin-1"):
        _run(ANSWER, [("x-one", "\u20ac")])


def test_an_empty_body_has_its_length() -> None:
    _, sent = _run(ANSWER)
    assert b"\r\nContent-Length: 0\r\n\r\n" in sent


@pytest.mark.parametrize("value", ["a\r\nx-two: b", "a\nb", "a\rb", "a\r\n\r\nPOST / HTTP/1.1"])
@pytest.mark.parametrize("place", ["target", "name", "value"])
def test_a_line_break_goes_nowhere(value: str, place: str) -> None:
    fields = [(value, "x")] if place == "name" else [("x-one", value)]
    with pytest.raises(ValueError, match="line break"):
        _run(ANSWER, *([(), b"", value] if place == "target" else [fields]))


@pytest.mark.parametrize(("limit", "body"), [(5, b"whole"), (4, None)])
@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n", b"\r\n"])
def test_an_answer_is_read_up_to_the_limit(limit: int, body: bytes | None, framing: bytes) -> None:
    end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
    posted, _ = _run(b"HTTP/1.1 200 OK\r\n" + framing + b"whole" + end, limit=limit)
    assert posted.body == body


def test_interim_answers_are_passed_over() -> None:
    posted, _ = _run(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ANSWER)
    assert (posted.status, posted.body) == (200, b"whole")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"garbage\r\n\r\n", NotHttp),
        (b"", aiohttp.ServerDisconnectedError),
        (ANSWER[:-1], aiohttp.ClientPayloadError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", aiohttp.ClientPayloadError),
    ],
)
def test_what_is_no_answer_is_an_error(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        _run(answer)


def test_the_status_is_looked_at_before_the_body() -> None:
    def check(status: int) -> None:
        raise LookupError(status)

    with pytest.raises(LookupError, match="302"):
        _run(b"HTTP/1.1 302 Found\r\nContent-Length: 100000\r\n\r\n", check=check)


HEADS = {
    "plain": (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n", 25),
    "no end yet": (b"HTTP/1.1 200 OK\r\nA: b\r\n", 0),
    "line feeds alone": (b"HTTP/1.1 200 OK\nA: b\n\nbody\r\n\r\n", 0),
    "one line feed alone": (b"HTTP/1.1 200 OK\r\nA: b\n\r\n\r\n", 0),
    "carriage returns alone": (b"HTTP/1.1 200 OK\r\nA: b\r\rbody\r\n\r\n", 0),
}


@pytest.mark.parametrize("case", HEADS)
def test_where_a_head_ends_is_said_only_without_doubt(case: str) -> None:
    async def scenario() -> None:
        handler = StrictResponseHandler(asyncio.get_running_loop())
        data, end = HEADS[case]
        assert handler._end_of_head(data) == end
        handler._head = 1
        assert handler._end_of_head(data) == 0, "not its beginning"

    asyncio.run(scenario())
