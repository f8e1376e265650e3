"""Which server answered: names that are bounded, in number and in themselves."""

from pathlib import Path

import pytest

from gateway.config import EndpointSettings
from gateway.exchange.answering_servers import MOST_SERVERS, OTHER_SERVERS, AnsweringServers
from gateway.wire import UpstreamResponse
from tests.gateway.exchange.harness import http, run, signed, world


def endpoint(server_field: str | None, name: str = "orders") -> EndpointSettings:
    return EndpointSettings(name=name, path="/orders", upstream="http://127.0.0.1:1/", server_field=server_field)


def answer(*values: bytes, peer: str = "127.0.0.1:1") -> UpstreamResponse:
    return UpstreamResponse(200, tuple((b"X-Backend", value) for value in values), b"", peer=peer)


@pytest.mark.parametrize(
    ("field", "response", "server"),
    [
        (None, answer(b"a"), ""),
        ("X-Backend", answer(b"a"), "a"),
        ("x-backend", answer(b" node 1\t"), "node 1"),
        ("X-Backend", answer(b"a" * 100), "a" * 100),
        ("X-Backend", answer(b"a" * 101), ""),
        ("X-Backend", answer(), ""),
        ("X-Backend", answer(b""), ""),
        ("X-Backend", answer(b"a", b"a"), ""),
        ("X-Backend", answer(b"caf\xe9"), ""),
        ("X-Backend", answer(b"a\tb"), ""),
        ("X-Backend", answer(b"a\x1bb"), ""),
        ("X-Other", answer(b"a"), ""),
        ("peer", answer(b"a"), "127.0.0.1:1"),
        ("PEER", answer(peer="[::1]:80"), "[::1]:80"),
        ("peer", answer(peer=""), ""),
    ],
)
def test_what_the_server_is_called(field: str | None, response: UpstreamResponse, server: str) -> None:
    assert AnsweringServers().name(endpoint(field), response) == server


def test_a_field_that_is_always_another_fills_nothing() -> None:
    servers = AnsweringServers()
    for number in range(MOST_SERVERS):
        assert servers.name(endpoint("X-Backend"), answer(b"%d" % number)) == str(number)
    assert servers.name(endpoint("X-Backend"), answer(b"one more")) == OTHER_SERVERS
    assert servers.name(endpoint("X-Backend"), answer(b"63")) == "63"
    assert servers.name(endpoint("X-Backend"), answer()) == ""
    assert servers.name(endpoint("X-Backend", "invoices"), answer(b"one more")) == "one more"


def test_records_name_the_server_that_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'server_field = "X-Backend"') as it:
            for server in ("node-1", "node-2"):
                it.receiver.reply = http(signed(), X_Backend=server)
                response = await it.ask()
                assert (response.status, it.last().server) == (200, server)
                assert "x-backend" not in response.headers, "it is recorded, and not passed on"
            it.receiver.reply = http(signed("foreign"), X_Backend="node-3")
            assert (await it.ask()).status == 502
            assert (it.last().outcome, it.last().server) == ("rejected", "node-3")

    run(scenario())


def test_records_name_the_address_that_answered_where_that_is_wanted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'server_field = "peer"') as it:
            it.receiver.reply = http(signed(), X_Backend="node-1", peer="forged")
            assert (await it.ask()).status == 200
            assert it.last().server == f"127.0.0.1:{it.receiver.port}"

    run(scenario())


def test_by_default_no_server_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed(), X_Backend="node-1")
            assert (await it.ask()).status == 200
            assert it.last().server == ""

    run(scenario())
