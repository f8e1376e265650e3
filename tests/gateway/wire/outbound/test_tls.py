"""TLS towards the receiver: always verified, with authorities and a client certificate of one's own."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import ConfigurationError, load_settings
from gateway.wire.outbound import tls_context
from tests.gateway.exchange.harness import Response, World, http, run, signed, world
from tests.gateway.wire.authority import Authority


def server_context(certificate: Path, *, clients_of: Authority | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key.pem"))
    if clients_of is not None:
        context.load_verify_locations(clients_of.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def play(folder: Path, context: ssl.SSLContext, endpoint: str, check: Callable[[Response, World], None]) -> None:
    async def scenario() -> None:
        async with world(folder, endpoint=endpoint, upstream="https://127.0.0.1:{port}/ws", tls=context) as it:
            it.receiver.reply = http(signed())
            check(await it.ask(), it)

    run(scenario())


def test_own_authorities(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path, "ca")

    def check(response: Response, _: World) -> None:
        assert (response.status, response.body) == (200, signed())

    play(tmp_path, server_context(authority.issue("server")), 'ca_file = "ca.pem"', check)


@pytest.mark.parametrize(
    ("endpoint", "host", "expired", "cause"),
    [
        ("", "127.0.0.1", False, "unable to get local issuer certificate"),
        ('ca_file = "other.pem"', "127.0.0.1", False, "unable to get local issuer certificate"),
        ('ca_file = "ca.pem"', "127.0.0.2", False, "IP address mismatch"),
        ('ca_file = "ca.pem"', "127.0.0.1", True, "certificate has expired"),
    ],
)
def test_receiver_that_cannot_prove_itself(tmp_path: Path, endpoint: str, host: str, expired: bool, cause: str) -> None:
    authority = Authority.make(tmp_path, "ca")
    Authority.make(tmp_path, "other")

    def check(response: Response, it: World) -> None:
        assert response.status == 502
        assert b"No secure connection" in response.body
        assert cause.encode() not in response.body
        assert (it.last().outcome, it.last().kind) == ("failed", "error")
        assert cause in it.last().detail
        assert it.receiver.requests == []

    play(tmp_path, server_context(authority.issue("server", host=host, expired=expired)), endpoint, check)


def test_client_certificate(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path, "ca")
    context = server_context(authority.issue("server"), clients_of=authority)
    authority.issue("client")

    def accepted(response: Response, _: World) -> None:
        assert response.status == 200

    files = 'ca_file = "ca.pem"\nclient_certificate = "client.pem"\nclient_key = "client.key.pem"'
    play(tmp_path, context, files, accepted)

    def refused(response: Response, it: World) -> None:
        assert response.status == 502
        assert it.last().outcome == "failed"
        # Whether the alert is read before the reset is up to the kernel.
        assert re.search("certificate required|reset by peer|closed the connection", it.last().detail)

    other = tmp_path / "other"
    other.mkdir()
    play(other, context, f'ca_file = "{authority.file}"', refused)


def test_plain_http_where_tls_is_expected(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, upstream="https://127.0.0.1:{port}/ws") as it:
            it.receiver.reply, it.receiver.talks_first = b"HTTP/1.1 400 Bad Request\r\n\r\n", True
            assert (await it.ask()).status == 502
            assert "TLS with the receiver failed" in it.last().detail

    run(scenario())


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('ca_file = "missing.pem"', r"endpoint\.a\.ca_file = .*missing\.pem: there is no such file"),
        ('ca_file = "gateway.toml"', r"endpoint\.a\.ca_file = .*: no certificates can be read"),
        ('client_certificate = "missing.pem"', r"client_certificate = .*: there is no such file"),
        ('client_certificate = "x.pem"\nclient_key = "missing.pem"', r"client_key = .*: there is no such file"),
        ('client_certificate = "x.pem"\nclient_key = "y.key.pem"', "cannot be used together"),
        ('client_certificate = "x.pem"\nclient_key = "locked.key.pem"', "cannot be used together"),
        ('client_certificate = "x.pem"', "cannot be used together"),
    ],
)
def test_files_that_do_not_hold_what_they_must(tmp_path: Path, lines: str, problem: str) -> None:
    authority = Authority.make(tmp_path, "ca")
    authority.issue("x")
    authority.issue("y")
    authority.issue("locked", password=b"secret")
    config = tmp_path / "gateway.toml"
    config.write_text(f'[endpoint.a]\npath = "/"\nupstream = "https://127.0.0.1:1/"\n{lines}\n')
    with pytest.raises(ConfigurationError, match=problem):
        tls_context(load_settings(config).endpoints["a"])
