"""A database that is put back to an older state under the feet of real gateways, and what they and the gates say."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.ledger import KeptEnds, WriterNow, migrate, open_database, read_events, writers_now
from keystore.store import KeystoreStore
from tests.gateway.cli.running import Ran
from tests.gateway.exchange.harness import add
from tests.restoring import backup

LOST = "the database was put back to an older state, or is another one: records are lost"
PROGRAM = """
import sys
from dataclasses import replace
from datetime import timedelta
from gateway.alerts import courier, database_looks, sending
from gateway.config import load_settings
from gateway.ledger.outbox import delivering
from gateway.ledger.write import kept_uses
from gateway.service import gateway, watching
from gateway.service.serving import serve
watching.HEARTBEAT_SECONDS, kept_uses.ROTATION_SECONDS = 0.2, 0.1
sending.LEASE, sending.RENEW_SECONDS, sending.STEP_SECONDS = timedelta(seconds=6), 0.5, 0.2
courier.LOOK_SECONDS, delivering.RETRY_SECONDS = 0.2, (1.0, 2.0, 4.0)
gateway.database_looks = lambda: tuple(replace(look, seconds=look.seconds / 10) for look in database_looks())
sys.exit(serve(load_settings(sys.argv[1])))
"""
"""All that a gateway does now and then it does more often."""


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Several processes start one after the other: that takes a while on a machine that has much to do."""
    asyncio.run(asyncio.wait_for(scenario, 300))


class Running:
    """A gateway process and what it said."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def until(self, event: str) -> dict[str, Any]:
        assert self.process.stderr is not None
        while True:
            line = await asyncio.wait_for(self.process.stderr.readline(), 60)
            assert line, self.said
            self.said.append(json.loads(line))
            if self.said[-1]["event"] == event:
                return self.said[-1]

    async def end(self, number: signal.Signals) -> None:
        assert self.process.stderr is not None
        self.process.send_signal(number)
        self.said += [json.loads(line) for line in (await self.process.stderr.read()).splitlines()]
        await self.process.wait()

    def errors(self) -> list[str]:
        return [said["event"] for said in self.said if said["level"] == "error"]


@asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, str(config), stdout=PIPE, stderr=PIPE)
    running = Running(process)
    try:
        running.said.append(await running.until("serving"))
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    engine = open_database(database_url)
    migrate(engine)
    store = KeystoreStore(engine)
    add(store, "old")
    add(store, "new")
    engine.dispose()
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\nlog_format = "json"\ndatabase = "{database_url}"\n'
        '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/ws"\n'
    )
    return config


def ends(config: Path) -> KeptEnds:
    return KeptEnds.beside(config.with_name("wssgate-signing.key"))


async def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.05)


def kept_event(config: Path) -> int:
    return max((one.signed.head.event_number for one in ends(config).read()[0]), default=0)


async def wssgate(*arguments: object) -> Ran:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", *map(str, arguments), stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    assert b"Traceback" not in err
    return Ran(process.returncode, out.decode(), err.decode())


def recovered(url: str) -> list[Any]:
    engine = open_database(url)
    try:
        return [dict(event.content) for event in read_events(engine, 0).told if event.kind == "recovered"]
    finally:
        engine.dispose()


def writers(url: str) -> list[WriterNow]:
    engine = open_database(url)
    try:
        return writers_now(engine)
    finally:
        engine.dispose()


def test_what_a_killed_gateway_had_written_is_missed_in_a_database_that_was_put_back(
    config: Path, database_url: str
) -> None:
    async def scenario() -> None:
        async with gateway(config) as first:
            await until(lambda: kept_event(config) > 3)
            with backup(database_url) as old:
                known = kept_event(config)
                await until(lambda: kept_event(config) > known + 3)
                await first.end(signal.SIGKILL)
                (kept,) = ends(config).read()[0]
                old.put_back()

        refused = await wssgate("keystore", "retire", "old", "--reason", "test", "--config", config, "--json")
        assert refused.code == 1, refused
        sentences = " ".join(blocker["sentence"] for blocker in json.loads(refused.out)["blockers"])
        assert "the database was put back to an older state, or is another one" in sentences
        assert "restart the gateway on this machine, which writes down what is lost" in sentences
        assert kept.path.exists(), "a command changes nothing"

        async with gateway(config) as second:
            (said,) = [line for line in second.said if line["event"] == LOST]
            assert f"writer {kept.signed.head.writer}: its events from number" in said["lost"]
            assert "put the newer database back if there is one" in said["advice"]
            admin = second.said[-1]["admin"]
            async with aiohttp.ClientSession() as session, session.get(f"{admin}/readyz") as response:
                assert (await response.json())["evidence"]["lost"] == [said["lost"]]
            port = admin.removeprefix("http://")
            config.write_text(config.read_text().replace('admin = "127.0.0.1:0"', f'admin = "{port}"'))
            shown = await wssgate("status", "--config", config)
            assert "evidence: the database has lost" in shown.out
            await second.end(signal.SIGTERM)
            config.write_text(config.read_text().replace(f'admin = "{port}"', 'admin = "127.0.0.1:0"'))
        assert not kept.path.exists()
        assert kept.path.with_suffix(".end.lost").exists()
        (told,) = recovered(database_url)
        assert (told["what"], told["expected"]) == ("restored", kept.signed.head.place)
        assert told["found"][0] == kept.signed.head.writer
        assert told["found"][3] < kept.signed.head.event_number

        still = await wssgate("keystore", "retire", "old", "--reason", "test", "--config", config, "--json")
        assert still.code == 1
        assert "the database was put back to an older state at" in still.out
        async with gateway(config) as third:
            assert LOST not in third.errors(), "it is told once"
            await third.end(signal.SIGTERM)
        assert len(recovered(database_url)) == 1

    run(scenario())


def test_a_gateway_that_ended_in_order_is_missed_to_its_last_event(config: Path, database_url: str) -> None:
    async def scenario() -> None:
        with backup(database_url) as empty:
            async with gateway(config) as first:
                await first.end(signal.SIGTERM)
            (kept,) = ends(config).read()[0]
            assert [one.writer for one in writers(database_url)] == [kept.signed.head.writer]
            engine = open_database(database_url)
            (writer,) = read_events(engine, 0).writers
            engine.dispose()
            assert kept.signed.head == writer.head, "the very end is kept"
            assert kept.signed.holds
            empty.put_back()
        async with gateway(config) as second:
            (said,) = [line for line in second.said if line["event"] == LOST]
            assert "everything that it told is gone, from an unknown time" in said["lost"]
            await second.end(signal.SIGTERM)
        assert [told["found"] for told in recovered(database_url)] == [[]]

    run(scenario())


def test_a_database_that_goes_on_is_no_loss(config: Path, database_url: str) -> None:
    async def scenario() -> None:
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
            async with gateway(config) as running:
                assert running.errors() == []
                await until(lambda: kept_event(config) > 0)
                await running.end(number)
        assert recovered(database_url) == []
        assert len(ends(config).read()[0]) == 3

    run(scenario())


def test_a_folder_that_cannot_be_written_is_an_alarm_and_the_traffic_goes_on(config: Path, database_url: str) -> None:
    async def scenario() -> None:
        ends(config).folder.write_text("in the place of the folder")
        async with gateway(config) as running:
            assert "a database that is put back to an older state would not be noticed" in running.errors()
            admin = running.said[-1]["admin"]
            async with aiohttp.ClientSession() as session, session.get(f"{admin}/readyz") as response:
                evidence = (await response.json())["evidence"]
            assert "wssgate-signing.ends" in evidence["kept_ends_problem"]
            assert "wssgate-signing.ends" in evidence["kept_uses_problem"]
            await running.end(signal.SIGTERM)
        refused = await wssgate("keystore", "retire", "old", "--reason", "test", "--config", config, "--json")
        assert "run this as the user of the gateway" in refused.out

    run(scenario())
