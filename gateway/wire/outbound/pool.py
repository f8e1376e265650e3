"""The connections to one receiver that wait for a request."""

import asyncio
from collections import deque
from typing import Final

from gateway.wire.outbound.connecting import Connector
from gateway.wire.outbound.connection import Connection
from gateway.wire.outbound.errors import BrokenOff

KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than what servers commonly keep (Apache httpd: 5 s): a POST on a connection that the receiver is just closing
fails, and must not be sent twice."""


class Pool:
    """Makes connections and keeps those that may serve again. Their number is bounded by who asks for them."""

    def __init__(self, connector: Connector) -> None:
        """Have `connector` make the connections. To be made inside the event loop, and closed there."""
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        self._idle: deque[tuple[Connection, float]] = deque()
        """With the time each was put back, oldest first."""
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def connection(self) -> Connection:
        """A connection on which nothing has arrived: the next step is to write.

        Raises:
            Unreachable: Nobody listens, or the name cannot be resolved.
            TlsFailed: The receiver cannot prove itself.
            TimedOut: None was made in time.
            BrokenOff: The receiver spoke first, or the pool was closed.
        """
        eldest = self._loop.time() - KEEP_ALIVE_SECONDS
        while self._idle:
            connection, since = self._idle.popleft()
            if since >= eldest and connection.is_quiet():
                return connection
            connection.close()
        self._refuse_when_closed()
        connection = await self._connector.connect(self._make)
        if not connection.lost.done():
            self._open.add(connection)
        if not connection.is_quiet():
            connection.close()
            raise BrokenOff("the receiver sent something before it was asked, or closed the connection")
        try:
            self._refuse_when_closed()
        except BrokenOff:
            connection.abort()
            raise
        return connection

    async def close(self) -> None:
        """Close all connections, those in use too, and wait until they are gone."""
        self._is_closed = True
        self._connector.close()
        if self._timer is not None:
            self._timer.cancel()
        self._idle.clear()
        remaining = list(self._open)
        for connection in remaining:
            connection.abort()
        await asyncio.gather(*(connection.lost for connection in remaining))

    def _refuse_when_closed(self) -> None:
        if self._is_closed:
            raise BrokenOff("the connections to the receiver were closed")

    def _make(self) -> Connection:
        return Connection(on_release=self._put_back, on_lost=self._open.discard)

    def _put_back(self, connection: Connection) -> None:
        now = self._loop.time()
        self._idle.append((connection, now))
        if self._timer is None:
            self._timer = self._loop.call_at(now + KEEP_ALIVE_SECONDS, self._expire)

    def _expire(self) -> None:
        """Close what waited too long."""
        self._timer = None
        eldest = self._loop.time() - KEEP_ALIVE_SECONDS
        while self._idle and self._idle[0][1] <= eldest:
            self._idle.popleft()[0].close()
        if self._idle:
            self._timer = self._loop.call_at(self._idle[0][1] + KEEP_ALIVE_SECONDS, self._expire)
