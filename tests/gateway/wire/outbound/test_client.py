"""One request on a pooled connection: what goes out, octet by octet, and what comes back."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest
import uvloop

from gateway.wire.outbound import (
    BrokenOff,
    Disconnected,
    NotHttp,
    Redirected,
    TimedOut,
    TlsFailed,
    Unsendable,
    UpstreamClient,
    UpstreamFailure,
    UpstreamResponse,
)
from gateway.wire.outbound.connection import Connection
from gateway.wire.outbound.responses import ResponseReader

ANSWER = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nwhole"


async def _post(
    answer: bytes,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    target: str = "/a%20b?q=1",
    limit: int = 100,
    method: str = "POST",
) -> tuple[UpstreamResponse, bytes]:
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readuntil(b"\r\n\r\n"))
        received.extend(await reader.readexactly(len(body)))
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = UpstreamClient(f"http://127.0.0.1:{port}/ws", 10, None)
        try:
            response = await client.send(method, f"http://127.0.0.1:{port}{target}", headers, body, limit=limit)
            response.lease.drop()
        finally:
            await client.close()
        return response, bytes(received).replace(str(port).encode(), b"PORT")


def _run(*arguments: Any, **options: Any) -> tuple[UpstreamResponse, bytes]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(_post(*arguments, **options), 10))


def test_a_request_goes_out_as_one_piece_and_its_answer_comes_back() -> None:
    fields = [("x-one", "a"), ("x-one", "\xfc"), ("accept-encoding", "gzip")]
    response, sent = _run(ANSWER, fields, b"<a/>")
    assert sent == (
        "POST /a%20b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nx-one: a\r\nx-one: \xfc\r\naccept-encoding: gzip\r\n"
        "Content-Length: 4\r\n\r\n<a/>"
    ).encode("latin-1")
    assert response == UpstreamResponse(200, ((b"X-One", b"1"), (b"Content-Length", b"5")), b"whole")


def test_a_get_has_no_body_and_a_large_body_leaves_whole() -> None:
    _, sent = _run(ANSWER, method="GET")
    assert sent == b"GET /a%20b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"
    large = bytes(range(256)) * 20_000
    _, sent = _run(ANSWER, (), large)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nContent-Length: 5120000")
    assert body == large


def test_what_is_no_octet_goes_nowhere() -> None:
    with pytest.raises(Unsendable, match="no octet"):
        _run(ANSWER, [("x-one", "\u20ac")])


def test_an_empty_body_has_its_length() -> None:
    _, sent = _run(ANSWER)
    assert b"\r\nContent-Length: 0\r\n\r\n" in sent


@pytest.mark.parametrize("value", ["a\r\nx-two: b", "a\nb", "a\rb", "a\r\n\r\nPOST / HTTP/1.1"])
@pytest.mark.parametrize("place", ["target", "name", "value"])
def test_a_line_break_goes_nowhere(value: str, place: str) -> None:
    fields = [(value, "x")] if place == "name" else [("x-one", value)]
    with pytest.raises(Unsendable, match="line break"):
        _run(ANSWER, *([(), b"", value] if place == "target" else [fields]))


@pytest.mark.parametrize(("limit", "body"), [(5, b"whole"), (4, None)])
@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n", b"\r\n"])
def test_an_answer_is_read_up_to_the_limit(limit: int, body: bytes | None, framing: bytes) -> None:
    end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
    response, _ = _run(b"HTTP/1.1 200 OK\r\n" + framing + b"whole" + end, limit=limit)
    assert (response.body, response.oversize) == (body or b"", body is None)


def test_interim_answers_are_passed_over() -> None:
    response, _ = _run(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ANSWER)
    assert (response.status, response.body) == (200, b"whole")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"garbage\r\n\r\n", NotHttp),
        (b"", Disconnected),
        (ANSWER[:-1], BrokenOff),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", NotHttp),
    ],
)
def test_what_is_no_answer_is_an_error(answer: bytes, error: type[UpstreamFailure]) -> None:
    with pytest.raises(error):
        _run(answer)


def test_the_status_is_looked_at_before_the_body() -> None:
    with pytest.raises(Redirected, match="302") as caught:
        _run(b"HTTP/1.1 302 Found\r\nContent-Length: 100000\r\n\r\n")
    assert caught.value.upstream_status == 302


def test_the_response_to_head_has_no_body() -> None:
    response, sent = _run(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="HEAD")
    assert sent.startswith(b"HEAD /a%20b?q=1 HTTP/1.1\r\n")
    assert (response.status, response.body) == (200, b"")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_a_get_is_sent_again_where_the_connection_ends_without_an_answer(method: str) -> None:
    """The receiver may just have closed an idle connection (RFC 9110, 9.2.2)."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if len(asked) > 1:
            writer.write(ANSWER)
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            client = UpstreamClient(url, 10, None)
            try:
                if method == "POST":
                    with pytest.raises(Disconnected):
                        await client.send(method, url, (), b"", limit=100)
                else:
                    assert (await client.send(method, url, (), b"", limit=100)).body == b"whole"
            finally:
                await client.close()
        assert len(asked) == (1 if method == "POST" else 2)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.parametrize("is_cancelled", [False, True], ids=["late", "cancelled"])
def test_a_request_that_is_given_up_closes_its_connection(is_cancelled: bool) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwho")
        await reader.read()
        gone.set()
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            client = UpstreamClient(url, 5 if is_cancelled else 0.1, None)
            asking = asyncio.create_task(client.send("POST", url, (), b"x" * 5_000_000, limit=100))
            if is_cancelled:
                await asyncio.sleep(0.1)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            else:
                with pytest.raises(TimedOut, match=r"did not answer within 0\.1 s"):
                    await asking
            await asyncio.wait_for(gone.wait(), 30)
            await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.parametrize(
    ("error", "failure", "detail"),
    [
        (None, Disconnected, "the receiver closed the connection before its response was complete"),
        (
            ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
            Disconnected,
            "the connection to the receiver failed: connection reset by peer",
        ),
        (
            ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"),
            TlsFailed,
            "TLS with the receiver failed: ",
        ),
        (RuntimeError(), Disconnected, "the connection to the receiver failed: RuntimeError"),
    ],
)
def test_how_a_connection_ended_is_said(error: Exception | None, failure: type[UpstreamFailure], detail: str) -> None:
    async def scenario() -> None:
        connection = Connection(on_release=lambda _: None, on_lost=lambda _: None)
        connection.connection_made(mock.Mock(is_closing=lambda: False))
        asked = asyncio.create_task(connection.ask(b"", b"", ResponseReader(100)))
        await asyncio.sleep(0)
        connection.connection_lost(error)
        with pytest.raises(failure) as caught:
            await asked
        assert type(caught.value) is failure
        assert caught.value.detail.startswith(detail)

    asyncio.run(scenario())


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_response_names_the_address_that_gave_it(host: str, shown: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, host, 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = UpstreamClient(f"http://{shown}:{port}/ws", 10, None)
            try:
                response = await client.send("POST", f"http://{shown}:{port}/ws", (), b"", limit=100)
                response.lease.drop()
            finally:
                await client.close()
            assert response.peer == f"{shown}:{port}"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize("peer", [None, "", "/run/socket", (), ("127.0.0.1",)])
def test_an_address_of_another_kind_is_none(peer: object) -> None:
    async def scenario() -> str:
        connection = Connection(on_release=lambda _: None, on_lost=lambda _: None)
        transport = mock.Mock()
        transport.get_extra_info = {"peername": peer, "ssl_object": None}.get
        connection.connection_made(transport)
        return connection.peer

    assert asyncio.run(scenario()) == ""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_whether_a_connection_can_be_made_is_found_out_without_a_word(scheme: str) -> None:
    received: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read())
        writer.close()
        ended.set()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            context = ssl.create_default_context() if scheme == "https" else None
            client = UpstreamClient(f"{scheme}://127.0.0.1:{port}/ws", 10, context)
            assert await client.is_reachable(5)
            await asyncio.wait_for(ended.wait(), 30)
            assert received == [b""]
        assert not await client.is_reachable(5)
        await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


def test_one_that_takes_no_connection_is_given_up() -> None:
    async def scenario() -> None:
        with socket.socket() as held, socket.socket() as waiting:
            held.bind(("127.0.0.1", 0))
            held.listen(0)
            waiting.connect(held.getsockname())  # nobody accepts, and there is no room for another one
            waiting_too = [socket.socket() for _ in range(3)]
            for one in waiting_too:
                one.setblocking(False)
                one.connect_ex(held.getsockname())
            client = UpstreamClient(f"http://127.0.0.1:{held.getsockname()[1]}/", 10, None)
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert not await client.is_reachable(0.3)
            assert loop.time() - began < 5
            await client.close()
            for one in waiting_too:
                one.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
