"""HTTP/1.1 from clients: uvicorn's httptools protocol, with the deadlines and the strictness that a gateway needs.

httptools itself refuses Content-Length beside Transfer-Encoding, duplicate lengths, white space before a colon, folded
lines and bare line feeds. Added here: deadlines for slow clients, a limit on the head, one Host, no transfer coding but
chunked, no header fields from trailers, and an Upgrade that is ignored (RFC 9110, 7.8) rather than losing the body.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import ClassVar, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.wire.inbound.response_cycle import WholeAnswerCycle

_HEAD_BYTES: Final = 64 * 1024
"""Request line and header fields; tickets in an Authorization field get near 48 KiB."""
_HEAD_FIELDS: Final = 200
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_TARGET: Final = re.compile(rb"[!\"$-~]+")
"""Visible characters, and no fragment: clients send none (RFC 9112, 3.2), and a parser that drops it and one that keeps
it read two targets."""
_ABSOLUTE: Final = re.compile(rb"https?://[^/?@]+/", re.IGNORECASE)
"""How a target in absolute form begins (RFC 9112, 3.2.2): without a user name (RFC 9110, 4.2.4)."""
_CONNECTION_FIELDS: Final = frozenset({b"connection", b"upgrade", b"http2-settings"})


@dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """Deadlines, in seconds."""

    header_seconds: float
    """Until the head of a request has arrived."""
    linger_seconds: float = 10.0
    """How long the rest of a body is taken in after its request has been answered, so that the answer can be read."""
    write_seconds: float = 30.0
    """How long a client may leave the answer unread."""


class RequestRefused(Exception):  # noqa: N818 - ends up as a 400 inside this module
    """A head that HTTP admits no reading for, or several."""


class DoorProtocol(HttpToolsProtocol):
    """One connection of a client."""

    limits: ClassVar[ProtocolLimits] = ProtocolLimits(header_seconds=10.0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._in_head = True
        self._has_begun = False
        self._received_head = 0
        self._heads = 0
        """Heads that were complete."""
        self._is_upgrading = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._arm("head", self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        for name in list(self._timers):
            self._disarm(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        heads = self._heads if self._in_head else -1
        if self._in_head:
            self._received_head += len(data)
        # Ends: each turn but the last takes one Upgrade out of finite data.
        pending: bytes | None = data
        while pending is not None:
            pending = self._feed(pending)
        if self._in_head and (self._has_begun or heads == self._heads):
            # Something of a head has come and not all of it; a head that came whole needs no deadline.
            self._arm("head", self.limits.header_seconds)
        if self._in_head and self._received_head > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The header fields of the request are too long.")

    def on_message_begin(self) -> None:
        """Start a request."""
        self._has_begun = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header field; fields of a trailer are dropped (RFC 9110, 6.5.1)."""
        if not self._in_head:
            return
        if len(self.headers) >= _HEAD_FIELDS:
            raise RequestRefused("too many header fields")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the head, and let the exchange begin."""
        self._check_head()
        if self.parser.should_upgrade():
            self._is_upgrading = True
            return
        self._in_head = False
        self._heads += 1
        self._disarm("head")
        self._begin()

    def _begin(self) -> None:
        """Let the exchange begin: as uvicorn does, without what the gateway does not have, and with its own cycle."""
        target = httptools.parse_url(self.url)
        version = self.parser.get_http_version()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        if not target.path or (target.schema and not _ABSOLUTE.match(self.url)):
            raise RequestRefused("its target has no path, a user name, or another scheme than http")
        path = target.path.decode("ascii")
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = target.path
        self.scope["query_string"] = target.query or b""
        previous: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn declares
        self.cycle = WholeAnswerCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if previous is None or previous.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_message_complete(self) -> None:
        """Expect the next head."""
        if self._is_upgrading:
            return
        self._in_head, self._has_begun = True, False
        self._received_head = 0
        self._disarm("linger")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Take in what is left of the body, for a while."""
        super().on_response_complete()
        if not self._in_head and self.cycle.response_complete:
            self._arm("linger", self.limits.linger_seconds)

    def pause_writing(self) -> None:
        """The client does not read: give it a while."""
        super().pause_writing()
        self._arm("write", self.limits.write_seconds)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._disarm("write")
        super().resume_writing()

    def _feed(self, data: bytes) -> bytes | None:
        """Parse `data`; return what is to be parsed in its place where the client asked for an upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.parser.get_method() == b"CONNECT":
                self.send_400_response("CONNECT is not served here.")
                return None
            return self._without_upgrade() + data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self.logger.warning("Invalid HTTP request received.")
            cause = error.__context__
            detail = f": {cause}" if isinstance(cause, RequestRefused) else ""
            self.send_400_response(f"The request is not valid HTTP/1.1{detail}.")
        return None

    def _without_upgrade(self) -> bytes:
        """The head that was just parsed, as it would be without the wish to upgrade; a fresh parser waits for it."""
        kept = [(name, value) for name, value in self.headers if name not in _CONNECTION_FIELDS]
        connection = b",".join(value for name, value in self.headers if name == b"connection").lower()
        if b"close" in connection:
            kept.append((b"connection", b"close"))
        fields = b"".join(b"%b: %b\r\n" % field for field in kept)
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self._is_upgrading = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets its own
        return line + fields + b"\r\n"

    def _check_head(self) -> None:
        # What came of a head that is not complete yet is counted as it arrives.
        if len(self.url) + sum([len(name) + len(value) for name, value in self.headers]) > _HEAD_BYTES:
            raise RequestRefused("its header fields are too long")
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            raise RequestRefused("its version is neither 1.0 nor 1.1")
        if not _TARGET.fullmatch(self.url):
            raise RequestRefused("its target holds a fragment, or what no target may hold")
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            raise RequestRefused("it must have one Host header")
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (codings != [b"chunked"] or version != "1.1"):
            raise RequestRefused("its Transfer-Encoding is not supported")

    def _arm(self, name: str, seconds: float) -> None:
        if name not in self._timers:
            self._timers[name] = self.loop.call_later(seconds, self._expired, name, seconds)

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _expired(self, name: str, seconds: float) -> None:
        del self._timers[name]
        if name == "write":
            self.transport.abort()
        elif name == "head" and self._is_under_way():
            # The start of a pipelined request waits behind an exchange that is still under way.
            self._arm(name, seconds)
        else:
            self.transport.close()

    def _is_under_way(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn declares
        return cycle is not None and not cycle.response_complete


def protocol_class(limits: ProtocolLimits) -> type[asyncio.Protocol]:
    """The protocol with `limits`."""
    return cast("type[asyncio.Protocol]", type("DoorProtocol", (DoorProtocol,), {"limits": limits}))
