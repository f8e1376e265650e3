"""What the gateway does when the world misbehaves: a thousand connections, half-sent requests, a clock set back."""

import asyncio
import dataclasses
import resource
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.ledger import ChainState, open_database, verify_chain
from tests.gateway.exchange.harness import World, http, run, signed, signed_with_timestamp, world

THOUSAND = 1000


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for both ends of a thousand connections in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * THOUSAND
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows a process only {hard} file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _open(it: World, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = it.gateway.address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    return reader, writer


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"POST /orders HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 500\r\n\r\n<half",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_thousand_that_never_finish_keep_nobody_out_and_are_let_go(tmp_path: Path, half: bytes) -> None:
    async def scenario() -> None:
        deadlines = 'header_timeout = "3s"\nbody_timeout = "3s"\nmax_concurrency = 2000'
        async with world(tmp_path, gateway=deadlines) as it:
            it.receiver.reply = http(signed())
            lorises = [await _open(it, half) for _ in range(THOUSAND)]
            assert (await it.ask()).status == 200
            ends = await asyncio.gather(*(asyncio.wait_for(reader.read(), 30) for reader, _ in lorises))
            statuses = Counter(end.split(b" ", 2)[1] if end else b"closed" for end in ends)
            assert statuses == {b"408" if b"<half" in half else b"closed": THOUSAND}
            for _, writer in lorises:
                writer.close()
            assert (await it.ask()).status == 200
            assert it.gateway.under_way == 0
            assert len(it.receiver.requests) == 2, "nothing half of it reached the receiver"

    run(scenario(), 90)


@pytest.mark.usefixtures("descriptors")
def test_a_thousand_requests_at_once_get_an_answer_each_and_most_of_them_at_once(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.write(http(signed()))
        await writer.drain()

    async def scenario() -> None:
        head = "POST /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: 4"
        request = f"{head}\r\n\r\n<a/>".encode()
        async with world(tmp_path, gateway="max_concurrency = 100") as it:
            it.receiver.reply = slow
            clients = [await _open(it, request) for _ in range(THOUSAND)]
            answers = [asyncio.create_task(reader.read()) for reader, _ in clients]
            async with asyncio.timeout(30):
                while sum(answer.done() for answer in answers) < THOUSAND - 100:
                    await asyncio.sleep(0.02)
            refused = [answer.result() for answer in answers if answer.done()]
            assert len(refused) == THOUSAND - 100, "those are not kept waiting for the slow receiver"
            assert all(b" 503 " in answer[:20] and b"retry-after: 1" in answer for answer in refused)
            released.set()
            statuses = Counter(answer.split(b" ", 2)[1] for answer in await asyncio.gather(*answers))
            assert statuses == {b"200": 100, b"503": THOUSAND - 100}
            for _, writer in clients:
                writer.close()
            assert len(it.ledger()) == 100

    run(scenario(), 90)


def test_clock_that_is_set_back_lets_no_message_in_twice_and_breaks_no_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = timedelta(0)
    # The clock of the machine, which both go by: the verification, and the ledger.
    monkeypatch.setattr(
        "gateway.ledger.clock._nanoseconds", lambda: time.time_ns() + shift // timedelta(microseconds=1) * 1000
    )

    async def scenario() -> None:
        nonlocal shift
        async with world(tmp_path) as it:
            application = it.gateway.application
            application._surroundings = dataclasses.replace(
                application._surroundings, clock=lambda: datetime.now(UTC) + shift
            )
            it.receiver.reply = http(signed_with_timestamp(text="one"))
            assert (await it.ask()).status == 200
            for step, reason in (
                (timedelta(seconds=-30), "replayed"),
                (timedelta(hours=-2), "timestamp-stale"),
                (timedelta(hours=2), "timestamp-stale"),
                (timedelta(0), "replayed"),
            ):
                shift = step
                assert (await it.ask()).status == 502
                assert it.last().reason == reason
            shift = timedelta(hours=-2)
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            shift = timedelta(0)
            it.receiver.reply = http(signed_with_timestamp(text="two"))
            assert (await it.ask()).status == 200
            engine = open_database(it.gateway.settings.gateway.database)
            try:
                (report,) = verify_chain(engine)
            finally:
                engine.dispose()
            assert (report.state, report.rows) == (ChainState.INTACT, 7)

    run(scenario())
