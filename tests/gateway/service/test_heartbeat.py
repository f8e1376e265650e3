"""A gateway's row among the instances: there before the traffic, new with each revision, gone at the end."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.ledger import InstanceState, known_instances, open_database
from gateway.ledger.database.connections import writing
from gateway.service import heartbeat
from tests.gateway.exchange.harness import run, world


def _known(folder: Path) -> tuple[InstanceState, ...]:
    engine = open_database(f"sqlite:///{folder / 'wssgate.db'}", create=False)
    try:
        return known_instances(engine)
    finally:
        engine.dispose()


def test_revision_that_is_loaded_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 600.0)  # nothing is told by the mere passing of time

    async def scenario() -> None:
        async with world(tmp_path) as it:
            (state,) = _known(tmp_path)
            assert (state.identity.instance, state.identity.pid) == (f"test/{os.getpid()}", os.getpid())
            assert state.keystore_revision == it.gateway.trust.revision == 2
            await asyncio.to_thread(it.store.retire, "new", who="test", why="test", at=datetime.now(UTC))
            while _known(tmp_path)[0].keystore_revision != 3:
                await asyncio.sleep(0.02)
            assert it.gateway.trust.revision == 3
        assert _known(tmp_path) == ()

    run(scenario())


def test_database_that_fails_ends_no_heartbeat(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            engine = it.gateway._engine
            with writing(engine) as connection:
                connection.execute(text("ALTER TABLE instances RENAME TO elsewhere"))
            it.gateway._heartbeat.tell()
            async with asyncio.timeout(30):
                while it.gateway._heartbeat._is_heard:
                    await asyncio.sleep(0.02)
            with writing(engine) as connection:
                connection.execute(text("ALTER TABLE elsewhere RENAME TO instances"))
                connection.execute(text("DELETE FROM instances"))  # a backup was put back
            it.gateway._heartbeat.tell()
            async with asyncio.timeout(30):
                while not _known(tmp_path):
                    await asyncio.sleep(0.02)

    run(scenario())
