"""A worker, as far as it is no gateway and no supervisor: here in this process, its supervisor's end by hand."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_settings
from gateway.ledger import migrate, open_database
from gateway.service.workers import worker
from tests.gateway.exchange.harness import run


class Supervising:
    """The channel of a supervisor that stops its worker as soon as that one serves."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.worker: Any = None

    async def call(self, name: str, **_: object) -> None:
        self.called.append(name)
        await self.worker._on_stop(None)

    async def closed(self) -> None:
        await asyncio.Event().wait()


def test_the_garbage_collector_spares_what_start_up_made_once_the_worker_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/ws"\n')
    settings = load_settings(config)
    engine = open_database(settings.gateway.database)
    migrate(engine)
    engine.dispose()
    channel = Supervising()
    settled: list[list[str]] = []
    monkeypatch.setattr(worker, "settle_heap", lambda: settled.append(list(channel.called)))

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            channel.worker = worker._Worker(listener)
            assert await channel.worker._serve(settings, channel) == 0

    run(scenario())
    assert settled == [["serving"]]
