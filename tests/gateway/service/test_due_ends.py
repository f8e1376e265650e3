"""Ends of trust that are due: a gateway carries them out, or says once an hour why not."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, update

from gateway.config import Settings, load_settings
from gateway.ledger import open_database
from gateway.service import due_ends
from gateway.service.due_ends import AUTHOR, carry_out_due_ends
from gateway.service.maintenance import Maintenance
from keystore import Blocker, State
from keystore.store import KeystoreStore, Terms
from keystore.store.table_definitions import entries
from tests.gateway.service.test_maintenance import told
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, HOUR, later
from tests.keystore.store.test_lifecycle import Recording
from tests.keystore.store.test_scheduled_ends import of_before

END = NOON + 5 * HOUR
CLOSED = Recording((Blocker("orders: a message came"), Blocker("invoices: and another")))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "gateway.toml"
    config.write_text('[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/"\n')
    return load_settings(config)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    made = open_database(migrated_url)
    store = KeystoreStore(made)
    for alias in ("old", "new"):
        store.add(alias, issue(alias), **BY)
    store.adjust("old", Terms(trusted_until=END), **later(1))
    yield made
    made.dispose()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Recording:
    """What the gates of the renewal answer."""
    recording = Recording(summary="nothing came for 3 hours")
    monkeypatch.setattr(due_ends, "gates_now", lambda *_: recording)
    return recording


def carried_out(engine: Engine, settings: Settings, at: datetime, holder: str = "host:1") -> list[dict[str, Any]]:
    """What the log says of one look."""
    with structlog.testing.capture_logs() as lines:
        carry_out_due_ends(engine, settings, holder, at)
    return [dict(line) for line in lines]


def test_an_end_that_is_safe_is_carried_out(engine: Engine, settings: Settings, gate: Recording) -> None:
    assert carried_out(engine, settings, END - HOUR) == []
    (line,) = carried_out(engine, settings, END)
    assert line == {
        "event": "scheduled end carried out",
        "log_level": "info",
        "alias": "old",
        "due": "2026-06-01T17:00:00+00:00",
        "revision": 4,
        "seen": "gate passed: nothing came for 3 hours",
    }
    last = KeystoreStore(engine).history()[-1]
    assert (last.who, last.entry.state) == (AUTHOR, State.RETIRED)
    assert carried_out(engine, settings, END) == []


def test_one_that_is_not_safe_is_told_of_once_an_hour_by_all_together(
    engine: Engine, settings: Settings, gate: Recording
) -> None:
    gate.retiring = CLOSED.retiring
    (line,) = carried_out(engine, settings, END)
    assert (line["event"], line["log_level"]) == ("scheduled end is due and not safe: trust goes on", "error")
    assert (line["alias"], line["why"]) == ("old", "orders: a message came; invoices: and another")
    assert KeystoreStore(engine).get("old").state_at(END) is State.TRUSTED
    for holder in ("host:1", "host:2"):
        assert carried_out(engine, settings, END + timedelta(minutes=59), holder) == []
    assert len(carried_out(engine, settings, END + timedelta(minutes=60), "host:2")) == 1
    gate.retiring = ()
    assert len(carried_out(engine, settings, END + timedelta(minutes=61))) == 1
    assert KeystoreStore(engine).get("old").state is State.RETIRED


def test_one_process_at_a_time(
    engine: Engine, settings: Settings, gate: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_: object) -> Recording:
        assert carry_out_due_ends(engine, settings, "host:2", END) == ()
        return gate

    monkeypatch.setattr(due_ends, "gates_now", meanwhile)
    assert len(carried_out(engine, settings, END)) == 1
    assert [asked["entry"] for asked in gate.asked] == ["old"]


def test_the_gates_are_asked_once_a_minute_however_many_processes_there_are(
    engine: Engine, settings: Settings, gate: Recording
) -> None:
    gate.retiring = CLOSED.retiring
    for second in range(0, 180, 10):
        carried_out(engine, settings, END + timedelta(seconds=second), f"host:{second % 6}")
    assert len(gate.asked) == 3


def test_an_end_that_would_come_by_itself_is_taken_over_in_time(engine: Engine, settings: Settings) -> None:
    of_before(engine, "old", 5 * HOUR)
    assert carried_out(engine, settings, END - HOUR) == []
    old = KeystoreStore(engine).get("old")
    assert (old.ends_by_itself, old.trusted_until, old.state_at(END)) == (False, END, State.TRUSTED)


def test_an_entry_that_cannot_be_changed_is_told_of(engine: Engine, settings: Settings, gate: Recording) -> None:
    with engine.begin() as connection:
        connection.execute(update(entries).where(entries.c.alias == "old").values(certificate=None))
    (line,) = carried_out(engine, settings, END)
    assert line["why"].startswith("old cannot be changed")


def test_a_gateway_without_traffic_keeps_the_trust(engine: Engine, settings: Settings) -> None:
    (line,) = carried_out(engine, settings, END)
    assert "no message" in line["why"]
    assert "orders" in line["why"]


def test_the_maintenance_looks_after_them_and_goes_on_when_it_cannot(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look(*given: object) -> None:
        nonlocal looks
        looks += 1
        assert given[:3] == (engine, settings, "host:1")
        if looks == 1:
            raise OSError("no database")

    monkeypatch.setattr("gateway.service.maintenance.carry_out_due_ends", look)
    monkeypatch.setattr("gateway.service.maintenance.LOOK_FOR_ENDS_SECONDS", 0.01)

    async def scenario() -> None:
        upkeep = Maintenance(engine, "host:1", lambda: settings, told)
        upkeep.start()
        for _ in range(500):
            if looks > 2:
                break
            await asyncio.sleep(0.01)
        await upkeep.close()

    with structlog.testing.capture_logs() as lines:
        asyncio.run(scenario())
    assert looks > 2
    said = [line for line in lines if line["event"] == "scheduled ends could not be looked after"]
    assert [line["error"] for line in said] == ["no database"]
