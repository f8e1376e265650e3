"""A gateway of several workers before a receiver, all on loopback: the supervisor in this process, real workers."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from gateway.config import load_settings
from gateway.ledger import RecordFilter, migrate, open_database, records
from gateway.service.workers.supervisor import Supervisor
from keystore.store import KeystoreStore
from tests.gateway.exchange.harness import REQUEST, Receiver, add, http, signed

WHOLE_CREW_SECONDS = 120.0
"""For a scenario with several interpreters to start, on a machine that is busy with other things."""
HEADERS = {"Content-Type": "text/xml; charset=utf-8"}


@dataclass
class Crew:
    """Supervisor, receiver and client."""

    supervisor: Supervisor
    receiver: Receiver
    session: aiohttp.ClientSession
    config: Path

    async def ask(self) -> int:
        """One request on a connection of its own; the status of its answer."""
        url = f"http://{self.supervisor.address}/orders"
        async with self.session.post(url, data=REQUEST, headers=HEADERS) as response:
            await response.read()
            return response.status

    async def admin(self, path: str) -> tuple[int, str]:
        """Status and text of what the operator's listener says."""
        async with self.session.get(f"http://{self.supervisor.admin_address}{path}") as response:
            return response.status, await response.text()

    async def ready(self) -> dict[str, Any]:
        """What /readyz says."""
        async with self.session.get(f"http://{self.supervisor.admin_address}/readyz") as response:
            return dict(await response.json())

    async def pids(self) -> list[int]:
        """Of the workers."""
        return [worker["pid"] for worker in (await self.ready())["workers"]]

    def instances(self) -> Counter[str]:
        """How many messages each worker has recorded."""
        engine = open_database(self.supervisor.settings.gateway.database, create=False)
        try:
            return Counter(stored.record.instance for stored in records(engine, RecordFilter(), limit=1000))
        finally:
            engine.dispose()


@asynccontextmanager
async def crew(folder: Path, gateway: str = "", endpoint: str = "", workers: int = 2) -> AsyncIterator[Crew]:
    """Start everything; `gateway` and `endpoint` are further lines of the configuration."""
    receiver = Receiver(http(signed()))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    config = folder / "gateway.toml"
    write(config, server.sockets[0].getsockname()[1], f"workers = {workers}\n{gateway}", endpoint)
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        server,
        Supervisor(load_settings(config)) as supervisor,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        yield Crew(supervisor, receiver, session, config)


def write(config: Path, port: int, gateway: str = "", endpoint: str = "") -> None:
    """Write the configuration, and trust the test key `old` in its database where there is none yet."""
    config.write_text(
        f'[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\ninstance = "test"\n{gateway}\n'
        f'[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:{port}/ws"\n{endpoint}\n'
    )
    if (config.parent / "wssgate.db").exists():
        return
    engine = open_database(f"sqlite:///{config.parent / 'wssgate.db'}")
    migrate(engine)
    add(KeystoreStore(engine), "old")
    engine.dispose()


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for `condition`, a function or a coroutine function, to hold."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def kill(pid: int) -> None:
    """End the process at once."""
    os.kill(pid, signal.SIGKILL)
