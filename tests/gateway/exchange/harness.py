"""A whole world on loopback: a receiver that does as it is told, the real gateway before it, and a client."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
import xmlsec
from cryptography import x509
from lxml import etree
from yarl import URL
from zeep.wsse.signature import BinarySignature
from zeep.wsse.utils import get_security_header

from fixtures.generator import soap
from fixtures.generator.signing import sign
from gateway.config import load_settings
from gateway.exchange import Recorder
from gateway.ledger import RecordFilter, StoredRecord, migrate, open_database, records
from gateway.service.gateway import Gateway
from keystore.store import KeystoreStore
from tests.databases import lay_out

KEYS = Path(__file__).parents[3] / "fixtures" / "keys"
SOAP = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
REQUEST = f'<s:Envelope xmlns:s="{SOAP["1.1"]}"><s:Body><GetOrder xmlns="urn:orders"/></s:Body></s:Envelope>'.encode()
SECRET = "the-payload-of-the-receiver"

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(scenario: Coroutine[Any, Any, None], seconds: float = 120) -> None:
    """Play `scenario` on the event loop that the gateway runs on, for `seconds` at most."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario, seconds))


def envelope(content: str, version: str = "1.1", header: str = "") -> bytes:
    """A SOAP envelope around `content`."""
    return (
        f'<s:Envelope xmlns:s="{SOAP[version]}"><s:Header>{header}</s:Header><s:Body>{content}</s:Body></s:Envelope>'
    ).encode()


@lru_cache(maxsize=64)
def signed(
    key: str = "old", content: str = f"<Order xmlns='urn:orders'>{SECRET}</Order>", version: str = "1.1"
) -> bytes:
    """A response signed by an independent stack with the test key `key`."""
    return _sign(etree.fromstring(envelope(content, version)), key)


def signed_with_timestamp(key: str = "old", text: str = SECRET) -> bytes:
    """The same with a signed Timestamp, created now."""
    document = etree.fromstring(envelope(f"<Order xmlns='urn:orders'>{text}</Order>"))
    now = datetime.now(UTC)
    timestamp = etree.Element(f"{{{_WSU}}}Timestamp", nsmap={"wsu": _WSU})
    etree.SubElement(timestamp, f"{{{_WSU}}}Created").text = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    etree.SubElement(timestamp, f"{{{_WSU}}}Expires").text = f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    get_security_header(document).append(timestamp)  # type: ignore[no-untyped-call]  # zeep has no types
    return _sign(document, key)


def signed_twice(*keys: str) -> bytes:
    """A response with a signed Timestamp, created now, and two signatures over the same parts."""
    now = datetime.now(UTC)
    times = [f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in (now, now + timedelta(minutes=5))]
    signatures = [soap.signature(soap.BODY, soap.TIMESTAMP, key_info="", number=number) for number in (1, 2)]
    return sign(soap.Envelope(soap.timestamp(*times) + "".join(signatures)).text(), *(keys or ("old", "new")))


def _sign(document: Any, key: str) -> bytes:
    signature = BinarySignature(  # type: ignore[no-untyped-call]  # zeep has no types
        str(KEYS / f"{key}.key.pem"),
        str(KEYS / f"{key}.pem"),
        signature_method=xmlsec.constants.TransformRsaSha256,
        digest_method=xmlsec.constants.TransformSha256,
    )
    document, _ = signature.apply(document, {})  # type: ignore[no-untyped-call]  # as above
    return bytes(etree.tostring(document))


def http(
    body: bytes, status: str = "200 OK", content_type: str | None = "text/xml; charset=utf-8", **fields: str
) -> bytes:
    """An HTTP response; underscores in the names of `fields` stand for hyphens.

    It says that the connection is closed, which `Receiver` does: who closes without a word may meet the next request.
    """
    fields = {"Connection": "close", **fields}
    if content_type is not None:
        fields = {"Content-Type": content_type, **fields}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass
class Receiver:
    """A server that answers with `reply`: bytes as they are, then close; or a coroutine function that does anything."""

    reply: bytes | Reply = b""
    requests: list[bytes] = field(default_factory=list)
    """Heads and bodies as they came."""
    port: int = 0
    talks_first: bool = False
    """Answers before it was asked."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            if self.talks_first and isinstance(self.reply, bytes):
                writer.write(self.reply)
                return
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            body = await reader.readexactly(int(length[1])) if length else b""
            self.requests.append(head + body)
            if isinstance(self.reply, bytes):
                writer.write(self.reply)
                await writer.drain()
            else:
                await self.reply(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@dataclass(frozen=True)
class Response:
    """What the client got."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass
class World:
    """Receiver, gateway and client."""

    receiver: Receiver
    gateway: Gateway
    store: KeystoreStore
    session: aiohttp.ClientSession
    config: Path

    async def ask(
        self, method: str = "POST", path: str = "/orders", body: bytes = REQUEST, base: str = "", **fields: str
    ) -> Response:
        """Send a request as it is; underscores in the names of `fields` stand for hyphens."""
        headers = {"Content-Type": "text/xml; charset=utf-8", **{k.replace("_", "-"): v for k, v in fields.items()}}
        url = URL(f"{base or 'http://' + self.gateway.address}{path}", encoded=True)
        async with self.session.request(
            method, url, data=io.BytesIO(body) if method == "POST" else None, headers=headers, allow_redirects=False
        ) as response:
            return Response(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())

    async def told(self) -> None:
        """Wait until the recorders, and so the log, know of every message."""
        async with asyncio.timeout(10):
            while self.gateway.recorders.waiting:
                await asyncio.sleep(0.01)

    async def admin(self, path: str) -> Response:
        """Ask the operator's listener."""
        return await self.ask("GET", path, base=f"http://{self.gateway.admin_address}")

    async def raw(self, data: bytes, *, close: bool = False, seconds: float = 5.0, address: str = "") -> bytes:
        """Send `data` over a bare socket, to the traffic's listener or `address`, and read until the gateway closes."""
        host, port = (address or self.gateway.address).rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            if close:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), seconds)
        finally:
            writer.close()

    def ledger(self) -> list[StoredRecord]:
        """All records, oldest first."""
        engine = open_database(self.gateway.settings.gateway.database, create=False)
        try:
            return sorted(records(engine, RecordFilter(), limit=1000), key=lambda stored: stored.record.id)
        finally:
            engine.dispose()

    def last(self) -> Any:
        """The newest record."""
        return self.ledger()[-1].record


@asynccontextmanager
async def world(
    folder: Path,
    endpoint: str = "",
    gateway: str = "",
    policy: str = "",
    trusted: tuple[str, ...] = ("old", "new"),
    upstream: str = "http://127.0.0.1:{port}/ws",
    tls: Any = None,
    recorders: Sequence[Recorder] = (),
) -> AsyncIterator[World]:
    """Start everything; `endpoint`, `gateway` and `policy` are further lines of the configuration."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    config = folder / "gateway.toml"
    config.write_text(
        f'[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\ninstance = "test"\n{gateway}\n'
        f'[endpoint.orders]\npath = "/orders"\nupstream = "{upstream.format(port=receiver.port)}"\n{endpoint}\n'
        f"[endpoint.orders.policy]\n{policy}\n"
    )
    settings = load_settings(config)
    if settings.gateway.database.startswith("sqlite") and not (folder / "wssgate.db").exists():
        lay_out(folder / "wssgate.db")
    engine = open_database(settings.gateway.database)
    try:
        migrate(engine)
        store = KeystoreStore(engine)
        for alias in trusted:
            add(store, alias)
        async with (
            server,
            Gateway(settings, recorders=recorders) as running,
            aiohttp.ClientSession(auto_decompress=False) as session,
        ):
            yield World(receiver, running, store, session, config)
    finally:
        server.close()
        engine.dispose()


def add(store: KeystoreStore, alias: str) -> None:
    """Trust the test certificate `alias`."""
    certificate = x509.load_pem_x509_certificate((KEYS / f"{alias}.pem").read_bytes())
    store.add(alias, certificate, who="test", why="test", at=datetime.now(UTC))
