"""The ASGI application of the operator's listener: /healthz, /readyz, /metrics. Read only."""

import json
from collections.abc import Callable, Mapping

from gateway.proxy.answer import Answer, Receive, Scope, Send, send_answer, text_answer
from gateway.proxy.metrics import Metrics

Status = Mapping[str, object]


class AdminApplication:
    """Tells whether the gateway lives, whether it is ready, and what it measured."""

    def __init__(self, metrics: Metrics, status: Callable[[], tuple[bool, Status]]) -> None:
        """Show `metrics`, and what `status` says: whether traffic should come here, and why (not)."""
        self._metrics = metrics
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Answer one request (ASGI 3)."""
        if scope["type"] == "http":
            await send_answer(send, self._answer(scope["method"], scope["path"]), head_only=scope["method"] == "HEAD")

    def _answer(self, method: str, path: str) -> Answer:
        if path not in {"/healthz", "/readyz", "/metrics"}:
            return text_answer(404, "Here are /healthz, /readyz and /metrics.")
        if method not in {"GET", "HEAD"}:
            return text_answer(405, "Use GET.", (b"allow", b"GET, HEAD"))
        no_store = (b"cache-control", b"no-store")
        if path == "/healthz":
            return text_answer(200, "ok", no_store)
        if path == "/metrics":
            headers = ((b"content-type", self._metrics.content_type.encode()), no_store)
            return Answer(200, headers, self._metrics.exposition())
        is_ready, status = self._status()
        body = json.dumps({"status": "ready" if is_ready else "not-ready", **status}, ensure_ascii=False, indent=2)
        headers = ((b"content-type", b"application/json; charset=utf-8"), no_store)
        return Answer(200 if is_ready else 503, headers, f"{body}\n".encode())
