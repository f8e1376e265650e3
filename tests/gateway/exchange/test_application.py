"""What is answered without asking the receiver, and the bounds on requests."""

import asyncio
from pathlib import Path

import pytest

from tests.gateway.exchange.harness import REQUEST, http, run, signed, world

REFUSED = (
    ("GET", "/orders", 405),
    ("GET", "/orders?op=wsdl", 405),
    ("GET", "/orders?wsdlx", 405),
    ("PUT", "/orders", 405),
    ("DELETE", "/orders?wsdl", 405),
    ("OPTIONS", "/orders", 405),
    ("HEAD", "/orders", 405),
    ("GET", "/metrics", 404),
    ("GET", "/readyz", 404),
    ("POST", "/", 404),
    ("POST", "/ordersX", 404),
    ("POST", "/Orders", 404),
    ("POST", "/%6frders", 404),
    ("POST", "/orders/../admin", 400),
    ("POST", "/orders/./x", 400),
    ("POST", "/orders/%2e%2e/admin", 400),
    ("POST", "/orders/%2E./admin", 400),
    ("POST", "/orders/..;/admin", 400),
    ("POST", "/orders/a%2Fb", 400),
    ("POST", "/orders/a%5cb", 400),
    ("POST", "/orders\\x", 400),
    ("POST", "/orders//x", 400),
    ("POST", "/orders/%00", 400),
    ("POST", "/orders/%0d%0ax", 400),
    ("POST", "/orders/%zz", 400),
    ("POST", "/orders/%c0%ae%c0%ae/admin", 400),
    ("POST", "/orders/%252e%252e/admin", 400),
    ("POST", "/orders/..%20/admin", 400),
    ("POST", "/orders/%ef%bc%8e%ef%bc%8e/admin", 400),
    ("POST", "/orders/K%f6ln", 400),
    ("POST", "http://gateway/orders/..", 400),
    ("POST", "http://gateway/orders/%2e%2e/admin", 400),
    ("POST", "*", 400),
    ("OPTIONS", "*", 400),
)


def test_refused_without_asking_the_receiver(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            for method, path, status in REFUSED:
                with subtests.test(f"{method} {path}"):
                    head = f"{method} {path} HTTP/1.1\r\nHost: gateway\r\n"
                    answer = await it.raw(f"{head}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())
                    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
                    if status == 405:
                        assert b"\r\nallow: POST, GET\r\n" in answer
                    if method == "HEAD":
                        assert answer.endswith(b"\r\n\r\n")
            assert it.receiver.requests == []
            assert it.ledger() == []
            metrics = (await it.admin("/metrics")).body.decode()
            for status in (400, 404, 405):
                count = sum(1 for case in REFUSED if case[2] == status)
                assert f'wssgate_requests_refused_total{{status="{status}"}} {count}.0' in metrics

    run(scenario())


def test_request_that_is_too_long(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway="max_request_bytes = 2000") as it:
            it.receiver.reply = http(signed())
            assert (await it.ask(body=b"x" * 2000)).status == 200
            for data in (b"x" * 2001, b"x" * 3_000_000):
                response = await it.ask(body=data)
                assert (response.status, b"Client" in response.body) == (413, True)
            # Without a length, chunk by chunk.
            head = b"POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunks = b"".join(b"3e8\r\n" + b"x" * 1000 + b"\r\n" for _ in range(3))
            assert (await it.raw(head + chunks + b"0\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
            assert len(it.receiver.requests) == 1

    run(scenario())


def test_slow_request_meets_a_deadline(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='body_timeout = "100ms"') as it:
            head = b"POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 500\r\n\r\n"
            answer = await it.raw(head + b"x" * 10)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert it.receiver.requests == []

    run(scenario())


def test_client_that_goes_away_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            host, port = it.gateway.address.split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nabc")
            await writer.drain()
            for _ in range(100):
                if it.gateway.application.under_way:
                    break
                await asyncio.sleep(0.01)
            assert it.gateway.application.under_way == 1
            writer.close()
            for _ in range(100):
                if not it.gateway.application.under_way:
                    break
                await asyncio.sleep(0.01)
            assert it.gateway.application.under_way == 0
            assert it.receiver.requests == []

    run(scenario())


def test_overload_is_answered_at_once(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.write(http(signed()))
        await writer.drain()

    async def scenario() -> None:
        async with world(tmp_path, gateway="max_concurrency = 2") as it:
            it.receiver.reply = wait
            busy = [asyncio.create_task(it.ask()) for _ in range(2)]
            for _ in range(200):
                if len(it.receiver.requests) == 2:
                    break
                await asyncio.sleep(0.01)
            response = await asyncio.wait_for(it.ask(), 1)
            assert (response.status, response.headers["retry-after"]) == (503, "1")
            assert b"Envelope" in response.body
            metrics = (await it.admin("/metrics")).body
            assert b"wssgate_exchanges_in_flight 2.0" in metrics
            released.set()
            assert [(await task).status for task in busy] == [200, 200]
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200

    run(scenario())


@pytest.mark.parametrize("target", ["/orders", "http://elsewhere.example/orders"])
def test_no_request_chooses_its_receiver(tmp_path: Path, target: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            head = f"POST {target} HTTP/1.1\r\nHost: elsewhere.example\r\nX-Forwarded-Host: elsewhere.example\r\n"
            answer = await it.raw(f"{head}Connection: close\r\nContent-Length: 4\r\n\r\n<a/>".encode())
            assert answer.startswith(b"HTTP/1.1 200 ")
            lines = it.receiver.requests[0].lower().split(b"\r\n")
            assert lines[0] == b"post /ws http/1.1"
            assert f"host: 127.0.0.1:{it.receiver.port}".encode() in lines

    run(scenario())


def test_no_proxy_of_the_environment_comes_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 1 of the loopback address: nothing listens there.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200

    run(scenario())


def test_longest_prefix_wins(tmp_path: Path) -> None:
    async def scenario() -> None:
        endpoint = (
            '[endpoint.special]\npath = "/orders/special"\nupstream = "http://127.0.0.1:{port}/other/"\n'
            '[endpoint.root]\npath = "/"\nupstream = "http://127.0.0.1:{port}/base?client=100"'
        )
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            text = it.config.read_text() + endpoint.format(port=it.receiver.port)
            it.config.write_text(text)
            await it.gateway.reload()
            paths = [
                "/orders",
                "/orders/",
                "/orders/a?b",
                "/orders/special",
                "/orders/special/x",
                "/orders/specialx",
                "/y?z=1",
            ]
            for path in paths:
                assert (await it.ask(path=path)).status == 200
            targets = [request.split(b" ")[1].decode() for request in it.receiver.requests]
            assert targets == [
                "/ws",
                "/ws/",
                "/ws/a?b",
                "/other/",
                "/other/x",
                "/ws/specialx",
                "/base/y?client=100&z=1",
            ]
            assert {stored.record.endpoint for stored in it.ledger()} == {"orders", "special", "root"}

    run(scenario())


def test_defect_shows_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("gateway.exchange.application.exchange", broken)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            response = await it.ask(body=REQUEST)
            assert (response.status, b"secret" in response.body) == (500, False)
            assert b"nothing was delivered" in response.body

    run(scenario())
