"""The client towards one receiver: pooled connections, deadlines, no redirects, no cookies, no silent decoding."""

import os
import ssl
from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from gateway.config import EndpointSettings
from gateway.deadlines import within
from gateway.frozen import statically_frozen
from gateway.proxy.pooling import NO_LEASE, BrokenFraming, Lease, StrictConnector
from gateway.proxy.posting import NotHttp, Poster

_KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than what servers commonly keep (Apache httpd: 5 s): a POST on a connection that the receiver is just closing
fails, and must not be sent twice."""
_CONNECT_SECONDS: Final = 10.0
_REDIRECTS: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
"""Statuses that send the client elsewhere (RFC 9110, 15.4)."""


class FailureKind(StrEnum):
    """How the receiver failed to answer."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken-off"
    GARBAGE = "garbage"
    REDIRECT = "redirect"


_SENTENCES: Final = {
    FailureKind.UNREACHABLE: (502, "The receiver cannot be reached."),
    FailureKind.TLS: (502, "No secure connection to the receiver could be made."),
    FailureKind.TIMEOUT: (504, "The receiver did not answer in time."),
    FailureKind.BROKEN_OFF: (502, "The receiver broke off the connection before its response was complete."),
    FailureKind.GARBAGE: (502, "The receiver answered with something that is not HTTP."),
    FailureKind.REDIRECT: (502, "The receiver answered with a redirect, which the gateway does not follow."),
}


class UpstreamFailure(Exception):  # noqa: N818 - the receiver's failure, a normal event here
    """The receiver gave no usable response."""

    def __init__(self, kind: FailureKind, detail: str, *, upstream_status: int | None = None) -> None:
        """Hold `kind`, and `detail` for the record and the log."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.upstream_status = upstream_status

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return _SENTENCES[self.kind][0]

    @property
    def sentence(self) -> str:
        """What the client is told."""
        return _SENTENCES[self.kind][1]


@statically_frozen(frozen=True, slots=True)
class UpstreamResponse:
    """A response as it came, its content coding untouched."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    """Empty where the response is `oversize`."""
    oversize: bool = False
    """It is longer than was asked for, and was not read to its end."""
    lease: Lease = field(default=NO_LEASE, compare=False)
    """Its connection; whoever judges the response keeps or drops it."""

    def values(self, name: bytes) -> list[str]:
        """The values of the header fields called `name`, in lower case."""
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name]


class UpstreamClient:
    """Sends requests to the receiver of one endpoint. To be made inside the event loop, and closed there."""

    def __init__(self, endpoint: EndpointSettings, context: ssl.SSLContext | None) -> None:
        """Speak to `endpoint.upstream`, by TLS as `context` says."""
        parts = urlsplit(endpoint.upstream)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._base = f"{self._origin}{parts.path.rstrip('/')}"
        self._root = "/" if parts.path.endswith("/") or not parts.path else ""
        self._query = parts.query
        self._seconds = endpoint.upstream_timeout.total_seconds()
        """What the answers of this receiver are like."""
        self._connector = StrictConnector(
            limit=0,  # bounded by gateway.max_concurrency
            ssl=context if context is not None else True,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        self._poster = Poster(self._connector, URL(endpoint.upstream, encoded=True), timeout)

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

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
        """Send one request and read the whole response, at most `limit` bytes of it; its lease is the caller's.

        Raises:
            UpstreamFailure: No complete response came.
        """
        try:
            with within(self._seconds):
                try:
                    return await self._send(method, url, headers, body, limit)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    # The receiver may just have closed an idle connection; a GET may be sent again (RFC 9110, 9.2.2).
                    if method != "GET":
                        raise
                    return await self._send(method, url, headers, body, limit)
        except (TimeoutError, aiohttp.ServerTimeoutError) as error:
            detail = f"the receiver did not answer within {self._seconds:g} s"
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                detail = f"no connection to the receiver was made within {_CONNECT_SECONDS:g} s"
            raise UpstreamFailure(FailureKind.TIMEOUT, detail) from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise UpstreamFailure(FailureKind.TLS, f"TLS with the receiver failed: {_tls_cause(error)}") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise UpstreamFailure(
                FailureKind.UNREACHABLE, f"the host name of the receiver cannot be resolved: {_words(error.os_error)}"
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamFailure(
                FailureKind.UNREACHABLE, f"no connection to the receiver: {_words(error.os_error)}"
            ) from error
        except (BrokenFraming, NotHttp) as error:
            raise UpstreamFailure(FailureKind.GARBAGE, "the receiver's answer is not HTTP") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, ConnectionError) as error:
            raise UpstreamFailure(
                FailureKind.BROKEN_OFF, "the receiver closed the connection before its response was complete"
            ) from error
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL, ValueError) as error:
            raise UpstreamFailure(FailureKind.GARBAGE, "the receiver's answer is not HTTP") from error
        except (aiohttp.ClientError, OSError) as error:
            # A receiver that misses a client certificate says so only when the answer is read (RFC 8446, 4.4.2.4).
            if isinstance(error.__cause__, ssl.SSLError):
                cause = _tls_cause(error.__cause__)
                raise UpstreamFailure(FailureKind.TLS, f"TLS with the receiver failed: {cause}") from error
            raise UpstreamFailure(
                FailureKind.BROKEN_OFF,
                f"the connection to the receiver failed: {_words(error)}",
            ) from error

    async def _send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, limit: int
    ) -> UpstreamResponse:
        target = url.removeprefix(self._origin)
        answer = await self._poster.send(method, target, headers, body, limit=limit, check=_refuse_status)
        return UpstreamResponse(
            answer.status, answer.headers, answer.body or b"", oversize=answer.body is None, lease=answer.lease
        )


def _refuse_status(status: int) -> None:
    if not 200 <= status <= 599:
        raise UpstreamFailure(FailureKind.GARBAGE, f"the receiver answered with HTTP status {status}")
    if status in _REDIRECTS:
        raise UpstreamFailure(
            FailureKind.REDIRECT,
            f"the receiver answered with a redirect (HTTP status {status}), which is not followed",
            upstream_status=status,
        )


def _tls_cause(error: Exception) -> str:
    cause: object = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.replace("_", " ").lower()
    return type(cause).__name__


def _words(error: Exception) -> str:
    if not isinstance(error, OSError):
        return type(error).__name__
    # asyncio puts the address into `strerror`; errors of name resolution have negative numbers of their own.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return (error.strerror or type(error).__name__).lower()
