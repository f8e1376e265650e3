"""What a receiver sends without being asked is nobody's answer."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
import uvloop

from fixtures.generator import soap
from fixtures.generator.signing import sign
from gateway.wire.outbound import BrokenOff, UpstreamClient
from gateway.wire.outbound.connecting import Connector
from gateway.wire.outbound.connection import Connection, Lease
from gateway.wire.outbound.pool import Pool
from gateway.wire.outbound.responses import ResponseReader
from tests.gateway.exchange.harness import Receiver, Reply, envelope, run, signed, world
from tests.gateway.exchange.harness import http as answered
from tests.gateway.wire.authority import Authority
from tests.gateway.wire.outbound.test_tls import server_context

http = partial(answered, Connection="keep-alive")
SMUGGLED = http(signed("old", "<Order xmlns='urn:orders'>SMUGGLED</Order>"))
HONEST = "HONEST"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def chunked(body: bytes, trailer: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailer)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a busy machine takes for an answer, its connection may be used again: the limit is a rule apart."""
    monkeypatch.setattr("gateway.wire.outbound.connection._LEASE_SECONDS", 60)
    monkeypatch.setattr("gateway.wire.outbound.pool.KEEP_ALIVE_SECONDS", 60)


def keeps_alive(
    parts: Sequence[bytes], connections: list[int], pause: float = 0.03, sent: asyncio.Event | None = None
) -> Reply:
    """Send `parts` as the answer to the first request on a connection, and honest answers to the further ones.

    Sets `sent` when the last of the parts has been sent, or the gateway takes no more.
    """

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        first = parts if len(connections) == 1 else [http(signed("old", f"<Order xmlns='urn:orders'>{HONEST}</Order>"))]
        try:
            for part in first:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        finally:
            if sent is not None:
                sent.set()
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
    "chunks, blank lines": [chunked(signed()) + b"\r\n\r\n"],
    "chunks, a blank line": [chunked(signed()) + b"\r\n"],
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
            sent = asyncio.Event()
            it.receiver.reply = keeps_alive(BEYOND[case], connections, sent=sent)
            first = await it.ask()
            assert first.status == (204 if case.startswith("204") else 200)
            await sent.wait()
            for _ in range(2):
                response = await it.ask()
                assert (response.status, response.headers["wssgate-verdict"]) == (200, "accepted")
                assert HONEST.encode() in response.body
            assert connections == [1, 2], "the first connection is not used again, the second one is"

    run(scenario())


WSA = "http://www.w3.org/2005/08/addressing"


def order(text: str, relates_to: str | None = None) -> bytes:
    """A genuine answer, kept alive; with a signed wsa:RelatesTo where it says to what."""
    header, parts = "", [soap.BODY]
    if relates_to is not None:
        wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
        header = f'<a:RelatesTo xmlns:a="{WSA}" xmlns:wsu="{wsu}" wsu:Id="relates">{relates_to}</a:RelatesTo>'
        parts.append(soap.Reference("#relates"))
    content = f'<Order xmlns="urn:orders">{text}</Order>'
    message = soap.Envelope(soap.signature(*parts, key_info=""), body=content, headers_before=header)
    return http(sign(message.text(), "old"))


def asks(message_id: str, size: int = 0) -> bytes:
    header = f'<a:MessageID xmlns:a="{WSA}">{message_id}</a:MessageID>'
    return envelope(f"<GetOrder xmlns='urn:orders'>{'x' * size}</GetOrder>", header=header)


class Shifting:
    """Answers each request in its turn, but for one stray answer ahead of the one to request number `at`."""

    def __init__(self, receiver: Receiver, stray: bytes = b"", at: int = 0, *, binds: bool = True) -> None:
        receiver.reply = self._reply
        self._receiver, self._stray, self._at, self._binds = receiver, stray, at, binds
        self.connections = 0
        self._asked = 0

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        request = self._receiver.requests[-1]
        while True:
            self._asked += 1
            found = re.search(rb"MessageID[^>]*>([^<]*)<", request)
            name = found[1].decode() if found else "none"
            if self._asked == self._at:
                writer.write(self._stray)
                await writer.drain()
                await asyncio.sleep(0.05)  # the proper answer is late: the connection may be in use again
            writer.write(order(f"to {name}", name if self._binds else None))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            request = await reader.readexactly(int(length[1]) if length else 0)


STRAYS = {
    "unbound": order("STRAY"),
    "bound to another request": order("STRAY", "urn:uuid:another"),
    "unsigned": http(b"<html>STRAY</html>"),
    "empty": NO_CONTENT,
}


@pytest.mark.parametrize("size", [0, 1_500_000], ids=["small", "large"])
@pytest.mark.parametrize("case", STRAYS)
def test_a_stray_answer_shifts_no_other(tmp_path: Path, case: str, size: int) -> None:
    """Each further request on its connection would get the answer to the one before."""

    async def scenario() -> None:
        async with world(tmp_path) as it:
            receiver = Shifting(it.receiver, STRAYS[case], at=3)
            got = []
            for number in range(8):
                response = await it.ask(body=asks(f"urn:uuid:{number}", size))
                got.append(response.status < 300 and f">to urn:uuid:{number}<".encode() in response.body)
            assert got == [True, True, False, True, True, True, True, True]
            assert receiver.connections == 2, "only that of the stray answer is not used again"

    run(scenario())


def test_where_nothing_is_bound_connections_are_used_again_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            receiver = Shifting(it.receiver, binds=False)
            for number in range(5):
                assert (await it.ask(body=asks(f"urn:uuid:{number}"))).status == 200
            assert receiver.connections == 1

    run(scenario())


def test_a_connection_that_brought_a_wsdl_is_not_used_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            receiver = Shifting(it.receiver)
            await it.ask("GET", "/orders?wsdl")
            assert (await it.ask(body=asks("urn:uuid:1"))).status == 200
            assert receiver.connections == 2

    run(scenario())


def test_a_connection_whose_exchange_broke_down_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    async def scenario() -> None:
        async with world(tmp_path) as it:
            receiver = Shifting(it.receiver)
            with monkeypatch.context() as patch:
                patch.setattr("gateway.exchange.pipeline.record_judgement", broken)
                assert (await it.ask(body=asks("urn:uuid:1"))).status == 500
            assert (await it.ask(body=asks("urn:uuid:2"))).status == 200
            assert receiver.connections == 2

    run(scenario())


def test_a_connection_whose_answer_came_before_its_request_had_left_is_not_used_again(tmp_path: Path) -> None:
    """The rest of the body would be read as the next request, or the answer is not that to this one."""
    connections = []

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(order("early"))
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(early, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with world(tmp_path, upstream=f"http://127.0.0.1:{port}/ws") as it:
                for _ in range(2):
                    assert (await it.ask(body=asks("urn:uuid:1", 15_000_000))).status == 200
                assert len(connections) == 2

    run(scenario())


class Fake:
    """What a lease does with a connection."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def release(self) -> None:
        self.done.append("released")

    def close(self) -> None:
        self.done.append("closed")


@pytest.mark.parametrize(
    ("said", "done"),
    [
        (["keep"], "released"),
        (["drop"], "closed"),
        (["keep", "drop", "keep"], "released"),
        (["drop", "keep"], "closed"),
        (["late keep"], "closed"),
    ],
)
def test_what_is_said_first_about_a_lease_counts(said: list[str], done: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Fake()
    lease = Lease(connection)  # type: ignore[arg-type]  # as far as it is used
    for word in said:
        if word.startswith("late"):  # the receiver may be about to close it
            now = time.monotonic()
            monkeypatch.setattr("gateway.wire.outbound.connection.time.monotonic", lambda now=now: now + 61)
        getattr(lease, word.rpartition(" ")[2])()
    assert connection.done == [done]


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
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        client = UpstreamClient(url, 10, None)
        try:
            first = await client.send("POST", url, (), b"x", limit=100)
            assert first.body == b"first"
            first.lease.keep()
            asked.set()
            deadline = time.monotonic() + 5
            while asked.is_set() and time.monotonic() < deadline:
                time.sleep(0.001)  # the event loop must not see what arrives
            second = await client.send("POST", url, (), b"x", limit=100)
            assert second.body == b"second"
            second.lease.keep()
        finally:
            await client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(scenario(), 20))
        thread.join(10)
    assert served == ["first", "second"]


class Slow(Connector):
    """Gives time to `between`, while the event loop stands still, before what it made is used."""

    between: Callable[[], None]

    async def connect(self, make: Callable[[], Connection]) -> Connection:
        connection = await super().connect(make)
        self.between()
        return connection


def test_bytes_ahead_of_the_first_request_are_not_its_answer() -> None:
    """They arrive when the connection is made, and the request is not written yet."""
    speak, spoken = threading.Event(), threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            assert speak.wait(5)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nAHEAD")
            spoken.set()
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                connection.recv(65536)

    def between() -> None:
        speak.set()
        assert spoken.wait(5)
        time.sleep(0.02)

    async def scenario() -> None:
        connector = Slow("127.0.0.1", listener.getsockname()[1], None)
        connector.between = between
        pool = Pool(connector)
        try:
            with pytest.raises(BrokenOff, match="before it was asked"):
                await pool.connection()
        finally:
            await pool.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(scenario(), 20))
    thread.join(10)
    assert spoken.is_set()


def _connection(ours: socket.socket, what: str = "nothing") -> Connection:
    tls = mock.Mock(pending=lambda: int("TLS" in what))
    connection = Connection(on_release=lambda _: None, on_lost=lambda _: None)
    connection.connection_made(
        mock.Mock(
            is_closing=lambda: "closing" in what,
            get_extra_info=lambda name: {"socket": ours, "ssl_object": tls, "peername": ("127.0.0.1", 1)}[name],
            get_write_buffer_size=lambda: 0,
        )
    )
    return connection


@pytest.mark.parametrize("what", ["nothing", "octets in the buffers of TLS", "it is closing", "octets came already"])
def test_a_connection_is_quiet_where_nothing_waits(what: str) -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            connection = _connection(ours, what)
            asked = asyncio.create_task(connection.ask(b"", b"", ResponseReader(100)))
            await asyncio.sleep(0)
            connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert await asked is ("closing" not in what)
            if "already" in what:
                connection.data_received(b"x")
            assert connection.is_quiet() is (what == "nothing")
            theirs.send(b"x")
            assert not connection.is_quiet()

    asyncio.run(scenario())


def test_what_arrives_while_an_answer_is_judged_keeps_its_connection_out_of_the_pool() -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            released: list[Connection] = []
            connection = Connection(on_release=released.append, on_lost=lambda _: None)
            transport = mock.Mock(is_closing=lambda: False, get_write_buffer_size=lambda: 0)
            connection.connection_made(transport)
            asked = asyncio.create_task(connection.ask(b"", b"", ResponseReader(100)))
            await asyncio.sleep(0)
            connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert await asked
            connection.data_received(b"HTTP")
            Lease(connection).keep()
            assert released == []
            transport.close.assert_called_once_with()

    asyncio.run(scenario())


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    writer.close()


def test_a_connection_that_waited_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.wire.outbound.pool.KEEP_ALIVE_SECONDS", 1)

    async def scenario() -> None:
        async with await asyncio.start_server(_answers, "127.0.0.1", 0) as server:
            pool = Pool(Connector("127.0.0.1", server.sockets[0].getsockname()[1], None))
            kept = []
            for _ in range(2):
                connection = await pool.connection()
                assert await connection.ask(b"GET / HTTP/1.1\r\n\r\n", b"", ResponseReader(100))
                kept.append(connection)
            kept[0].release()
            await asyncio.sleep(0.6)
            kept[1].release()
            await asyncio.wait_for(asyncio.shield(kept[0].lost), 30)
            assert not kept[1].lost.done(), "it has some time left"
            await asyncio.wait_for(asyncio.shield(kept[1].lost), 30)
            connection = await pool.connection()
            assert connection not in kept
            await pool.close()

    run(scenario())


def test_a_pool_that_is_closed_closes_all_and_makes_no_more() -> None:
    async def scenario() -> None:
        async with await asyncio.start_server(_answers, "127.0.0.1", 0) as server:
            pool = Pool(Connector("127.0.0.1", server.sockets[0].getsockname()[1], None))
            idle, busy, leased = [await pool.connection() for _ in range(3)]
            for connection in (idle, leased):
                assert await connection.ask(b"GET / HTTP/1.1\r\n\r\n", b"", ResponseReader(100))
            idle.release()
            asked = asyncio.create_task(busy.ask(b"GET / HTTP/1.1\r\n", b"", ResponseReader(100)))
            await asyncio.sleep(0.01)
            await pool.close()
            with pytest.raises(BrokenOff):
                await asked
            leased.release()
            assert all(connection.lost.done() for connection in (idle, busy, leased))
            with pytest.raises(BrokenOff, match="were closed"):
                await pool.connection()

    run(scenario())


def test_a_connection_that_is_made_while_the_pool_is_closed_is_not_used() -> None:
    made: list[Connection] = []
    pools: list[Pool] = []

    class Late(Connector):
        async def connect(self, make: Callable[[], Connection]) -> Connection:
            made.append(await super().connect(make))
            await pools[0].close()
            return made[0]

    async def scenario() -> None:
        async with await asyncio.start_server(_answers, "127.0.0.1", 0) as server:
            pools.append(Pool(Late("127.0.0.1", server.sockets[0].getsockname()[1], None)))
            with pytest.raises(BrokenOff, match="were closed"):
                await pools[0].connection()
            await asyncio.wait_for(made[0].lost, 30)

    run(scenario())


@pytest.mark.parametrize(("parts", "expected"), [([http(signed())], [3]), ([http(signed()), SMUGGLED], [1, 2])])
def test_with_tls_it_is_the_same(tmp_path: Path, parts: list[bytes], expected: list[int]) -> None:
    connections: list[int] = []
    authority = Authority.make(tmp_path, "ca")
    context = server_context(authority.issue("receiver"))

    async def scenario() -> None:
        ca_file = f'ca_file = "{authority.file}"'
        async with world(tmp_path, ca_file, upstream="https://127.0.0.1:{port}/ws", tls=context) as it:
            sent = asyncio.Event()
            it.receiver.reply = keeps_alive(parts, connections, sent=sent)
            for _ in range(3):
                response = await it.ask()
                assert (response.status, b"SMUGGLED" in response.body) == (200, False)
                await sent.wait()
            assert connections == expected

    run(scenario())
