"""HTTP/1.1 as hostile or merely odd clients speak it, over bare sockets."""

import asyncio
import re
import socket
import time
from pathlib import Path

import pytest

from gateway.wire.inbound.protocol import ProtocolLimits
from tests.gateway.exchange.harness import REQUEST, http, run, signed, world

LINE = b"POST /orders HTTP/1.1\r\n"
HEAD = LINE + b"Host: a\r\n"


NO_HTTP = (
    HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    HEAD + b"Content-Length: +3\r\n\r\nabc",
    HEAD + b"Content-Length: -3\r\n\r\nabc",
    HEAD + b"Content-Length: 99999999999999999999\r\n\r\nabc",
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: identity\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /orders HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    LINE + b"Content-Length: 0\r\n\r\n",
    HEAD + b"Host: b\r\nContent-Length: 0\r\n\r\n",
    HEAD + b" folded: x\r\n\r\n",
    HEAD + b"X: a\x00b\r\n\r\n",
    HEAD + b"X: a\rb\r\n\r\n",
    HEAD + b"no colon\r\n\r\n",
    b"POST /orders HTTP/1.1\nHost: a\n\n",
    HEAD + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
    HEAD + b"X: " + b"a" * 70_000,
    HEAD + b"X: a\r\n" * 300 + b"\r\n",
    b"POST /orders" + b"/a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /orders?wsdl HTTP/0.9\r\n\r\n",
    *(
        b"POST /orders" + version + b"\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n<a/>"
        for version in (
            b"",
            b" HTTP/0.9",
            b" HTTP/1.2",
            b" HTTP/1.10",
            b" HTTP/01.1",
            b" HTTP/1",
            b" HTTP/2",
            b" HTTP/2.0",
            b" HTTP/3.0",
            b" http/1.1",
            b" HTTPS/1.1",
            b" HTTP/1.1 HTTP/1.1",
        )
    ),
    *(
        b"POST " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n<a/>"
        for target in (
            b"/orders#x",
            b"/orders#",
            b"/orders?a#/../x",
            b"/orders?a\tb",
            b"/orders?a\x01b",
            b"/orders?\xe9",
            b"/orders?a b",
            b"/orders/K\xf6ln",
            b"http://a/orders#x",
            b"http://user@a/orders",
            b"http://@a/orders",
            b"ftp://a/orders",
            b"http://a",
            b"http://a?wsdl",
            b"a:80",
            b"orders",
            b"?wsdl",
        )
    ),
)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_is_served_is_http_1_0_and_1_1(tmp_path: Path, version: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            head = f"POST /orders HTTP/{version}\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
            assert (await it.raw(head.encode() + b"<a/>")).startswith(b"HTTP/1.1 200 ")
            assert it.receiver.requests[0].startswith(b"POST /ws HTTP/1.1\r\n")

    run(scenario())


def test_what_is_no_http_or_two_kinds_of_it(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            for data in NO_HTTP:
                with subtests.test(repr(data[:120])):
                    answer = await it.raw(data)
                    assert answer.startswith(b"HTTP/1.1 400 ")
                    assert answer.count(b"HTTP/1.1") == 1 + answer.count(b"valid HTTP/1.1")
                    assert b"Traceback" not in answer
                    assert it.receiver.requests == []

    run(scenario())


def test_trailers_add_no_fields(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            answer = await it.raw(head + b"4\r\n<a/>\r\n0\r\nAuthorization: evil\r\nHost: b\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"evil" not in it.receiver.requests[0]
            assert b"content-length: 4\r\n" in it.receiver.requests[0].lower()
            assert it.receiver.requests[0].endswith(b"<a/>")

    run(scenario())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_wish_to_upgrade_is_ignored_and_the_body_kept(tmp_path: Path, size: int) -> None:
    """Java's HTTP client sends this with its first request on every cleartext connection."""

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            data = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
            data += b"Content-Length: %d\r\n\r\n" % len(REQUEST) + REQUEST
            data += HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\n<b/>"
            host, port = it.gateway.address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            for start in range(0, len(data), size):
                writer.write(data[start : start + size])
                await writer.drain()
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            assert answer.count(b"HTTP/1.1 200 OK") == 2
            assert it.receiver.requests[0].endswith(REQUEST)
            assert it.receiver.requests[1].endswith(b"<b/>")
            assert b"upgrade" not in it.receiver.requests[0].lower()
            assert b"http2" not in it.receiver.requests[0].lower()

    run(scenario())


@pytest.mark.parametrize("data", [b"", b"\r\n", LINE, HEAD, HEAD + b"X: "])
def test_slow_head_meets_a_deadline(tmp_path: Path, data: bytes) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='header_timeout = "150ms"') as it:
            started = time.monotonic()
            assert await it.raw(data) == b""
            assert 0.1 < time.monotonic() - started < 10

    run(scenario())


def test_dripping_head_meets_the_same_deadline(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='header_timeout = "200ms"') as it:
            host, port = it.gateway.address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            started = time.monotonic()
            for byte in HEAD * 9:
                if reader.at_eof() or writer.transport.is_closing():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
            assert time.monotonic() - started < 4
            writer.close()

    run(scenario())


def test_blank_lines_after_an_answer_meet_the_same_deadline(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='header_timeout = "150ms"') as it:
            it.receiver.reply = http(signed())
            host, port = it.gateway.address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(HEAD + b"Content-Length: 4\r\n\r\n<a/>")
            await reader.readuntil(b"</s:Envelope>")
            writer.write(b"\r\n\r\n")
            assert await asyncio.wait_for(reader.read(), 30) == b""
            writer.close()

    run(scenario())


def test_exchange_longer_than_the_header_deadline_is_not_cut(tmp_path: Path) -> None:
    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(http(signed()))
        await writer.drain()

    async def scenario() -> None:
        async with world(tmp_path, gateway='header_timeout = "100ms"') as it:
            it.receiver.reply = slow
            request = HEAD + b"Content-Length: 4\r\n\r\n<a/>"
            # The start of a second request arrives while the first is under way.
            answer = await it.raw(request + b"POST /ord")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(signed()[-20:])

    run(scenario())


def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            one = HEAD + b"Content-Length: 4\r\n\r\n<a/>"
            last = HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\n<c/>"
            answer = await it.raw(one + HEAD.replace(b"/orders", b"/nowhere") + b"Content-Length: 0\r\n\r\n" + last)
            assert re.findall(rb"HTTP/1\.1 (\d+) ", answer) == [b"200", b"404", b"200"]

    run(scenario())


def _impatient(header_seconds: float) -> ProtocolLimits:
    return ProtocolLimits(header_seconds, linger_seconds=0.2, write_seconds=0.2)


def test_body_nobody_wants_is_not_taken_in_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.service.gateway.ProtocolLimits", _impatient)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            host, port = it.gateway.address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(HEAD + b"Content-Length: 999999999\r\n\r\n")
            assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 413 ")
            started = time.monotonic()
            while not reader.at_eof():
                assert time.monotonic() - started < 15
                writer.write(b"x" * 100)
                await asyncio.wait([asyncio.ensure_future(reader.read(10_000))], timeout=0.05)
            writer.close()

    run(scenario())


def test_client_that_does_not_read_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.service.gateway.ProtocolLimits", _impatient)

    async def scenario() -> None:
        async with world(tmp_path, endpoint='mode = "observe"') as it:
            it.receiver.reply = http(b"<a/>" + b" " * 15_000_000)
            with socket.create_connection(tuple(it.gateway.address.split(":"))) as client:  # type: ignore[arg-type]  # host, port
                client.sendall(HEAD + b"Content-Length: 4\r\n\r\n<a/>")
                server = it.gateway._servers[0]
                seen = False
                for _ in range(300):
                    seen = seen or bool(server.server_state.connections)
                    if seen and not server.server_state.connections:
                        break
                    await asyncio.sleep(0.02)
                assert seen
                assert not server.server_state.connections
            assert it.last().released

    run(scenario())
