"""Sockets, and uvicorn servers that run on them inside one event loop."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import uvicorn

from gateway.config import ListenAddress
from gateway.wire.inbound.answer import Receive, Scope, Send
from gateway.wire.inbound.client_tls import ClientTls

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_BACKLOG: Final = 1024
_CHOOSE: Final = "choose another address"
_ADVICE: Final = {
    errno.EADDRINUSE: f"stop what listens there, or {_CHOOSE}",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address: use one that has, or 0.0.0.0 for all of them",
    errno.EACCES: "ports below 1024 take rights that this user has not: choose a higher one",
}


def bind(key: str, address: ListenAddress) -> socket.socket:
    """A socket bound to `address`, which the configuration calls `key`.

    Raises:
        OSError: The address is in use, not on this machine, or needs more rights; `filename` names key and address.
    """
    where = f"{key} = {address}"
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(
            error.errno, "this host name cannot be resolved; use an address of this machine", where
        ) from error
    family, kind, protocol, _, target = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(target)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = f"{os.strerror(error.errno or 0).lower()}; {_ADVICE.get(error.errno or 0, _CHOOSE)}"
        raise OSError(error.errno, reason, where) from error
    return listener


def bound_address(listener: socket.socket) -> str:
    """HOST:PORT of `listener`, with the port that the system chose where none was asked for."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Server(uvicorn.Server):
    """A server that leaves signals to the process, of which it is only a part."""

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        protocol: type[asyncio.Protocol],
        *,
        idle_seconds: float,
        shutdown_seconds: float,
        tls: ClientTls | None = None,
        handshake_seconds: float = 10.0,
    ) -> None:
        """Serve `application` on `listener`; with `tls` only by a server that greets each connection by itself."""
        self.tls = tls
        self.handshake_seconds = handshake_seconds
        super().__init__(
            uvicorn.Config(
                application,
                http=protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=max(1, round(idle_seconds)),
                timeout_graceful_shutdown=max(1, round(shutdown_seconds)),
            )
        )
        self._listener = listener
        self._stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept: as uvicorn does, which knows no TLS that changes."""
        if self.tls is not None:
            raise RuntimeError("this server would serve without TLS")
        await super().startup(sockets)

    def start(self) -> None:
        """Begin to serve in a task of its own."""
        self.task = asyncio.create_task(self.serve(sockets=[self._listener]))

    async def stop(self) -> None:
        """Take no more connections, let what is under way finish, and end."""
        self.should_exit = True
        self._stopping.set()
        if self.task is not None:
            await self.task

    async def main_loop(self) -> None:
        """Wait for the end; there is nothing to be done in between, such as refreshing a Date header."""
        await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: see the class."""
        yield
