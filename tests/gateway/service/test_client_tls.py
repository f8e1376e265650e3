"""TLS towards clients through a running gateway: who is served, who is not, and what a reload changes."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from gateway.config import ConfigurationError, load_settings
from gateway.service.tls_files import tls_problems
from gateway.wire import ProtocolLimits, Server, bind, client_tls_context, protocol_class
from gateway.wire.inbound.client_tls import ClientTls
from tests.gateway.exchange.harness import REQUEST, World, http, run, signed, world
from tests.gateway.service.workers.crew import WHOLE_CREW_SECONDS, crew
from tests.gateway.wire.authority import Authority

TLS = 'tls_certificate = "server.pem"\ntls_key = "server.key.pem"\n'
WITH_CLIENTS = TLS + 'tls_client_ca = "clients.pem"\n'
HEAD = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(
    REQUEST
)


class Client:
    """A connection over TLS, which stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self) -> int:
        """A request on this connection; the status of the answer."""
        self._writer.write(HEAD + REQUEST)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head.lower())
        assert length is not None
        await self._reader.readexactly(int(length[1]))
        return int(head.split()[1])

    def close(self) -> None:
        """End it."""
        self._writer.close()


def trusting(authority: Authority, certificate: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key.pem"))
    return context


_open: list[Client] = []


async def connect(address: str, context: ssl.SSLContext) -> Client:
    """A connection that `play` closes."""
    host, port = address.split(":")
    _open.append(Client(*await asyncio.open_connection(host, int(port), ssl=context)))
    return _open[-1]


def play(scenario: Coroutine[Any, Any, None], seconds: float = 60) -> None:
    async def closing() -> None:
        try:
            await scenario
        finally:
            while _open:
                _open.pop().close()
            await asyncio.sleep(0.05)

    run(closing(), seconds)


@asynccontextmanager
async def served(folder: Path, gateway: str = TLS) -> AsyncIterator[World]:
    async with world(folder, gateway=gateway) as it:
        it.receiver.reply = http(signed())
        yield it


def test_clients_are_served_over_tls_alone(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("server")

    async def scenario() -> None:
        with capture_logs() as lines:
            async with served(tmp_path) as it:
                it.gateway.announce()
                client = await connect(it.gateway.address, trusting(authority))
                assert [await client.ask(), await client.ask()] == [200, 200]
                assert b"200" not in await it.raw(HEAD + REQUEST)
                old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
                old.maximum_version = ssl.TLSVersion.TLSv1_2
                old.set_ciphers("ALL:@SECLEVEL=0")
                await connect(it.gateway.address, old)
        assert next(line for line in lines if line["event"] == "serving")["listen"].startswith("https://127.0.0.1:")
        refused = [line for line in lines if line["event"] == "TLS handshake failed"]
        assert [(line["client"], line["why"]) for line in refused] == [("127.0.0.1", "http request")]
        assert len(it.receiver.requests) == 2

    play(scenario())


def test_a_client_shows_a_certificate_of_the_authority(tmp_path: Path) -> None:
    authority, clients = Authority.make(tmp_path, "ca"), Authority.make(tmp_path, "clients")
    authority.issue("server")

    async def scenario() -> None:
        with capture_logs() as lines:
            async with served(tmp_path, WITH_CLIENTS) as it:
                known = await connect(it.gateway.address, trusting(authority, clients.issue("known")))
                assert await known.ask() == 200
                for stranger in (None, authority.issue("stranger"), clients.issue("late", expired=True)):
                    with pytest.raises((OSError, asyncio.IncompleteReadError)):
                        # With TLS 1.3 the client learns it when it reads.
                        await (await connect(it.gateway.address, trusting(authority, stranger))).ask()
        why = [line["why"] for line in lines if line["event"] == "TLS handshake failed"]
        assert why == ["peer did not return a certificate", *["certificate verify failed"] * 2]
        assert len(it.receiver.requests) == 1

    play(scenario())


def test_a_reload_greets_with_the_new_certificate_and_ends_no_connection(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("server")

    async def scenario() -> None:
        async with served(tmp_path) as it:
            before = await connect(it.gateway.address, trusting(authority))
            assert await before.ask() == 200
            other = Authority.make(tmp_path, "other")
            other.issue("server")
            await it.gateway.reload()
            assert await before.ask() == 200, "the connection goes on"
            after = await connect(it.gateway.address, trusting(other))
            assert await after.ask() == 200
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(it.gateway.address, trusting(authority))
            # What cannot be used changes nothing.
            (tmp_path / "server.key.pem").write_text("no key")
            await it.gateway.reload()
            assert "certificate and key cannot be used together" in await problem(it)
            assert await (await connect(it.gateway.address, trusting(other))).ask() == 200
            assert [await before.ask(), await after.ask()] == [200, 200]

    play(scenario())


async def problem(it: World) -> str:
    return str(json.loads((await it.admin("/readyz")).body)["configuration"]["problem"])


@pytest.mark.parametrize(("first", "then"), [(TLS, ""), ("", TLS)])
def test_whether_there_is_tls_is_decided_at_the_start(tmp_path: Path, first: str, then: str) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("server")

    async def works(it: World) -> int:
        if first:
            return await (await connect(it.gateway.address, trusting(authority))).ask()
        return (await it.ask()).status

    async def scenario() -> None:
        async with served(tmp_path, first) as it:
            text = it.config.read_text()
            it.config.write_text(
                text.replace(first, then) if first else text.replace("[gateway]\n", f"[gateway]\n{then}")
            )
            await it.gateway.reload()
            assert "TLS is switched on or off by a restart only" in await problem(it)
            assert await works(it) == 200
            await it.gateway.reload()
            assert "by a restart only" in await problem(it), "it is still so"
            it.config.write_text(text)
            await it.gateway.reload()
            assert (await problem(it), await works(it)) == ("None", 200)

    play(scenario())


def test_a_handshake_that_does_not_come_meets_a_deadline(tmp_path: Path) -> None:
    Authority.make(tmp_path, "ca").issue("server")

    async def scenario() -> None:
        with capture_logs() as lines:
            async with served(tmp_path, f'{TLS}header_timeout = "200ms"\n') as it:
                assert await it.raw(b"\x16\x03\x01", seconds=60) == b""
                assert await it.raw(b"", seconds=60) == b""
        assert {line["why"] for line in lines if line["event"] == "TLS handshake failed"} <= {"it took too long"}

    play(scenario())


def test_who_only_looks_whether_somebody_listens_is_not_told(tmp_path: Path) -> None:
    Authority.make(tmp_path, "ca").issue("server")

    async def scenario() -> None:
        with capture_logs() as lines:
            async with served(tmp_path) as it:
                for data in (b"", b"\x16", b"\x16\x03\x01\x00"):
                    assert await it.raw(data, close=True, seconds=60) == b""
        assert [line for line in lines if line["event"] == "TLS handshake failed"] == []

    run(scenario())


def test_strangers_fill_no_log(tmp_path: Path) -> None:
    Authority.make(tmp_path, "ca").issue("server")

    async def scenario() -> None:
        with capture_logs() as lines:
            async with served(tmp_path) as it:
                for _ in range(30):
                    await it.raw(b"GET / HTTP/1.1\r\n\r\n")
        told = [line for line in lines if line["event"] == "TLS handshake failed"]
        assert 10 <= len(told) < 15

    play(scenario())


def test_every_worker_greets_with_the_new_certificate(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("server")

    async def scenario() -> None:
        async with crew(tmp_path, TLS) as it:
            address = it.supervisor.address
            before = [await connect(address, trusting(authority)) for _ in range(8)]
            assert [await client.ask() for client in before] == [200] * 8
            other = Authority.make(tmp_path, "other")
            other.issue("server")
            await it.supervisor.reload()
            after = [await connect(address, trusting(other)) for _ in range(16)]
            assert [await client.ask() for client in (*before, *after)] == [200] * 24
            (tmp_path / "server.pem").unlink()
            await it.supervisor.reload()
            status = await it.ready()
            assert f"gateway.tls_certificate = {tmp_path / 'server.pem'}: there is no such file" in str(
                status["configuration"]["problem"]
            )
            assert await (await connect(address, trusting(other))).ask() == 200

    play(scenario(), WHOLE_CREW_SECONDS)


def test_a_server_that_knows_no_tls_serves_nobody_who_expects_it(tmp_path: Path) -> None:
    Authority.make(tmp_path, "ca").issue("server")
    context = client_tls_context(settings(tmp_path, TLS).gateway)
    assert context is not None

    async def scenario() -> None:
        listener = bind("listen", settings(tmp_path, TLS).gateway.listen)

        async def nobody(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError("nobody is served")

        protocol = protocol_class(ProtocolLimits(1.0))
        server = Server(
            nobody, listener, protocol, idle_seconds=1, shutdown_seconds=1, tls=ClientTls(context), handshake_seconds=1
        )
        server.start()
        assert server.task is not None
        with pytest.raises(RuntimeError, match="would serve without TLS"):
            await server.task
        listener.close()

    play(scenario())


def settings(folder: Path, gateway: str) -> Any:
    (folder / "gateway.toml").write_text(
        f'[gateway]\nlisten = "127.0.0.1:0"\n{gateway}\n[endpoint.orders]\npath = "/orders"\n'
        'upstream = "http://127.0.0.1:9/ws"\n'
    )
    return load_settings(folder / "gateway.toml")


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        ('tls_certificate = "none.pem"', "gateway.tls_certificate = .*none.pem: there is no such file"),
        ('tls_certificate = "server.pem"\ntls_key = "none.pem"', "gateway.tls_key = .*none.pem: there is no such file"),
        ('tls_certificate = "server.pem"', "certificate and key cannot be used together"),
        ('tls_certificate = "server.pem"\ntls_key = "other.key.pem"', "cannot be used together .*belong together"),
        ('tls_certificate = "locked.pem"\ntls_key = "locked.key.pem"', "the key not encrypted"),
        ('tls_certificate = "."', "gateway.tls_certificate = .*: it cannot be read"),
        (TLS + 'tls_client_ca = "none.pem"', "gateway.tls_client_ca = .*none.pem: there is no such file"),
        (TLS + 'tls_client_ca = "server.key.pem"', "gateway.tls_client_ca = .*no certificates can be read from it"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, gateway: str, words: str) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("server")
    authority.issue("other")
    authority.issue("locked", password=b"secret")
    found = settings(tmp_path, gateway)
    (sentence,) = tls_problems(found)
    assert re.search(words, sentence)
    with pytest.raises(ConfigurationError, match=words):
        client_tls_context(found.gateway)


@pytest.mark.parametrize("key", ["tls_key", "tls_client_ca"])
def test_without_a_certificate_the_rest_means_nothing(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{key} is set without tls_certificate"):
        settings(tmp_path, f'{key} = "x.pem"')


@pytest.mark.parametrize("network", ["10.1.2.3/8", "example.org", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(tmp_path: Path, network: str) -> None:
    with pytest.raises(ConfigurationError, match=r'an address or a network such as "10\.1\.2\.3"'):
        settings(tmp_path, f'trusted_proxies = ["{network}"]')


WSDL = (
    '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">'
    '<service name="s"><port name="p"><soap:address location="http://127.0.0.1:{port}/ws"/></port></service>'
    "</definitions>"
)


@pytest.mark.parametrize(
    ("proxies", "said", "scheme"),
    [
        ('["127.0.0.1"]', "https", "https"),
        ('["127.0.0.0/8", "::1"]', "HTTPS", "https"),
        ('["127.0.0.1"]', "http", "http"),
        ('["127.0.0.1"]', "https, http", "http"),
        ('["127.0.0.1"]', "javascript", "http"),
        ('["10.0.0.0/8", "::/0"]', "https", "http"),
        ("[]", "https", "http"),
    ],
)
def test_a_proxy_that_is_trusted_says_what_the_client_used(
    tmp_path: Path, proxies: str, said: str, scheme: str
) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway=f"trusted_proxies = {proxies}") as it:
            it.receiver.reply = http(WSDL.format(port=it.receiver.port).encode())
            answer = await it.ask("GET", "/orders?wsdl", X_Forwarded_Proto=said)
            assert f'location="{scheme}://{it.gateway.address}/orders"'.encode() in answer.body

    play(scenario())


def test_addresses_in_a_wsdl_are_those_of_tls(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("server")

    async def scenario() -> None:
        async with served(tmp_path) as it, aiohttp.ClientSession() as session:
            it.receiver.reply = http(WSDL.format(port=it.receiver.port).encode())
            url = f"https://{it.gateway.address}/orders?wsdl"
            async with session.get(url, ssl=trusting(authority)) as response:
                assert f'location="https://{it.gateway.address}/orders"' in await response.text()

    play(scenario())
