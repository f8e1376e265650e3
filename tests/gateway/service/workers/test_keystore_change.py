"""Keys that change under load: every worker serves with each revision soon, and the change fails no request."""

import asyncio
import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from gateway.ledger import RecordFilter, open_database, records
from tests.gateway.exchange.harness import KEYS, http, run, signed
from tests.gateway.service.workers.crew import WHOLE_CREW_SECONDS, Crew, crew


async def _wssgate(it: Crew, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", *arguments, "--config", str(it.config), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, arguments
    return out.decode()


async def _loaded_by_all(it: Crew, revision: int) -> float:
    """Seconds from the commit of `revision` until each worker reports it."""
    with closing(sqlite3.connect(it.config.with_name("wssgate.db"))) as database:
        async with asyncio.timeout(30):
            while database.execute("SELECT revision FROM keystore_head").fetchone()[0] != revision:
                await asyncio.sleep(0.01)
            committed = time.monotonic()
            while [w["keystore"]["revision"] for w in (await it.ready())["workers"]] != [revision] * 2:
                await asyncio.sleep(0.01)
    return time.monotonic() - committed


def test_change_reaches_every_worker_and_fails_no_request(tmp_path: Path) -> None:
    statuses: list[int] = []
    seconds: list[float] = []

    async def load(it: Crew, stop: asyncio.Event) -> None:
        while not stop.is_set():
            statuses.append(await it.ask())

    async def scenario() -> None:
        async with crew(tmp_path) as it:
            stop = asyncio.Event()
            clients = [asyncio.create_task(load(it, stop)) for _ in range(4)]
            add = ("keystore", "add", "new", str(KEYS / "new.pem"))
            seconds.append((await asyncio.gather(_loaded_by_all(it, 2), _wssgate(it, *add)))[0])
            it.receiver.reply = http(signed("new"))  # "the receiver can be told", and switches
            retire = ("keystore", "retire", "old", "--force", "--reason", "test")
            seconds.append((await asyncio.gather(_loaded_by_all(it, 3), _wssgate(it, *retire)))[0])
            seen = len(statuses)
            while len(statuses) < seen + 20:
                await asyncio.sleep(0.02)
            stop.set()
            await asyncio.gather(*clients)
            assert set(statuses) == {200}
            it.receiver.reply = http(signed("old"))
            assert await asyncio.gather(*(it.ask() for _ in range(10))) == [502] * 10

            status = json.loads(await _wssgate(it, "status", "--json"))
            assert status["instances"]["revision_loaded_everywhere"] is True
            rows = status["instances"]["rows"]
            assert [row["keystore_revision"] for row in rows] == [3, 3]
            assert {row["pid"] for row in rows} == set(await it.pids())
            shown = await _wssgate(it, "status")
            assert "all of them serve with keystore revision 3: the receiver can be told" in shown
            verified = await _wssgate(it, "ledger", "verify")
            assert "Keystore intact: 3 revisions" in verified, "no record names a revision that did not trust its key"
            engine = open_database(it.supervisor.settings.gateway.database)
            found = [stored.record for stored in records(engine, RecordFilter(), limit=100_000)]
            engine.dispose()
            assert {record.keystore_revision for record in found} == {1, 2, 3}
            assert {alias.alias for record in found for alias in record.verified_by} == {"old", "new"}

    run(scenario(), WHOLE_CREW_SECONDS)
    print(f"a keystore revision was served with by every worker after {', '.join(f'{s:.2f} s' for s in seconds)}")
