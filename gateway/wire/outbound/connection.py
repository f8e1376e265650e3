"""One connection to the receiver: a request, the response to it, and the next request only after an exact end.

A connection returned to a pool with whatever the receiver sends afterwards would give bytes behind a 204, or beyond
Content-Length, to the next request, which is another client's. Here a connection serves again only where the response
ended exactly where its framing says (RFC 9112, 6.3), where whoever judged it says that it fits (`Lease`), and where
nothing arrived until the next request left.

What this cannot tell apart, nor any other HTTP/1.1 client: bytes that arrive after the next request was sent look like
its response. They have to be well timed, they have to pass the verification, and a signed RelatesTo gives them away.
"""

import asyncio
import select
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, cast

from gateway.wire.outbound.errors import BrokenOff, Disconnected, TlsFailed, UpstreamFailure, words
from gateway.wire.outbound.responses import ResponseReader
from gateway.wire.outbound.writing import RequestWriter

_LEASE_SECONDS: Final = 0.5
"""How long it may take to decide about a connection that serves again: the receiver counts its own patience from the
end of the response, and the pool from the decision."""


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time."""

    def __init__(self, *, on_release: Callable[["Connection"], None], on_lost: Callable[["Connection"], None]) -> None:
        """Wait for the transport.

        Args:
            on_release: Told when the connection may serve again.
            on_lost: Told when it is gone.
        """
        self._on_release = on_release
        self._on_lost = on_lost
        self._response: ResponseReader | None = None
        """That of the request under way, and then until it is judged."""
        self._waiter: asyncio.Future[None] | None = None
        self._is_spoiled = False
        """Something came that nobody asked for."""
        self._requests = 0
        self._poll: select.poll | None = None
        self.peer = ""
        """Address and port of the other end."""
        self._loop = asyncio.get_running_loop()
        self.lost = self._loop.create_future()
        """Done when the connection is gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for a request."""
        # uvloop's transports are of no class that asyncio has.
        self._transport = cast(asyncio.Transport, transport)
        self._writer = RequestWriter(self._transport)
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self.peer = _address(transport.get_extra_info("peername"))

    @property
    def is_new(self) -> bool:
        """Whether it has served no request."""
        return self._requests == 0

    @property
    def is_reusable(self) -> bool:
        """Whether it may serve another request, as far as is known without asking the operating system."""
        return not self._is_spoiled and not self._transport.is_closing()

    def is_quiet(self) -> bool:
        """Whether nothing has arrived; to be asked last of all before the first octet of the request is written."""
        if not self.is_reusable:
            return False
        if self.is_new and self._tls is not None:
            return True  # the tickets of a new TLS session may come at any time (RFC 8446, 4.6.1)
        return not self._has_input()

    async def ask(self, head: bytes, body: bytes, response: ResponseReader) -> bool:
        """Send a request and wait until `response` is complete; whether the connection may serve again.

        One that may not, or whose request failed or was cancelled, is closed.

        Raises:
            UpstreamFailure: No complete response came, or one that is none.
        """
        self._requests += 1
        self._response = response
        self._waiter = self._loop.create_future()
        try:
            self._writer.write(head, body)
            await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None
        if self.is_reusable:
            return True
        self.close()
        return False

    def release(self) -> None:
        """The response was judged: serve again, or close where something arrived meanwhile."""
        self._response = None
        if self.is_reusable:
            self._on_release(self)
        else:
            self.close()

    def close(self) -> None:
        """Close the connection; what is not written yet is left out."""
        self._is_spoiled = True
        self._writer.stop()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once, without a word."""
        self._is_spoiled = True
        self._writer.stop()
        self._transport.abort()

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Take in a part of a response; without a request under way, close the connection."""
        response = self._response
        if response is None:
            self.abort()
            return
        if response.is_complete:
            self._is_spoiled = True  # nobody asked for more
            return
        try:
            is_complete = response.feed(data)
        except UpstreamFailure as failure:
            self._finish(failure)
            self.close()
            return
        if is_complete:
            # A response that was there before its request had left is not kept company by another one.
            if not response.is_exact or not self._writer.is_done:
                self._is_spoiled = True
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        """Let nobody wait any more."""
        self._is_spoiled = True
        self._writer.stop()
        response = self._response
        if response is not None and not response.is_complete:
            try:
                response.end()
            except Disconnected as failure:
                self._finish(failure if error is None else _broken(error))
            except BrokenOff as failure:
                self._finish(failure)
            else:
                self._finish()
        if not self.lost.done():
            self.lost.set_result(None)
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The receiver does not take in what is written."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """It does again."""
        self._writer.resume()

    def _finish(self, failure: UpstreamFailure | None = None) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if failure is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(failure)

    def _has_input(self) -> bool:
        """Whether bytes wait to be read: in the system's buffers, or in those of TLS."""
        if self._poll is None:
            socket: Any = self._transport.get_extra_info("socket")
            if socket is None or socket.fileno() < 0:
                return True
            self._poll = select.poll()
            self._poll.register(socket.fileno(), select.POLLIN | select.POLLPRI)
        return bool(self._poll.poll(0)) or (self._tls is not None and self._tls.pending() > 0)


class Lease:
    """A connection whose response has been read and not yet been judged: it serves again only where that is said."""

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
"""Of a response whose connection is closed."""


def _address(peer: object) -> str:
    """`peer`, as the operating system names the other end of a connection, in one word."""
    match peer:
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case _:
            return ""


def _broken(error: Exception) -> UpstreamFailure:
    # A receiver that misses a client certificate says so only when the response is read (RFC 8446, 4.4.2.4).
    if isinstance(error, ssl.SSLError):
        return TlsFailed.because(error)
    detail = words(error) if isinstance(error, OSError) else type(error).__name__
    return Disconnected(f"the connection to the receiver failed: {detail}")
