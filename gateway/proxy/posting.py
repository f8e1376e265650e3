"""One request whose body is in memory, on a connection of the pool.

aiohttp's session makes a request object, a response object, a task that writes and a dozen intermediate ones for what
is one write and one parse: half of the door's own processor time. Here the connections, their pool, TLS, the parser of
the answer and the errors are aiohttp's, and the rest is left out: no cookies, redirects, proxies, tracing or retries.
Nor does anything decode what it passes on: target, header fields and body leave octet by octet as they were given.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader
from yarl import URL

from gateway.frozen import statically_frozen
from gateway.proxy.pooling import NO_LEASE, Lease, StrictConnector, StrictResponseHandler

MAX_LINE: Final = 16 * 1024
"""Octets of a status line."""
MAX_FIELD: Final = 32 * 1024
"""Octets of a header field of an answer."""
MAX_FIELDS: Final = 256
"""Header fields of an answer."""

_WHOLE: Final = 1024 * 1024
"""Octets of a body up to which it leaves in one write."""
_PIECE: Final = 64 * 1024
"""Larger bodies are written in pieces, so that one of them does not hold up the event loop."""


class NotHttp(aiohttp.ClientError):
    """What came is no head of an HTTP answer."""


@statically_frozen(frozen=True, slots=True)
class Posted:
    """An answer, as far as it was read."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | None
    """None where it is longer than the limit."""
    lease: Lease = field(default=NO_LEASE, compare=False)
    """To be kept or dropped by who judges the answer."""


class Poster:
    """Sends requests to one origin. To be made inside the event loop; the connector is closed by its owner."""

    def __init__(self, connector: StrictConnector, url: URL, timeout: aiohttp.ClientTimeout) -> None:
        """Send to the origin of `url` on connections of `connector`.

        Args:
            connector: Makes and keeps the connections.
            url: Any URL of the receiver.
            timeout: For making a connection.
        """
        self._connector = connector
        self._timeout = timeout
        # What aiohttp's connector wants to know about where a connection leads.
        self._stub = aiohttp.ClientRequest("POST", url, loop=asyncio.get_running_loop())
        self._key = self._stub.connection_key
        self._host = self._stub.headers["Host"]

    async def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        limit: int,
        check: Callable[[int], None],
    ) -> Posted:
        """Send one request, and read the answer, at most `limit` octets of its body.

        Args:
            method: Such as POST.
            target: Path and query, encoded as they are to be sent.
            headers: Header fields, without Host and framing; a character for an octet (ISO-8859-1).
            body: The whole body.
            limit: Octets of the answer's body.
            check: Told the status before the body is read; what it raises is raised here.

        Raises:
            aiohttp.ClientError: No connection, or no complete answer.
            OSError: Likewise.
            ValueError: Target or header fields hold a line break, or what is no octet.
        """
        is_whole = len(body) <= _WHOLE
        first = self._head(method, target, headers, len(body)) + (body if is_whole else b"")
        connection, protocol, transport = await self._ready()
        rest: asyncio.Task[None] | None = None
        try:
            transport.write(first)
            if not is_whole:
                rest = asyncio.create_task(_write(protocol, transport, body))
            message, payload = await _final(protocol)
            check(message.code)
            content = await _content(message, payload, limit)
        except BaseException:
            connection.close()
            raise
        finally:
            is_sent = rest is None or rest.done()
            if rest is not None:
                rest.cancel()
        # An answer that was there before its request had left is not kept company by another one.
        if content is None or not is_sent or transport.get_write_buffer_size():
            connection.close()
            return Posted(message.code, message.raw_headers, content)
        return Posted(message.code, message.raw_headers, content, Lease(connection))

    async def _ready(self) -> tuple[Connection, StrictResponseHandler, asyncio.WriteTransport]:
        """A connection that waits for an answer, and on which nothing has arrived: the next step is to write."""
        # Ends: every turn takes a connection out of the pool, and a new one is the last.
        while True:
            try:
                connection = await self._connector.take(self._key, self._stub, self._timeout)
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError("no connection in time") from error
            try:
                ready = _begin(connection)
            except BaseException:
                connection.close()
                raise
            if ready is not None:
                return connection, *ready
            connection.close()

    def _head(self, method: str, target: str, headers: Sequence[tuple[str, str]], length: int) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *[f"{name}: {value}" for name, value in headers]]
        if length or method == "POST":  # RFC 9110, 8.6
            lines.append(f"Content-Length: {length}")
        head = "\r\n".join([*lines, "\r\n"])
        # A last look: whatever let a line break through, it must not make two requests of one.
        breaks = len(lines) + 1
        if head.count("\r") != breaks or head.count("\n") != breaks:
            raise ValueError("the request holds a line break within a field")
        return head.encode("latin-1")


def _begin(connection: Connection) -> tuple[StrictResponseHandler, asyncio.WriteTransport] | None:
    """Have `connection` wait for an answer; None where something has arrived on it since it served last."""
    protocol = connection.protocol
    transport = None if protocol is None else protocol.transport
    if not isinstance(protocol, StrictResponseHandler) or transport is None or transport.is_closing():
        raise aiohttp.ClientConnectionResetError("the connection was closed meanwhile")
    protocol.set_response_params(
        read_until_eof=True,
        auto_decompress=False,
        read_bufsize=2**16,
        max_line_size=MAX_LINE,
        max_field_size=MAX_FIELD,
        max_headers=MAX_FIELDS,
    )
    if protocol.is_quiet():
        return protocol, transport
    if protocol.is_new:
        raise aiohttp.ClientConnectionResetError("something arrived before the request was sent")
    return None


async def _write(protocol: StrictResponseHandler, transport: asyncio.WriteTransport, body: bytes) -> None:
    for start in range(0, len(body), _PIECE):
        await protocol.writable()
        if transport.is_closing():
            return
        transport.write(body[start : start + _PIECE])


async def _final(protocol: ResponseHandler) -> tuple[RawResponseMessage, StreamReader]:
    """The answer that is no interim one (RFC 9110, 15.2); the deadline of who asks bounds how many of those come."""
    while True:
        try:
            message, payload = await protocol.read()
        except HttpProcessingError as error:
            raise NotHttp("the answer is not HTTP") from error
        if not 100 <= message.code <= 199 or message.code == 101:
            return message, payload


async def _content(message: RawResponseMessage, payload: StreamReader, limit: int) -> bytes | None:
    announced = message.headers.get("Content-Length")
    if announced is not None and int(announced) > limit:
        return None
    chunks: list[bytes] = []
    length = 0
    while chunk := await payload.readany():
        length += len(chunk)
        if length > limit:
            return None
        chunks.append(chunk)
        if payload.at_eof() and payload.exception() is None:  # most answers come in one piece: no need to ask again
            break
    return b"".join(chunks)
