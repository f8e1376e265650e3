"""Anchors of real gateways and real commands: at each change of the keystore, at the end, before a retirement."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.ledger import find_signed_heads, open_database, read_events
from keystore.store import KeystoreStore, find_history_anchors
from tests.gateway.anchoring.collector import collector, hang, refuse, take
from tests.gateway.exchange.harness import add
from tests.gateway.service.test_restored_database import config, gateway, run, wssgate

__all__ = ["config"]  # a fixture


async def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.05)


def configure(config: Path, lines: str) -> None:
    config.write_text(config.read_text().replace("[gateway]\n", f"[gateway]\n{lines}\n", 1))


def revisions(text: str) -> list[int]:
    return [anchor.revision for anchor in find_history_anchors(text)]


def test_a_gateway_anchors_at_its_start_at_each_change_of_the_keystore_and_at_its_very_end(
    config: Path, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "anchors"
    folder.mkdir()
    configure(config, 'anchor_to = "anchors"\nanchor_interval = "7d"')

    def text() -> str:
        return "".join(file.read_text() for file in folder.iterdir())

    async def scenario() -> None:
        async with gateway(config) as running:
            await until(lambda: bool(list(find_signed_heads(text()))))
            assert set(revisions(text())) == {2}
            engine = open_database(database_url)
            (before,) = read_events(engine, 0).writers
            await asyncio.to_thread(add, KeystoreStore(engine), "p256")
            await until(lambda: 3 in revisions(text()))
            anchored = max(one.head.event_number for one in find_signed_heads(text()))
            assert anchored >= before.head.event_number, "what it had told by then is anchored with it"
            await running.end(signal.SIGTERM)
            assert "anchors cannot be delivered; they are kept and tried again" not in [
                line["event"] for line in running.said
            ]
        (writer,) = read_events(engine, 0).writers
        engine.dispose()
        heads = list(find_signed_heads(text()))
        assert heads[-1].head == writer.head, "its end, after the last event"
        assert all(one.holds and one.public_key == writer.public_key for one in heads)

    run(scenario())


def test_a_server_that_refuses_or_hangs_holds_nothing_up_and_gets_all_when_it_is_back(
    config: Path, database_url: str
) -> None:
    async def scenario() -> None:
        with collector(refuse) as server:
            configure(config, f'anchor_to = "{server.url}"\nanchor_interval = "1s"')
            async with gateway(config) as running:
                await until(lambda: server.asked > 0)
                server.behaviour = take
                await running.end(signal.SIGTERM)
            text = "\n".join(server.words())
            assert 2 in revisions(text)
            assert list(find_signed_heads(text))
            server.behaviour = hang
            asked = server.asked
            async with gateway(config) as running:
                await until(lambda: server.asked > asked)
                began = time.monotonic()
                await running.end(signal.SIGTERM)
                assert time.monotonic() - began < 60
                assert "anchors were not delivered to the end" in running.errors()
            assert running.process.returncode == 0

    run(scenario())


def test_before_a_change_that_ends_trust_the_command_anchors_what_it_rests_on(
    config: Path, database_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with gateway(config) as running:
            await running.end(signal.SIGTERM)
        engine = open_database(database_url)
        (writer,) = read_events(engine, 0).writers
        with collector() as server:
            configure(config, f'anchor_to = "{server.url}"')
            force = ("--force", "--reason", "test", "--config", config)
            ran = await wssgate("keystore", "retire", "old", *force)
            assert (ran.code, ran.err) == (0, "")
            text = "\n".join(server.words())
            assert [one.head for one in find_signed_heads(text)] == [writer.head]
            assert revisions(text) == [2], "the history before the change"
            server.behaviour = refuse
            ran = await wssgate(
                "keystore",
                "set",
                "new",
                "--until",
                (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds"),
                *force,
                "--json",
            )
            assert "what this change rests on could not be anchored before it" in ran.err
            assert "answered with the status 507" in ran.err
            assert (ran.code, KeystoreStore(engine).revision()) == (0, 4), "it is made all the same"
            json.loads(ran.out)
        engine.dispose()

    run(scenario())
