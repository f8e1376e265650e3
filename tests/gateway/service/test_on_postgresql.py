"""The gateway on a real PostgreSQL, which goes away, stands still and comes back; and two gateways on one."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from gateway.exchange import pipeline as exchange
from gateway.ledger import ChainState, open_database, verify_chain
from gateway.ledger.database import postgresql as postgresql_module
from gateway.ledger.read import stored_records
from gateway.ledger.write import writer as writer_module
from gateway.service import keystore_watch as trust
from tests.gateway.exchange.harness import Response, World, add, http, run, signed, signed_with_timestamp, world
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups
from tests.postgresql import Server


@pytest.fixture
def url(postgresql: Server) -> Iterator[str]:
    with postgresql.database() as url:
        yield url


def _on(url: str) -> str:
    return f'database = "{url}"'


async def _until(it: World, status: int, seconds: float) -> float:
    """Ask until the answer has `status`; return how long that took."""
    began = time.monotonic()
    while (await it.ask()).status != status:
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def test_a_change_of_the_keystore_is_announced(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "POLL_SECONDS", 60)

    async def scenario() -> None:
        async with world(tmp_path, trusted=(), gateway=_on(url)) as it:
            it.receiver.reply = http(signed("new"))
            assert (await it.ask()).status == 502
            await asyncio.to_thread(add, it.store, "new")
            await _until(it, 200, 1)

    run(scenario())


def test_a_lost_announcement_is_found_by_the_poll_and_listening_begins_anew(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listeners(count: int) -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE 'LISTEN%%'"
        deadline = time.monotonic() + 10
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                row = connection.execute(query, [url.rpartition("/")[2]]).fetchone()
                if row == (count,):
                    return
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)

    async def scenario() -> None:
        async with world(tmp_path, trusted=(), gateway=_on(url)) as it:
            it.receiver.reply = http(signed("new"))
            await listeners(1)
            monkeypatch.setattr(trust, "LISTEN_AGAIN_SECONDS", 1.5)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            await listeners(0)
            await asyncio.to_thread(add, it.store, "new")
            await _until(it, 200, 1)
            await listeners(1)
            assert (await it.admin("/readyz")).status == 200

    run(scenario())


async def _load(it: World, stop: asyncio.Event, answers: list[Response]) -> None:
    while not stop.is_set():
        answers.append(await it.ask())


def _everything_is_proven(engine: Engine, answers: list[Response]) -> None:
    released = [answer.headers["wssgate-record"] for answer in answers if answer.status == 200]
    assert len(released) == len(set(released)) > 0
    recorded = [stored.record.id for stored in stored_records.records(engine, limit=1_000_000)]
    assert len(recorded) == len(set(recorded))
    assert set(released) <= set(recorded)
    assert stored_rollups(engine) == counted_from_rows(engine)
    reports = verify_chain(engine)
    assert {report.state for report in reports} == {ChainState.INTACT}
    assert sum(report.rows for report in reports) == len(recorded)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_server_that_goes_and_comes_back_under_load(
    tmp_path: Path, url: str, postgresql: Server, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.1)
    answers: list[Response] = []

    async def scenario() -> None:
        async with world(tmp_path, gateway=_on(url)) as it:
            it.receiver.reply = http(signed("new"))
            stop = asyncio.Event()
            clients = [asyncio.create_task(_load(it, stop, answers)) for _ in range(4)]
            await asyncio.sleep(0.3)
            await asyncio.to_thread(postgresql.stop, how)
            try:
                await _until(it, 503, 5)
                assert (await it.admin("/readyz")).status == 503
            finally:
                await asyncio.to_thread(postgresql.start)
            await _until(it, 200, 15)
            stop.set()
            await asyncio.gather(*clients)
            assert (await it.admin("/readyz")).status == 200

    run(scenario())
    assert {answer.status for answer in answers} == {200, 503}
    assert all(b"Fault" in answer.body for answer in answers if answer.status == 503)
    engine = open_database(url)
    _everything_is_proven(engine, answers)
    engine.dispose()


def test_a_server_that_stands_still_holds_nobody_up(
    tmp_path: Path, url: str, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "LEDGER_SECONDS", 0.5)
    monkeypatch.setattr(postgresql_module, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.1)
    answers: list[Response] = []

    async def scenario() -> None:
        async with world(tmp_path, gateway=_on(url)) as it:
            it.receiver.reply = http(signed("new"))
            await _until(it, 200, 15)
            with postgresql.suspended():
                for _ in range(3):
                    began = time.monotonic()
                    answers.append(await it.ask())
                    assert answers[-1].status == 503
                    assert time.monotonic() - began < 10
            await _until(it, 200, 15)
            answers.append(await it.ask())

    run(scenario())
    engine = open_database(url)
    _everything_is_proven(engine, answers)
    engine.dispose()


def test_two_gateways_share_one_memory_of_what_was_accepted(tmp_path: Path, url: str) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    reply = http(signed_with_timestamp("new"))

    async def scenario() -> None:
        async with (
            world(folders[0], gateway=_on(url)) as one,
            world(folders[1], gateway=_on(url), trusted=()) as two,
        ):
            for it in (one, two):
                it.receiver.reply = reply
            answers = await asyncio.gather(*(it.ask() for it in (one, two) for _ in range(4)))
            assert sorted(answer.status for answer in answers) == [200] + [502] * 7
            assert sorted(str(stored.record.reason) for stored in two.ledger()) == ["None"] + ["replayed"] * 7

    run(scenario())
