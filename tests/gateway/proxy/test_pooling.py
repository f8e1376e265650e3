"""What a receiver sends without being asked is nobody's answer."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import uvloop

from gateway.proxy.pooling import StrictConnector
from tests.gateway.proxy.harness import Reply, run, signed, world
from tests.gateway.proxy.harness import http as answered
from tests.gateway.proxy.test_tls import Authority, server_context

http = partial(answered, Connection="keep-alive")
SMUGGLED = http(signed("old", "<Order xmlns='urn:orders'>SMUGGLED</Order>"))
HONEST = "HONEST"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def chunked(body: bytes, trailer: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailer)


def keeps_alive(parts: Sequence[bytes], connections: list[int], pause: float = 0.03) -> Reply:
    """Send `parts` as the answer to the first request on a connection, and honest answers to the further ones."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        first = parts if len(connections) == 1 else [http(signed("old", f"<Order xmlns='urn:orders'>{HONEST}</Order>"))]
        for part in first:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length[1]) if length else 0)
            connections[-1] += 1
            writer.write(http(signed("old", f"<Order xmlns='urn:orders'>{HONEST}</Order>")))
            await writer.drain()

    return reply


BEYOND: dict[str, list[bytes]] = {
    "204, later": [NO_CONTENT, SMUGGLED],
    "204, at once": [NO_CONTENT + SMUGGLED],
    "204, half at once": [NO_CONTENT + SMUGGLED[:40], SMUGGLED[40:]],
    "length, later": [http(signed()), SMUGGLED],
    "length, at once": [http(signed()) + SMUGGLED],
    "length, half of a head at once": [http(signed()) + SMUGGLED[:40]],
    "length, half of a body at once": [http(signed()) + SMUGGLED[:-40]],
    "length, one byte": [http(signed()) + b"H"],
    "length, blank lines": [http(signed()) + b"\r\n\r\n"],
    "length, head apart": [http(signed())[:-500], http(signed())[-500:] + SMUGGLED[:40]],
    "chunks, later": [chunked(signed()), SMUGGLED],
    "chunks, at once": [chunked(signed()) + SMUGGLED],
    "chunks, half of a head at once": [chunked(signed()) + SMUGGLED[:40]],
    "chunks, a head that ends in a line": [chunked(signed()) + b"HTTP/1.1 200 OK\r\n"],
    "chunks, an empty answer": [chunked(signed()) + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    "chunks, an empty answer with the last of them": [
        chunked(signed())[:-200],
        chunked(signed())[-200:] + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    "interim, later": [b"HTTP/1.1 103 Early Hints\r\n\r\n" + http(signed()), SMUGGLED],
}


@pytest.mark.parametrize("case", BEYOND)
def test_what_comes_beyond_an_answer_is_nobodys_answer(tmp_path: Path, case: str) -> None:
    connections: list[int] = []

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = keeps_alive(BEYOND[case], connections)
            first = await it.ask()
            assert first.status == (204 if case.startswith("204") else 200)
            await asyncio.sleep(0.08)
            for _ in range(2):
                response = await it.ask()
                assert (response.status, response.headers["wssgate-verdict"]) == (200, "accepted")
                assert HONEST.encode() in response.body
            assert connections == [1, 2], "the first connection is not used again, the second one is"

    run(scenario())


CLEAN: dict[str, list[bytes]] = {
    "204": [NO_CONTENT],
    "length": [http(signed())],
    "no bytes": [b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"],
    "chunks": [chunked(signed())],
    "chunks with a trailer": [chunked(signed(), b"X-Trailer: 1\r\n")],
    "interim": [b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + http(signed())],
    "in pieces": [http(signed())[i : i + 400] for i in range(0, len(http(signed())), 400)],
    "head byte by byte": [*(bytes([byte]) for byte in http(signed())[:30]), http(signed())[30:]],
    "end of chunks apart": [chunked(signed())[:-3], chunked(signed())[-3:]],
    "large": [http(signed("old", f"<Order xmlns='urn:orders'>{'x' * 3_000_000}</Order>"))],
    "large chunk": [chunked(signed("old", f"<Order xmlns='urn:orders'>{'x' * 3_000_000}</Order>"))],
}


@pytest.mark.parametrize("case", CLEAN)
def test_a_connection_whose_answer_ended_where_it_should_is_used_again(tmp_path: Path, case: str) -> None:
    connections: list[int] = []

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = keeps_alive(CLEAN[case], connections, pause=0.002)
            assert (await it.ask()).status < 300
            await asyncio.sleep(0.01)
            response = await it.ask()
            assert (response.status, HONEST.encode() in response.body) == (200, True)
            assert connections == [2]

    run(scenario())


def test_bytes_that_the_event_loop_has_not_yet_seen(tmp_path: Path) -> None:
    served: list[str] = []
    asked = threading.Event()

    def serve(listener: socket.socket) -> None:
        for name in ("first", "second"):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                request = b""
                while not request.endswith(b"\r\n\r\nx"):
                    request += connection.recv(65536)
                served.append(name)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name.encode()))
                if name == "first":
                    asked.wait(5)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED")
                    asked.clear()
                with contextlib.suppress(ConnectionResetError):
                    connection.recv(65536)

    async def scenario() -> None:
        async with aiohttp.ClientSession(connector=StrictConnector(limit=0)) as session:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            async with session.post(url, data=b"x") as response:
                assert await response.read() == b"first"
            asked.set()
            deadline = time.monotonic() + 5
            while asked.is_set() and time.monotonic() < deadline:
                time.sleep(0.001)  # the event loop must not see what arrives
            async with session.post(url, data=b"x") as response:
                assert await response.read() == b"second"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(scenario(), 20))
        thread.join(10)
    assert served == ["first", "second"]


@pytest.mark.parametrize(("parts", "expected"), [([http(signed())], [3]), ([http(signed()), SMUGGLED], [1, 2])])
def test_with_tls_it_is_the_same(tmp_path: Path, parts: list[bytes], expected: list[int]) -> None:
    connections: list[int] = []
    authority = Authority.make(tmp_path, "ca")
    context = server_context(authority.issue("receiver"))

    async def scenario() -> None:
        ca_file = f'ca_file = "{authority.file}"'
        async with world(tmp_path, ca_file, upstream="https://127.0.0.1:{port}/ws", tls=context) as it:
            it.receiver.reply = keeps_alive(parts, connections)
            for _ in range(3):
                response = await it.ask()
                assert (response.status, b"SMUGGLED" in response.body) == (200, False)
                await asyncio.sleep(0.08)
            assert connections == expected

    run(scenario())
