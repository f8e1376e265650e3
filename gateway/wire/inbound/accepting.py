"""Accepting from a listening socket that several processes share, one connection at a time.

An event loop's own server takes all that waits as soon as it wakes, so that one worker gets nearly every connection of
a client that opens many at once and keeps them (16 connections on two workers were seen to fall 15 to 1). Here a worker
takes one connection and goes back to its event loop: meanwhile the others take theirs, and one that is busy takes none.

Each connection is greeted with the TLS of its moment, which a server of the event loop could not change.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final

import structlog

from gateway.bounded_lines import BoundedLines
from gateway.wire.inbound.client_tls import ClientTls
from gateway.wire.inbound.listening import Server

_PAUSE_SECONDS: Final = 1.0
"""How long nothing is accepted when the system has no descriptor left."""

_log = structlog.get_logger("wssgate.door")


class Acceptor:
    """Takes connections from `listener` until it is closed; looks like an `asyncio.Server` to uvicorn's."""

    def __init__(
        self,
        listener: socket.socket,
        new_protocol: Callable[[], asyncio.Protocol],
        tls: ClientTls | None = None,
        *,
        handshake_seconds: float = 10.0,
    ) -> None:
        """Begin to accept, with `tls` where there is one; a handshake may take `handshake_seconds`."""
        self._tls = tls
        self._handshake_seconds = handshake_seconds
        self._lines = BoundedLines()
        self._listener = listener
        self._new_protocol = new_protocol
        self._loop = asyncio.get_running_loop()
        self._connecting: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._accept()

    def close(self) -> None:
        """Accept no more."""
        self._loop.remove_reader(self._listener)
        if self._pause is not None:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Wait until every connection that was accepted has its protocol."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    def _accept(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._on_readable)

    def _on_readable(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client has given up
        except OSError as error:
            # The connection goes on waiting, and so the socket stays readable: trying again at once would be a loop.
            _log.error("no connection can be accepted", problem=str(error), pause_s=_PAUSE_SECONDS)
            self._loop.remove_reader(self._listener)
            self._pause = self._loop.call_later(_PAUSE_SECONDS, self._accept)
            return
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # the client has gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                await self._loop.connect_accepted_socket(self._new_protocol, connection)
            else:
                await self._greet(connection, self._tls)

    async def _greet(self, connection: socket.socket, tls: ClientTls) -> None:
        client = connection.getpeername()[0]
        try:
            await self._loop.connect_accepted_socket(
                self._new_protocol,
                connection,
                ssl=tls.context,
                ssl_handshake_timeout=self._handshake_seconds,
                ssl_shutdown_timeout=self._handshake_seconds,
            )
        except OSError as error:
            why = _why(error)
            if why and (fields := self._lines.take()) is not None:
                _log.warning("TLS handshake failed", client=client, why=why, **fields)


class SharingServer(Server):
    """A server on a listening socket that other processes accept from as well."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        (listener,) = sockets or []
        tls, seconds = self.tls, self.handshake_seconds
        self.servers = [Acceptor(listener, self._new_protocol, tls, handshake_seconds=seconds)]  # type: ignore[list-item]  # has what uvicorn calls
        self.started = True

    def _new_protocol(self) -> asyncio.Protocol:
        protocol: type[asyncio.Protocol] = self.config.http_protocol_class
        return protocol(  # type: ignore[call-arg]  # uvicorn's protocols take these
            config=self.config, server_state=self.server_state, app_state={}, _loop=asyncio.get_running_loop()
        )


def _why(error: OSError) -> str:
    """What went wrong, in OpenSSL's words, which are few and its own: nothing of them comes from a client.

    Empty where the client has closed the connection, as balancers do that only look whether somebody listens.
    """
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLError) and error.reason and not isinstance(error, ssl.SSLEOFError):
        return error.reason.lower().replace("_", " ")
    return ""
