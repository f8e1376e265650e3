"""Anchors in the log, and pruning beside the traffic."""

import asyncio
import sqlite3
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, text

from gateway.config import Settings, load_settings
from gateway.ledger import (
    ChainState,
    Content,
    EventKind,
    LedgerWriter,
    add_statement,
    find_anchors,
    find_statements_anchors,
    migrate,
    open_database,
    verify_chain,
    verify_ledger,
)
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.partitions import Month, drop_partition
from gateway.service import maintenance as upkeep_module
from gateway.service.maintenance import Maintenance
from keystore.store import HistoryState, KeystoreStore, find_history_anchors, verify_history
from tests.databases import on_postgresql
from tests.gateway.exchange.harness import add, http, run, signed, world
from tests.gateway.ledger.load import OLD, accepted
from tests.gateway.service.workers.crew import until
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY, later


def told(_kind: EventKind, _content: Content) -> "Future[None]":
    """An event that is as good as written: what is tested here does not read it."""
    done: Future[None] = Future()
    done.set_result(None)
    return done


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[gateway]\nprune = "daily"\n[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/"\n'
    )
    return load_settings(config)


def _open(settings: Settings) -> Engine:
    engine = open_database(settings.gateway.database)
    migrate(engine)
    return engine


def _write(engine: Engine, *ages: int, instance: str = "host:1") -> None:
    writer = LedgerWriter(engine, instance)
    for age in ages:
        writer.submit(accepted(OLD, time=datetime.now(UTC) - timedelta(days=age))).result(10)
    assert writer.close(10)


def _said(lines: list[Any], event: str) -> list[Any]:
    return [line for line in lines if line["event"] == event]


def test_at_its_end_a_gateway_anchors_every_record_that_it_wrote(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='anchor_interval = "1s"') as it:
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            for _ in range(300):
                if _said(lines, "anchor"):
                    break
                await asyncio.sleep(0.02)
            assert len(_said(lines, "anchor")) == 1, "at the interval"
            for _ in range(4):
                assert (await it.ask()).status == 200
        last = _said(lines, "anchor")[-1]["anchor"]
        engine = open_database(it.gateway.settings.gateway.database)
        (anchor,) = find_anchors(last)
        assert (anchor.sequence, verify_chain(engine, [anchor])[0].state) == (5, ChainState.INTACT)
        engine.dispose()

    with structlog.testing.capture_logs() as lines:
        run(scenario())


def test_the_end_of_what_people_said_is_anchored_when_it_is_another(settings: Settings) -> None:
    engine = _open(settings)
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)

    def say() -> None:
        add_statement(engine, "acme", "confirmed", "bob", {"step": 2}, datetime.now(UTC))

    with structlog.testing.capture_logs() as lines:
        upkeep.anchor()
        assert _said(lines, "renewals anchor") == []
        say()
        upkeep.anchor()
        upkeep.anchor()
        say()
        say()
        upkeep.anchor()
    found = [one for line in _said(lines, "renewals anchor") for one in find_statements_anchors(line["anchor"])]
    assert [anchor.number for anchor in found] == [1, 3]
    assert verify_ledger(engine, statements_anchors=found).is_intact
    engine.dispose()


def test_the_end_of_the_keystores_history_is_anchored_when_it_is_another(settings: Settings) -> None:
    engine = _open(settings)
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)
    store = KeystoreStore(engine)
    with structlog.testing.capture_logs() as lines:
        upkeep.anchor_keystore()
        assert _said(lines, "keystore anchor") == []
        store.add("acme", issue("acme"), **BY)
        upkeep.anchor_keystore()
        upkeep.anchor_keystore()
        store.retire("acme", **later(1))
        upkeep.anchor_keystore()
    found = [anchor for line in _said(lines, "keystore anchor") for anchor in find_history_anchors(line["anchor"])]
    with reading(engine) as connection:
        assert verify_history(connection, found).state is HistoryState.INTACT
    assert [anchor.revision for anchor in found] == [1, 2]
    engine.dispose()


def test_each_change_of_the_keystore_is_anchored_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='anchor_interval = "7d"', trusted=("old",)) as it:
            await until(lambda: _anchored(1))
            await asyncio.to_thread(add, it.store, "new")
            await until(lambda: _anchored(2))
        assert _anchored(2), "and not once more at the end"

    def _anchored(revisions: int) -> bool:
        return len(_said(lines, "keystore anchor")) == revisions

    with structlog.testing.capture_logs() as lines:
        run(scenario())


def test_a_keystore_that_was_changed_past_its_history_raises_one_alarm(settings: Settings) -> None:
    engine = _open(settings)
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)
    KeystoreStore(engine).add("acme", issue("acme"), **BY)
    with structlog.testing.capture_logs() as lines:
        upkeep.anchor_keystore()
        with writing(engine) as connection:
            connection.execute(text("UPDATE keystore_entries SET endpoints = '[]'"))
        upkeep.anchor_keystore()
        upkeep.anchor_keystore()
        with writing(engine) as connection:
            connection.execute(text("UPDATE keystore_entries SET endpoints = NULL"))
        KeystoreStore(engine).retire("acme", **later(1))
        upkeep.anchor_keystore()
    assert [(line["event"], line["log_level"], line.get("state")) for line in lines] == [
        ("keystore anchor", "info", None),
        ("keystore is not what its history says", "error", "altered"),
        ("keystore anchor", "info", None),
    ]
    engine.dispose()


def test_a_history_that_was_cut_short_is_missed_by_who_knew_it(settings: Settings) -> None:
    engine = _open(settings)
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)
    KeystoreStore(engine).add("acme", issue("acme"), **BY)
    with structlog.testing.capture_logs() as lines:
        upkeep.anchor_keystore()
        with writing(engine) as connection:
            for table in ("history", "revisions", "chain"):
                connection.execute(text(f"DROP TRIGGER keystore_{table}_refuses_delete"))
            for table in ("entries", "history", "chain", "revisions"):
                connection.execute(text(f"DELETE FROM keystore_{table}"))  # noqa: S608 - the names above
            connection.execute(text("UPDATE keystore_head SET revision = 0, hash = :start"), {"start": "0" * 64})
        upkeep.anchor_keystore()
    assert (lines[-1]["event"], lines[-1]["state"]) == ("keystore is not what its history says", "truncated")
    engine.dispose()


def test_a_database_that_is_gone_ends_no_anchors(settings: Settings) -> None:
    engine = _open(settings)
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)
    engine.dispose()
    Path(settings.gateway.database.removeprefix("sqlite:///")).unlink()
    with structlog.testing.capture_logs() as lines:
        upkeep.anchor_keystore()
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("no anchor of the keystore could be written", "warning")
    ]


def test_only_chains_that_grew_are_anchored_again_those_of_others_included(settings: Settings) -> None:
    engine = _open(settings)
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)
    _write(engine, 3)
    _write(engine, 0, instance="killed:1")
    with structlog.testing.capture_logs() as lines:
        upkeep.anchor()
        assert len(_said(lines, "anchor")) == 1, "the one of three days ago was anchored by then"
        upkeep.anchor()
        assert len(_said(lines, "anchor")) == 1
        _write(engine, 0, instance="host:2")
        upkeep.anchor()
        assert len(_said(lines, "anchor")) == 2
        engine.dispose()
        Path(settings.gateway.database.removeprefix("sqlite:///")).unlink()
        upkeep.anchor()
    assert [line["log_level"] for line in lines] == ["info", "info", "warning"]


def test_old_records_go_once_a_day_and_only_where_it_is_wanted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _open(settings)
    _write(engine, 100, 95, 10)
    off = settings.model_copy(update={"gateway": settings.gateway.model_copy(update={"prune": "off"})})
    with structlog.testing.capture_logs() as lines:
        Maintenance(engine, "host:1", lambda: off, told).prune()
        assert lines == []
        for instance in ("host:1", "host:2"):
            Maintenance(engine, instance, lambda: settings, told).prune()
        assert [line["records"] for line in _said(lines, "old records removed")] == [2], "the other one rests"
        monkeypatch.setattr(upkeep_module, "PRUNE_EVERY", timedelta(0))
        connection = sqlite3.connect(settings.gateway.database.removeprefix("sqlite:///"))
        connection.execute("DROP TABLE chores")
        connection.close()
        Maintenance(engine, "host:2", lambda: settings, told).prune()
    assert (lines[-1]["log_level"], "no such table" in lines[-1]["error"]) == ("warning", True)
    assert [(r.state, r.pruned, r.rows) for r in verify_chain(engine)] == [(ChainState.INTACT, 2, 1)]
    engine.dispose()


def test_a_gateway_that_serves_prunes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "FIRST_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(upkeep_module, "LOOK_SECONDS", 0.1)

    async def scenario() -> None:
        engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
        migrate(engine)
        _write(engine, 100, 95, 10)
        async with world(tmp_path, gateway='prune = "daily"', trusted=("old",)) as it:
            it.receiver.reply = http(signed())
            for _ in range(300):
                if _said(lines, "old records removed"):
                    break
                assert (await it.ask()).status == 200
                await asyncio.sleep(0.02)
        assert [r.state for r in verify_chain(engine)] == [ChainState.INTACT] * 2
        assert sorted(r.pruned for r in verify_chain(engine)) == [0, 2]
        engine.dispose()

    with structlog.testing.capture_logs() as lines:
        run(scenario())
    assert [line["records"] for line in _said(lines, "old records removed")] == [2]


@on_postgresql
def test_the_months_ahead_are_made_beside_the_traffic(database_url: str, settings: Settings) -> None:
    engine = open_database(database_url)
    migrate(engine)
    this = Month.of(datetime.now(UTC))
    upkeep = Maintenance(engine, "host:1", lambda: settings, told)
    with structlog.testing.capture_logs() as lines:
        upkeep.make_months()
        assert lines == [], "there they are"
        with writing(engine) as connection:
            drop_partition(connection, this.next)
        upkeep.make_months()
        assert [line["months"] for line in lines] == [this.next.partition]
        with writing(engine) as connection:
            drop_partition(connection, this.next)
            connection.execute(text("DROP TABLE messages_remainder"))
        upkeep.make_months()
        assert "no partitions yet" in lines[-1]["event"]
    engine.dispose()
