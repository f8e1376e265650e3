"""A webhook on the loopback interface, its signature checked as somebody would who got an alert."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.gateway.anchoring.collector import Behaviour, Collector, Handler, collector

SECRET: Final = "a-secret-that-nobody-may-see-0123"
TOKEN: Final = "token-in-the-url-that-nobody-may-see"


class Hook:
    """What the webhook got."""

    def __init__(self) -> None:
        self.server: Collector
        self.alerts: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.began = time.time()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/{TOKEN}?key={TOKEN}"

    def take(self, handler: Handler) -> None:
        """Check the signature, and take it."""
        timestamp = handler.headers["Wssgate-Timestamp"]
        signed = timestamp.encode() + b"." + handler.body
        expected = "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(handler.headers["Wssgate-Signature"], expected)
        assert int(self.began) <= int(timestamp) <= time.time()
        assert handler.headers["Content-Type"] == "application/json"
        self.keys.append(handler.headers["Idempotency-Key"])
        self.alerts.append(json.loads(handler.body))
        assert self.alerts[-1]["id"] == self.keys[-1]
        handler.answer(204)

    def events(self) -> list[str]:
        return [alert["event"] for alert in self.alerts]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [alert for alert in self.alerts if alert["event"] == event]


@contextmanager
def webhook(behaviour: Behaviour | None = None) -> Iterator[Hook]:
    """One that runs meanwhile."""
    hook = Hook()
    with collector(behaviour or hook.take) as server:
        hook.server = server
        yield hook


def channel(hook: Hook, name: str = "hook") -> str:
    """Its table of the configuration."""
    return f'[alerts.{name}]\nwebhook = "{hook.url}"\nsecret = "{SECRET}"\n'
