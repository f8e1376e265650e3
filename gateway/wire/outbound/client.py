"""The client towards one receiver: pooled connections, deadlines, no redirects, no cookies, no silent decoding."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import field
from urllib.parse import urlsplit

from gateway.deadlines import within
from gateway.made_often import made_often
from gateway.wire.outbound.connecting import Connector
from gateway.wire.outbound.connection import NO_LEASE, Lease
from gateway.wire.outbound.errors import Disconnected, TimedOut, TlsFailed, Unreachable
from gateway.wire.outbound.pool import Pool
from gateway.wire.outbound.responses import ResponseReader
from gateway.wire.outbound.writing import host_field, request_head


@made_often(frozen=True, slots=True)
class UpstreamResponse:
    """A response as it came, its content coding untouched."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    """Empty where the response is `oversize`."""
    oversize: bool = False
    """It is longer than was asked for, and was not read to its end."""
    peer: str = field(default="", compare=False)
    """Address and port of the server that gave it."""
    lease: Lease = field(default=NO_LEASE, compare=False)
    """Its connection; whoever judges the response keeps or drops it."""

    def values(self, name: bytes) -> list[str]:
        """The values of the header fields called `name`, in lower case."""
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name]


class UpstreamClient:
    """Sends requests to one receiver. To be made inside the event loop, and closed there."""

    def __init__(self, url: str, seconds: float, context: ssl.SSLContext | None) -> None:
        """Speak to `url`.

        Args:
            url: An absolute http or https URL, as the configuration admits it.
            seconds: How long a whole response may take.
            context: For TLS; None where `url` is http.
        """
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._base = f"{self._origin}{parts.path.rstrip('/')}"
        self._root = "/" if parts.path.endswith("/") or not parts.path else ""
        self._query = parts.query
        self._host = host_field(parts)
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        port = parts.port or (80 if parts.scheme == "http" else 443)
        self._connector = Connector(parts.hostname or "", port, context)
        self._pool = Pool(self._connector)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    def url(self, rest: str, query: bytes) -> str:
        """The receiver's URL for what follows the path prefix of the endpoint."""
        path = rest or self._root
        if not self._query and not query:
            return f"{self._base}{path}"
        joined = "&".join(part for part in (self._query, query.decode("latin-1")) if part)
        return f"{self._base}{path}{'?' if joined else ''}{joined}"

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, limit: int
    ) -> UpstreamResponse:
        """Send one request and read the whole response, at most `limit` octets of it; its lease is the caller's.

        Args:
            method: Such as POST.
            url: One that `url` made.
            headers: Header fields, without Host and framing; a character for an octet (ISO-8859-1).
            body: The whole body.
            limit: Octets of the response's body.

        Raises:
            UpstreamFailure: No complete response came.
        """
        head = request_head(method, url.removeprefix(self._origin), self._host, headers, len(body))
        try:
            with within(self._seconds, self._loop):
                try:
                    return await self._send(method, head, body, limit)
                except (Disconnected, Unreachable, TlsFailed):
                    # The receiver may just have closed an idle connection; a GET may be sent again (RFC 9110, 9.2.2).
                    if method != "GET":
                        raise
                    return await self._send(method, head, body, limit)
        except TimeoutError as error:
            raise TimedOut(f"the receiver did not answer within {self._seconds:g} s") from error

    async def is_reachable(self, seconds: float) -> bool:
        """Whether a connection to the receiver can be made within `seconds`. It is closed at once, nothing is sent."""
        try:
            async with asyncio.timeout(seconds):
                await self._connector.try_out()
        except (TimeoutError, Unreachable):
            return False
        return True

    async def _send(self, method: str, head: bytes, body: bytes, limit: int) -> UpstreamResponse:
        response = ResponseReader(limit, has_body=method != "HEAD")
        connection = await self._pool.connection()
        may_serve_again = await connection.ask(head, body, response)
        return UpstreamResponse(
            response.status,
            tuple(response.headers),
            response.body,
            oversize=response.is_oversize,
            peer=connection.peer,
            lease=Lease(connection) if may_serve_again else NO_LEASE,
        )
