"""The operator's listener: /healthz, /readyz, /metrics. Read only.

A page in an operator's browser may let its own name lead to the loopback interface (DNS rebinding) and then read what
is here as its own. The browser sends that name as Host, so a name that nobody here knows gets no answer. An address is
no such name, and programs that are no browsers may leave Host out.
"""

import json
import socket
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Final, Protocol

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.config import GatewaySettings
from gateway.exchange import own_answer, text_answer
from gateway.wire import Answer, ProtocolLimits, Receive, Scope, Send, Server, protocol_class, send_answer

Status = Mapping[str, object]

_SHUTDOWN_SECONDS: Final = 1.0
_NO_STORE: Final = (b"cache-control", b"no-store")
_MISDIRECTED: Final = (
    "This listener is not known by that name: use its address, or add the name to admin_names in [gateway]."
)


class Overview(Protocol):
    """Whoever knows how the gateway is: its only process, or the supervisor of several."""

    async def is_alive(self) -> bool:
        """Whether anybody serves here, or will soon without help from outside."""
        ...

    async def status(self) -> tuple[bool, Status]:
        """Whether traffic should come here, and why (not)."""
        ...

    async def exposition(self) -> bytes:
        """What was measured, in the text format of Prometheus."""
        ...


class AdminApplication:
    """Tells whether the gateway lives, whether it is ready, and what it measured (ASGI 3)."""

    def __init__(self, overview: Overview, names: Collection[str]) -> None:
        """Show what `overview` knows to whoever calls by an address or by one of `names` (in small letters)."""
        self._overview = overview
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Answer one request."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if all(_is_known(host, self._names) for host in hosts):
                answer = await self._answer(scope["method"], scope["path"])
            else:
                answer = text_answer(421, _MISDIRECTED, _NO_STORE)
            await send_answer(send, answer, head_only=scope["method"] == "HEAD")

    async def _answer(self, method: str, path: str) -> Answer:
        if path not in {"/healthz", "/readyz", "/metrics"}:
            return text_answer(404, "Here are /healthz, /readyz and /metrics.")
        if method not in {"GET", "HEAD"}:
            return text_answer(405, "Use GET.", (b"allow", b"GET, HEAD"))
        if path == "/healthz":
            is_alive = await self._overview.is_alive()
            return text_answer(200 if is_alive else 503, "ok" if is_alive else "no worker serves", _NO_STORE)
        if path == "/metrics":
            return own_answer(200, CONTENT_TYPE_LATEST.encode(), await self._overview.exposition(), _NO_STORE)
        is_ready, status = await self._overview.status()
        body = json.dumps({"status": "ready" if is_ready else "not-ready", **status}, ensure_ascii=False, indent=2)
        content_type = b"application/json; charset=utf-8"
        return own_answer(200 if is_ready else 503, content_type, f"{body}\n".encode(), _NO_STORE)


def _is_known(host: str, names: Collection[str]) -> bool:
    """Whether `host`, the value of the header field, is an address, one of `names`, or nothing."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    if not name or name.lower().removesuffix(".") in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _names(gateway: GatewaySettings) -> frozenset[str]:
    return frozenset({"localhost", gateway.admin.host.lower(), socket.gethostname().lower(), *gateway.admin_names})


def admin_server(overview: Overview, listener: socket.socket, gateway: GatewaySettings) -> Server:
    """The server of the operator's listener on `listener`."""
    return Server(
        AdminApplication(overview, _names(gateway)),
        listener,
        protocol_class(ProtocolLimits(gateway.header_timeout.total_seconds())),
        idle_seconds=gateway.idle_timeout.total_seconds(),
        shutdown_seconds=_SHUTDOWN_SECONDS,
    )
