"""`durability = "async"` at work: what leaves early, what waits all the same, and what is refused."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
import structlog

from gateway.ledger import LedgerWriter
from tests.gateway.exchange.harness import SECRET, World, http, run, signed, signed_with_timestamp, world

ASYNC = 'durability = "async"'


async def _until(it: World, *, healthy: bool, queue: int) -> None:
    """Wait until the operator is told so."""
    said = {}
    for _ in range(500):
        said = json.loads((await it.admin("/readyz")).body)["ledger"]
        if (said["healthy"], said["queue"]) == (healthy, queue):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(said)


def test_a_response_leaves_before_its_record_is_committed_and_the_record_follows(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway=ASYNC) as it:
            it.receiver.reply = http(signed())
            holder = sqlite3.connect(tmp_path / "wssgate.db", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            try:
                response = await asyncio.wait_for(it.ask(), 30)
                assert response.status == 200
                assert it.ledger() == []
            finally:
                holder.execute("ROLLBACK")
                holder.close()
            config = it
        # At an orderly end the queue has been written.
        assert [stored.record.id for stored in config.ledger()] == [response.headers["wssgate-record"]]

    run(scenario())


def test_a_replay_attack_is_refused_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway=ASYNC) as it:
            it.receiver.reply = http(signed_with_timestamp())
            assert (await it.ask()).status == 200
            assert len(it.ledger()) == 1, "it waited for its commit, which finds replay attacks out"
            again = await it.ask()
            assert (again.status, SECRET.encode() in again.body) == (502, False)

    run(scenario())


def test_nothing_leaves_while_the_ledger_cannot_be_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway=ASYNC) as it:
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            while not it.ledger():
                await asyncio.sleep(0.01)
            await asyncio.to_thread(it.gateway._ledger._engine.dispose)
            (tmp_path / "wssgate.db").rename(tmp_path / "away.db")
            owed = await it.ask()
            assert owed.status == 200, "the ledger was good as far as anybody knew"
            await _until(it, healthy=False, queue=1)
            for _ in range(3):
                refused = await it.ask()
                assert (refused.status, refused.headers["retry-after"]) == (503, "5")
                assert SECRET.encode() not in refused.body
            assert (await it.admin("/readyz")).status == 503
            (tmp_path / "away.db").rename(tmp_path / "wssgate.db")
            await _until(it, healthy=True, queue=0)
            assert (await it.ask()).status == 200
            config = it
        ids = [stored.record.id for stored in config.ledger()]
        assert len(ids) == 3
        assert owed.headers["wssgate-record"] in ids

    run(scenario())


def test_the_start_and_the_status_say_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        for name in ("async", "commit"):
            (tmp_path / name).mkdir()
        async with world(tmp_path / "async", gateway=ASYNC) as it:
            it.gateway.announce()
            assert json.loads((await it.admin("/readyz")).body)["ledger"]["durability"] == "async"
        async with world(tmp_path / "commit") as it:
            assert json.loads((await it.admin("/readyz")).body)["ledger"]["durability"] == "commit"
            it.gateway.announce()

    with structlog.testing.capture_logs() as lines:
        run(scenario())
    said = [str(line["warning"]) for line in lines if line["event"] == "danger"]
    assert [warning for warning in said if "durability async" in warning and "loses records" in warning] == said[:1]


def test_what_could_not_be_written_to_the_end_is_said_loudly(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway=ASYNC) as it:
            it.receiver.reply = http(signed())
            await asyncio.to_thread(it.gateway._ledger._engine.dispose)
            (tmp_path / "wssgate.db").rename(tmp_path / "away.db")
            assert (await it.ask()).status == 200

    with structlog.testing.capture_logs() as lines:
        run(scenario())
    said = [line for line in lines if "delivered without a record" in line["event"]]
    assert [(line["log_level"], line["records"]) for line in said] == [("error", 1)]


def test_each_step_of_an_exchange_is_told_to_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the records of others gather while this one is on its way."""
    told: list[None] = []
    monkeypatch.setattr(LedgerWriter, "note_step", lambda _: told.append(None))

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            assert len(told) == 2, "the request is here, the answer is here; its record is a step by itself"

    run(scenario())
