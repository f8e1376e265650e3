"""A receiver, a gateway as a process before it, and the commands on the same database."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from cryptography import x509
from sqlalchemy import Engine

from fixtures.generator import soap
from fixtures.generator.signing import sign
from gateway.ledger import migrate, open_database
from keystore.store import KeystoreStore
from tests.gateway.cli.running import Ran, Run
from tests.gateway.exchange.harness import KEYS, REQUEST, SOAP, Receiver, http
from tests.gateway.service.test_restored_database import Running, gateway

DELIVERY = "2s"
"""The guaranteed delivery time; heartbeats come each 0.2 s."""
ENDORSED = soap.Reference("#signature-1")


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Several processes start one after the other: that takes a while on a machine that has much to do."""
    asyncio.run(asyncio.wait_for(scenario, 120))


def request(operation: str) -> bytes:
    """What a client asks."""
    body = f'<s:Body><{operation} xmlns="urn:orders"/></s:Body>'
    return f'<s:Envelope xmlns:s="{SOAP["1.1"]}">{body}</s:Envelope>'.encode()


def stamped(*keys: str, age: timedelta = timedelta(0), endorsing: str = "") -> bytes:
    """A response created so long ago, with a signature of each of `keys` over Body and Timestamp, and with one of
    `endorsing` over the first of these.
    """
    created = datetime.now(UTC) - age
    times = [f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}" for instant in (created, created + timedelta(minutes=5))]
    signatures = [
        soap.signature(soap.BODY, soap.TIMESTAMP, key_info="", number=number) for number in range(1, len(keys) + 1)
    ]
    if endorsing:
        signatures.append(soap.signature(ENDORSED, key_info="", number=len(keys) + 1))
    message = soap.Envelope(soap.timestamp(*times) + "".join(signatures))
    return sign(message.text(), *keys, *([endorsing] if endorsing else []))


@dataclass
class Stage:
    """All of it; the gateway runs while it is `serving`."""

    config: Path
    url: str
    receiver: Receiver
    run: Run
    endpoints: dict[str, str] = field(default_factory=dict)
    """By name further lines of their configuration; each is served at its name."""
    address: str = ""
    upstream: str = "http://127.0.0.1:{port}/ws"

    @property
    def engine(self) -> Engine:
        """The database; to be disposed of."""
        return open_database(self.url)

    @property
    def store(self) -> KeystoreStore:
        """The keystore."""
        return KeystoreStore(self.engine)

    def configure(self, **endpoints: str) -> None:
        """Serve these endpoints from the next start on."""
        self.endpoints = endpoints
        self.config.write_text(
            '[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\nlog_format = "json"\n'
            f'database = "{self.url}"\n'
            + "".join(
                f'[endpoint.{name}]\npath = "/{name}"\nupstream = "{self.upstream.format(port=self.receiver.port)}"\n'
                + (more if "guaranteed_delivery_time" in more else f'guaranteed_delivery_time = "{DELIVERY}"\n{more}')
                for name, more in endpoints.items()
            )
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Running]:
        """Run the gateway, to an orderly end."""
        async with gateway(self.config) as running:
            self.address = running.said[-1]["listen"]
            yield running
            await running.end(signal.SIGTERM)

    async def ask(
        self, reply: bytes, operation: str = "GetOrder", endpoint: str = "orders", status: int = 200, **fields: str
    ) -> None:
        """Let the receiver answer `reply`, and the client get `status`."""
        self.receiver.reply = reply if reply.startswith(b"HTTP/") else http(reply, **fields)
        body = REQUEST if operation == "GetOrder" else request(operation)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.address}/{endpoint}", data=body, headers={"Content-Type": "text/xml"}) as answer,
        ):
            assert answer.status == status, await answer.text()

    async def wssgate(self, *arguments: object, config: Path | None = None) -> Ran:
        """Run a command."""
        return await asyncio.to_thread(self.run, *arguments, "--config", config or self.config)

    async def retire(self, alias: str = "old", *more: object, config: Path | None = None) -> Ran:
        """Try to retire an entry."""
        return await self.wssgate("keystore", "retire", alias, "--reason", "renewed", "--json", *more, config=config)

    async def refused(self, alias: str = "old", *more: object, config: Path | None = None) -> str:
        """What speaks against retiring an entry: something does."""
        ran = await self.retire(alias, *more, config=config)
        assert ran.code == 1, ran
        return " ".join(blocker["sentence"] for blocker in json.loads(ran.out)["blockers"])

    async def retired(self, alias: str = "old") -> None:
        """Retire an entry once the delivery time was watched."""
        for _ in range(60):
            ran = await self.retire(alias)
            if ran.code == 0:
                return
            await asyncio.sleep(0.5)
        raise AssertionError(ran)

    async def cutover(self) -> tuple[int, dict[str, Any]]:
        """The exit code of the check, and what it says of the endpoint `orders`."""
        ran = await self.wssgate("report", "cutover", "--check", "--json")
        (orders,) = (one for one in json.loads(ran.out)["endpoints"] if one["endpoint"] == "orders")
        return ran.code, orders

    async def states(self) -> dict[str, str]:
        """The state of each operation at `orders`, by local name, and by server where there are several."""
        _, orders = await self.cutover()
        return {
            "/".join(filter(None, (cell["operation"].rpartition("}")[2], cell["server"]))): cell["state"]
            for cell in orders["cells"]
        }

    async def findings(self, *arguments: object) -> list[str]:
        """What the verification of the ledger finds, chain by chain and beside them."""
        found = json.loads((await self.wssgate("ledger", "verify", "--json", *arguments)).out)
        chains = [f"{one['state']}: {one['detail']}" for one in found["chains"] if one["state"] != "intact"]
        beside = [f"{one['about']}: {one['detail']}" for one in found["findings"]]
        assert found["intact"] == (not chains and not beside and found["keystore"]["state"] == "intact")
        return chains + beside


@asynccontextmanager
async def stage(
    folder: Path, url: str, run: Run, trusted: tuple[str, ...] = ("old", "new"), since: datetime | None = None
) -> AsyncIterator[Stage]:
    """A database in which test certificates are trusted, `since` an instant, and a receiver; `orders` is configured."""
    engine = open_database(url)
    migrate(engine)
    store = KeystoreStore(engine)
    for alias in trusted:
        certificate = x509.load_pem_x509_certificate((KEYS / f"{alias}.pem").read_bytes())
        store.add(alias, certificate, who="test", why="test", at=since or datetime.now(UTC))
    engine.dispose()
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        made = Stage(folder / "gateway.toml", url, receiver, run)
        made.configure(orders="")
        yield made
