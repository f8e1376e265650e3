"""How a request leaves: its head, octet by octet as it was given, and a body that is in memory."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult

from gateway.wire.outbound.errors import Unsendable

_WHOLE: Final = 1024 * 1024
"""Octets of a body up to which it leaves in one write, with its head."""
_PIECE: Final = 64 * 1024
"""Larger bodies are written in pieces, so that one of them does not hold up the event loop."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def host_field(url: SplitResult) -> str:
    """The value of Host for `url`, which is one that the configuration admits (RFC 9110, 7.2)."""
    host = (url.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    port = url.port
    return host if port is None or port == _DEFAULT_PORTS[url.scheme] else f"{host}:{port}"


def request_head(method: str, target: str, host: str, headers: Sequence[tuple[str, str]], length: int) -> bytes:
    """Request line and header fields, with the empty line.

    Args:
        method: Such as POST.
        target: Path and query, encoded as they are to be sent.
        host: The value of Host.
        headers: Further fields, without framing; a character for an octet (ISO-8859-1).
        length: Octets of the body.

    Raises:
        Unsendable: Something holds a line break, or what is no octet.
    """
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *[f"{name}: {value}" for name, value in headers]]
    if length or method == "POST":  # RFC 9110, 8.6
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join([*lines, "\r\n"])
    # A last look: whatever let a line break through, it must not make two requests of one.
    breaks = len(lines) + 1
    if head.count("\r") != breaks or head.count("\n") != breaks:
        raise Unsendable("the request holds a line break within a field")
    try:
        return head.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Unsendable("the request holds a character that is no octet") from error


class RequestWriter:
    """Writes one request as fast as the receiver takes it in."""

    __slots__ = ("_is_paused", "_rest", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._rest = memoryview(b"")
        self._is_paused = False

    @property
    def is_done(self) -> bool:
        """Whether all of the request has left this process."""
        return not self._rest and not self._transport.get_write_buffer_size()

    def write(self, head: bytes, body: bytes) -> None:
        """Begin to write a request."""
        if len(body) <= _WHOLE:
            self._transport.write(head + body)
            return
        self._transport.write(head)
        self._rest = memoryview(body)
        self._go_on()

    def pause(self) -> None:
        """The receiver does not take in what is written."""
        self._is_paused = True

    def resume(self) -> None:
        """It does again."""
        self._is_paused = False
        self._go_on()

    def stop(self) -> None:
        """Leave out what is not written yet."""
        self._rest = memoryview(b"")

    def _go_on(self) -> None:
        # Ends: every turn takes a piece out of the rest. `write` may call `pause`.
        while self._rest and not self._is_paused and not self._transport.is_closing():
            piece, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
            self._transport.write(piece)
