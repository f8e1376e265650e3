"""The operator's listener: /healthz, /readyz, /metrics. Read only."""

import json
import socket
from collections.abc import Mapping
from typing import Final, Protocol

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.config import GatewaySettings
from gateway.proxy.answer import Answer, Receive, Scope, Send, send_answer, text_answer
from gateway.proxy.listening import Server
from gateway.proxy.protocol import ProtocolLimits, protocol_class

Status = Mapping[str, object]

_SHUTDOWN_SECONDS: Final = 1.0
_NO_STORE: Final = (b"cache-control", b"no-store")


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

    def __init__(self, overview: Overview) -> None:
        """Show what `overview` knows."""
        self._overview = overview

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Answer one request."""
        if scope["type"] == "http":
            answer = await self._answer(scope["method"], scope["path"])
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
            headers = ((b"content-type", CONTENT_TYPE_LATEST.encode()), _NO_STORE)
            return Answer(200, headers, await self._overview.exposition())
        is_ready, status = await self._overview.status()
        body = json.dumps({"status": "ready" if is_ready else "not-ready", **status}, ensure_ascii=False, indent=2)
        headers = ((b"content-type", b"application/json; charset=utf-8"), _NO_STORE)
        return Answer(200 if is_ready else 503, headers, f"{body}\n".encode())


def admin_server(overview: Overview, listener: socket.socket, gateway: GatewaySettings) -> Server:
    """The server of the operator's listener on `listener`."""
    return Server(
        AdminApplication(overview),
        listener,
        protocol_class(ProtocolLimits(gateway.header_timeout.total_seconds())),
        idle_seconds=gateway.idle_timeout.total_seconds(),
        shutdown_seconds=_SHUTDOWN_SECONDS,
    )
