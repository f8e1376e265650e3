"""Connections to a receiver that carry one answer for each request, and are never used again after anything else.

aiohttp returns a connection to its pool with whatever the receiver sends afterwards: bytes behind a 204, or beyond
Content-Length, would be read as the answer to the next request, which is another client's. Here a connection serves
again only where the answer ended exactly where its framing says (RFC 9112, 6.3), where whoever judged it says that it
fits (`Lease`), and where nothing arrived until the next request left.

What this cannot tell apart, nor any other HTTP/1.1 client: bytes that arrive after the next request was sent look like
its answer. They have to be well timed, they have to pass the verification, and a signed RelatesTo gives them away.
"""

import asyncio
import select
import time
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader

_END_OF_CHUNKS: Final = b"\r\n\r\n"
_LEASE_SECONDS: Final = 0.5
"""How long it may take to decide about a connection that serves again: the receiver counts its own patience from the
end of the answer, and the pool from the decision."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_LAST: Final = len(_END_OF_CHUNKS) + 1
"""Octets at the end of an answer that are looked at."""
_NO_TRACES: Final[list[Any]] = []


class Lease:
    """A connection whose answer has been read and not yet been judged: it serves again only where that is said."""

    __slots__ = ("_connection", "_since")

    def __init__(self, connection: Connection | None) -> None:
        """Hold `connection`; None where it is closed already."""
        self._connection = connection
        self._since = time.monotonic()

    def keep(self) -> None:
        """Let the connection serve again; without effect after `drop`."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if time.monotonic() - self._since > _LEASE_SECONDS:
            connection.close()
        else:
            connection.release()

    def drop(self) -> None:
        """Close the connection; without effect after `keep`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


NO_LEASE: Final = Lease(None)
"""Of an answer whose connection is closed."""


class StrictConnector(aiohttp.TCPConnector):
    """A pool of connections that are given out only in the state of a fresh one."""

    def __init__(self, **options: Any) -> None:
        """Like `aiohttp.TCPConnector`."""
        super().__init__(**options)
        self._factory = partial(StrictResponseHandler, loop=self._loop)  # type: ignore[assignment]  # partial is invariant

    async def take(
        self, key: ConnectionKey, request: aiohttp.ClientRequest, timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A connection of the pool, or a new one.

        Args:
            key: That of `request`, which is costly to ask for it.
            request: Tells a new connection where it leads.
            timeout: For making a new connection.

        Raises:
            TimeoutError: None was made in time.
            aiohttp.ClientError: None could be made.
        """
        connection = await self._get(key, _NO_TRACES)
        return connection or await self.connect(request, _NO_TRACES, timeout)

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Connection | None:
        # Ends: every turn takes a connection out of the pool.
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if isinstance(protocol, StrictResponseHandler) and protocol.is_fresh:
                return connection
            connection.close()
        return None

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        is_done = isinstance(protocol, StrictResponseHandler) and protocol.rest()
        super()._release(key, protocol, should_close=should_close or not is_done)


class BrokenFraming(aiohttp.ClientPayloadError):
    """The body of an answer does not follow its own framing, such as a chunk without a size."""


class StrictResponseHandler(ResponseHandler):
    """One connection; counts what arrives, and closes it at the first byte that nobody asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the first request."""
        super().__init__(loop)
        self._is_idle = True
        self._framing: RawResponseMessage | None = None
        self._received = 0
        """Bytes since the request was begun."""
        self._head = 0
        """Those of them that are the heads of answers."""
        self._last = b""
        self._body: StreamReader | None = None
        """That of the answer, as soon as its head is there."""
        self._requests = 0
        self._poll: select.poll | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def is_fresh(self) -> bool:
        """Whether it may serve a request: nothing was left over, and nothing waits in the system's buffers.

        What is left over shows in `should_close` where an answer ended, and its connection was released, in the middle
        of what arrived.
        """
        return self._is_idle and not self.should_close and not self._has_input()

    @property
    def is_new(self) -> bool:
        """Whether it has served no request, or only the one that is under way."""
        return self._requests <= 1

    def is_quiet(self) -> bool:
        """Whether nothing has arrived yet; to be asked last of all before the first octet of the request is written."""
        if self.is_new and self._tls() is not None:
            return True  # the tickets of a new TLS session may come at any time (RFC 8446, 4.6.1)
        return not self.should_close and not self._has_input()

    def set_response_params(self, **parameters: Any) -> None:
        """Begin to wait for an answer."""
        self._is_idle = False
        self._requests += 1
        self._framing, self._body, self._received, self._head, self._last = None, None, 0, 0, b""
        super().set_response_params(**parameters)

    def rest(self) -> bool:
        """Go back to waiting for a request; return whether the answer ended exactly where it should have."""
        is_exact = self._is_exact()
        self._is_idle = True
        return is_exact

    def data_received(self, data: bytes) -> None:
        """Take in a part of an answer; without a request under way, close the connection."""
        if self._is_idle:
            if data and self.transport is not None:
                self.force_close()
                self.transport.abort()
            return
        if data and self._body is not None and self._body.is_eof():
            self.force_close()  # the answer is complete, and nobody asked for more
            return
        self._received += len(data)
        self._last = (self._last + data[-_LAST:])[-_LAST:]
        start = 0
        # The head is parsed up to its end where there is no doubt where that is, and else line by line, so that it is
        # known; each turn takes something out of `data`.
        while self._framing is None and (end := self._end_of_head(data) or data.find(b"\n", start) + 1) > 0:
            self._head += end - start
            super().data_received(data[start:end])
            start = end
            if self.should_close and self.exception() is not None:
                return
        if self._framing is None:
            self._head += len(data) - start
        if start < len(data) or not data:
            super().data_received(data[start:])

    def _end_of_head(self, data: bytes) -> int:
        """Where the head at the beginning of `data` ends; 0 where it may be read in several ways, or began before.

        A parser may take a line feed or a carriage return alone for the end of a line, and two of them for that of the
        head; where each stands beside the other, there is one empty line that comes first.
        """
        if self._head:
            return 0
        end = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        if end < len(_END_OF_HEAD):
            return 0
        lines = data.count(b"\r\n", 0, end)
        return end if data.count(b"\n", 0, end) == lines == data.count(b"\r", 0, end) else 0

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Fail, and let whoever reads the body know at once: aiohttp itself tells only those who wait for a head."""
        payload = self._payload
        super().set_exception(exc, *cause)
        if isinstance(exc, HttpProcessingError) and payload is not None and not payload.is_eof():
            payload.set_exception(BrokenFraming("the body does not follow its framing"))

    def feed_data(self, data: tuple[RawResponseMessage, Any], size: int = 0) -> None:
        """Note how the answer is framed, as soon as its head is there."""
        message = data[0]
        if message.code >= 200:  # an interim answer has no body, and the next head follows
            self._framing, self._body = message, data[1]
        super().feed_data(data, size)

    def _is_exact(self) -> bool:
        framing = self._framing
        if framing is None:
            return False
        if framing.chunked:
            # The last chunk and the trailers end in an empty line. A further head that is cut short does not, and one
            # that is complete is in the queue of messages, which `should_close` looks at. The line before is not empty.
            return self._last.endswith(_END_OF_CHUNKS) and not self._last.startswith(b"\n")
        length = framing.headers.get("Content-Length", "0")
        has_body = framing.code not in {204, 304} and not self._skip_payload
        return bool(self._received == self._head + (int(length) if has_body else 0))

    def pause_writing(self) -> None:
        """The receiver does not take in what is written."""
        super().pause_writing()
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._writable.set()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let nobody wait any more."""
        super().connection_lost(exc)
        self._writable.set()

    async def writable(self) -> None:
        """Wait until more may be written, or the connection is gone."""
        await self._writable.wait()

    def _tls(self) -> Any:
        return None if self.transport is None else self.transport.get_extra_info("ssl_object")

    def _has_input(self) -> bool:
        """Whether bytes wait to be read: in the system's buffers, in those of TLS, or behind a pause of reading."""
        transport = self.transport
        if transport is None or transport.is_closing() or not transport.is_reading():
            return True
        if self._poll is None:
            socket = transport.get_extra_info("socket")
            if socket is None or socket.fileno() < 0:
                return True
            self._poll = select.poll()
            self._poll.register(socket.fileno(), select.POLLIN | select.POLLPRI)
        tls = self._tls()
        return bool(self._poll.poll(0)) or (tls is not None and tls.pending() > 0)
