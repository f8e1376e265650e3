"""A stack like the gateway's with nothing in it: uvicorn in, aiohttp out, no verification and no ledger.

Run as `python -m bench.load.passthrough HOST:PORT UPSTREAM WORKERS`. The workers are forked on one listening socket.
"""

import asyncio
import os
import signal
import socket
import sys
from typing import Final

import aiohttp
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from yarl import URL

from gateway.config import ListenAddress
from gateway.wire import Receive, Scope, Send, Server, SharingServer, bind

_DROPPED: Final = frozenset({b"content-length", b"connection", b"host", b"accept-encoding"})


class PassThrough:
    """An ASGI application that sends everything on and everything back."""

    def __init__(self, upstream: str) -> None:
        """Send to `upstream`, a URL without a path."""
        self._upstream = upstream
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            auto_decompress=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One exchange."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        fields = [(name.decode(), value.decode()) for name, value in scope["headers"] if name not in _DROPPED]
        url = URL(self._upstream + scope["path"], encoded=True)
        async with self._session.request("POST", url, headers=fields, data=body, allow_redirects=False) as response:
            content = await response.read()
            headers = [(name.lower(), value) for name, value in response.raw_headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def close(self) -> None:
        """Close the connections to the upstream."""
        await self._session.close()


async def _serve(listener: socket.socket, upstream: str, *, is_alone: bool) -> None:
    application = PassThrough(upstream)
    # As in the gateway: of several, one worker would get nearly all connections.
    server_type = Server if is_alone else SharingServer
    server = server_type(application, listener, HttpToolsProtocol, idle_seconds=75, shutdown_seconds=1)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server.start()
    await stop.wait()
    await server.stop()
    await application.close()


def _main(address: str, upstream: str, workers: int) -> None:
    listener = bind("listen", ListenAddress(address))
    children: list[int] = []
    for _ in range(workers - 1):
        # Before there is an event loop: two processes with one epoll between them would take each other's events.
        child = os.fork()
        if child == 0:
            children.clear()
            break
        children.append(child)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(listener, upstream, is_alone=workers == 1))
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
