"""What opens no gate, whoever writes the database, the configuration or the clock: a gateway as a process, and the
commands.

What `wssgate ledger verify` sees of such manipulations stands in `tests/gateway/ledger/proof/manipulations`.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from gateway.cli.keystore import retire
from gateway.ledger.database.connections import writing
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.proof.chain import Link
from gateway.verify import VerifiedBy
from keystore import CHAIN_START, Alias
from tests.databases import on_sqlite, unprotected
from tests.gateway.cli.running import Run
from tests.gateway.exchange.harness import signed
from tests.gateway.ledger.load import accepted
from tests.gateway.ledger.watched_time import Watcher, long_steps, served
from tests.gateway.renewal.running_gateway import Stage, play, stage
from tests.restoring import backup

DAY = timedelta(days=1)
CARRIES = "it is the key that carries {urn:orders}GetOrder"
INVENTED = "00000000-0000-7000-8000-000000000001"


def _as_new(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A record that says that the new key signed what the old one did."""
    names: dict[str, dict[str, str]] = {
        alias: {"alias": alias, "key_id": key_id, "thumbprint": thumbprint}
        for alias, key_id, thumbprint in connection.execute(
            text("SELECT alias, key_id, thumbprint FROM keystore_entries")
        )
    }
    made = dict(row)
    for column in ("verified_by", "signers"):
        for kind in ("alias", "key_id", "thumbprint"):
            made[column] = made[column].replace(f'"{names["old"][kind]}"', f'"{names["new"][kind]}"')
    return made | {"id": INVENTED, "time": row["time"] + 1}


def _records(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(messages).order_by(messages.c.sequence)).mappings()]


def _count_as_new(connection: Connection) -> None:
    """The new key was seen after the old one: the hourly counts may grow."""
    latest = "(SELECT max(last_seen) + 9 FROM key_uses_hourly)"
    connection.execute(
        text(f"UPDATE key_uses_hourly SET messages = messages + 1, last_seen = {latest} WHERE alias = 'new'")  # noqa: S608 - constants
    )


def _remove_counts(connection: Connection) -> None:
    for table in ("key_uses_hourly", "key_usage_hourly"):
        connection.execute(text(f"DELETE FROM {table} WHERE alias = 'old'"))  # noqa: S608 - constants


def _invent_a_writer(connection: Connection) -> None:
    """Two days ago a gateway that nobody knows saw the new key at work."""
    record = _as_new(connection, _records(connection)[0])
    record |= {"time": record["time"] - 2 * 24 * 3_600_000_000, "writer": INVENTED, "sequence": 1}
    link = Link(INVENTED, 0, CHAIN_START).extend(record)
    connection.execute(insert(messages).values(record))
    query = "INSERT INTO chains (writer, instance, sequence, hash) VALUES (:writer, 'vm/1', 1, :hash)"
    connection.execute(text(query), {"writer": INVENTED, "hash": link.hash})
    _count_as_new(connection)


def _go_on_at_the_end(connection: Connection) -> None:
    """The same at the end of the real chain."""
    last = _records(connection)[-1]
    record = _as_new(connection, last)
    link = Link(last["writer"], last["sequence"], last["hash"]).extend(record)
    connection.execute(insert(messages).values(record))
    query = "UPDATE chains SET sequence = :sequence, hash = :hash WHERE writer = :writer"
    connection.execute(text(query), {"sequence": link.sequence, "hash": link.hash, "writer": link.writer})
    _count_as_new(connection)


def _prune_what_is_young(connection: Connection) -> None:
    """Nothing but what the triggers let pass."""
    query = (
        "INSERT INTO checkpoints (writer, sequence, hash, time, pruned_at) "
        "SELECT writer, sequence, hash, time, time FROM messages ORDER BY sequence DESC LIMIT 1"
    )
    connection.execute(text(query))
    connection.execute(text("DELETE FROM messages"))


MANIPULATIONS: list[tuple[Callable[[Connection], None], bool, str, str]] = [
    (_remove_counts, True, CARRIES, "roll-up"),
    (_invent_a_writer, False, CARRIES, "foreign"),
    (_go_on_at_the_end, False, "the evidence does not hold", "altered"),
    (_prune_what_is_young, False, CARRIES, "missing"),
]
"""What is done, whether triggers have to be put aside for it, what the gate says, and what it is found as."""


def _do(engine: Engine, act: Callable[[Connection], None], *, without_triggers: bool) -> None:
    with writing(engine) as connection:
        if without_triggers:
            with unprotected(connection):
                act(connection)
        else:
            act(connection)


def test_whoever_writes_the_database_opens_no_gate_and_is_found(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            async with it.serving():
                await it.ask(signed("new"))
                await it.ask(signed("old"))
                await asyncio.sleep(2.6)
                sentences = await it.refused()
                assert CARRIES in sentences
                assert "guaranteed delivery time" not in sentences, "that is over: nothing else speaks against it"
            assert await it.findings() == []
            with backup(database_url) as before:
                for act, without_triggers, sentence, found in MANIPULATIONS:
                    engine = it.engine
                    if without_triggers:
                        with pytest.raises(DBAPIError, match="never removed"):
                            _do(engine, act, without_triggers=False)
                    _do(engine, act, without_triggers=without_triggers)
                    engine.dispose()
                    assert sentence in await it.refused(), act.__name__
                    findings = await it.findings()
                    assert any(one.startswith(found) for one in findings), (act.__name__, findings)
                    before.put_back()
                assert await it.findings() == []

    play(scenario())


@on_sqlite
def test_nothing_that_whoever_asks_brings_along_opens_a_gate(
    tmp_path: Path, database_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            it.configure(orders='guaranteed_delivery_time = "1h"\n', invoices='guaranteed_delivery_time = "1h"\n')
            async with it.serving():
                for endpoint in ("orders", "invoices"):
                    await it.ask(signed("old"), endpoint=endpoint)
                    await it.ask(signed("new"), endpoint=endpoint)
                await asyncio.sleep(0.5)
                mine = tmp_path / "mine" / "gateway.toml"
                mine.parent.mkdir()
                lines = it.config.read_text().replace(
                    'guaranteed_delivery_time = "1h"', 'guaranteed_delivery_time = "1ms"'
                )
                mine.write_text(lines[: lines.index("[endpoint.invoices]")])
                asked = [await it.refused(), await it.refused(config=mine)]
                monkeypatch.setenv("WSSGATE_ENDPOINT__ORDERS__GUARANTEED_DELIVERY_TIME", "1ms")
                asked.append(await it.refused())
                monkeypatch.delenv("WSSGATE_ENDPOINT__ORDERS__GUARANTEED_DELIVERY_TIME")
                monkeypatch.setattr(retire, "now", lambda: datetime.now(UTC) + 400 * DAY)
                asked.append(await it.refused())
                monkeypatch.setattr(retire, "now", lambda: datetime.now(UTC) - 400 * DAY)
                behind = await it.retire()
                assert (behind.code, "set the clock right" in behind.err) == (3, True)
                for sentences in asked:
                    assert sentences.count("the guaranteed delivery time of 1h has passed") == 2, sentences
                    assert "orders: the last message that needed it came at" in sentences
                    assert "invoices: the last message that needed it came at" in sentences

    play(scenario())


PASTS = ("nobody", "seconds", "unreachable", "watched")
"""Endpoints, each after what became of it in the three weeks since its old key was used last."""


def _past(engine: Engine, old: VerifiedBy, new: VerifiedBy) -> None:
    """Three weeks, told by a gateway for each endpoint; the delivery time is three days."""
    with long_steps(2 * DAY):
        start = datetime.now(UTC) - 21 * DAY
        watchers = {how: Watcher(engine, start, {how: served(3 * DAY)}, instance=f"host/{how}") for how in PASTS}
        for how, watcher in watchers.items():
            watcher.record(accepted(old, time=start, endpoint=how))
            watcher.record(accepted(new, time=start + timedelta(seconds=1), endpoint=how))
            watcher.reachable[how] = how != "unreachable"
            watcher.watch(timedelta(seconds=1), timedelta(seconds=1))
        watchers.pop("nobody").stop()
        for day in range(1, 16):
            for how, watcher in watchers.items():
                if how == "seconds":
                    watcher.sleep(DAY - timedelta(seconds=1))
                    watcher.reachable[how] = False  # up for one, every day: what came before nobody watched
                    watcher.beat()
                    watcher.reachable[how] = True
                    watcher.watch(timedelta(seconds=1), timedelta(seconds=1))
                else:
                    watcher.watch(DAY, DAY)
                assert watcher.instant() < start + (day + 1) * DAY
    for watcher in watchers.values():
        watcher.stop()


@on_sqlite
def test_time_in_which_nobody_watched_does_not_count(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run, since=datetime.now(UTC) - 100 * DAY) as it:
            it.configure(**dict.fromkeys(PASTS, 'guaranteed_delivery_time = "3d"\n'))
            engine = it.engine
            entries = {str(e.alias): VerifiedBy(Alias(e.alias), e.key_id, e.thumbprint) for e in it.store.entries()}
            _past(engine, entries["old"], entries["new"])
            engine.dispose()
            async with it.serving():
                for how in PASTS:
                    await it.ask(signed("new"), endpoint=how)
                await asyncio.sleep(0.5)
                sentences = await it.refused()
                for how in PASTS[:-1]:
                    assert f"{how}: the last message that needed it came at" in sentences
                assert "watched: the last message" not in sentences
                assert sentences.count("the guaranteed delivery time of 3d has passed while somebody watched") == 3

    play(scenario())


@on_sqlite
def test_a_gateway_whose_receiver_is_gone_does_not_watch(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            it.upstream = "http://127.0.0.1:9/ws"
            it.configure(orders="")
            async with it.serving():
                await asyncio.sleep(3)
                sentences = await it.refused()
                assert "the guaranteed delivery time of 2s has passed while somebody watched" in sentences
                assert "so earliest" not in sentences
            it.upstream = Stage.upstream
            it.configure(orders="")
            async with it.serving():
                await it.ask(signed("new"))
                await it.retired()

    play(scenario())
