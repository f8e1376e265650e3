"""Alerts of real gateways: found, told over a real webhook, once, and at no exchange's cost."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aiohttp

from tests.databases import on_sqlite
from tests.gateway.alerts.hooks import SECRET, TOKEN, channel, webhook
from tests.gateway.alerts.mail_server import mail_server
from tests.gateway.anchoring.collector import Handler, hang, refuse
from tests.gateway.cli.running import Run
from tests.gateway.exchange.harness import envelope, signed
from tests.gateway.renewal.running_gateway import Stage, play, stage
from tests.gateway.service.test_restored_database import gateway
from tests.gateway.service.workers.crew import lives


async def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


def tell(made: Stage, lines: str) -> None:
    """Add channels to the configuration."""
    made.config.write_text(made.config.read_text() + lines)


def test_an_unknown_key_is_told_with_its_fingerprint_and_once(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        with webhook() as hook:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, channel(hook))
                async with made.serving() as running:
                    for _ in range(3):
                        await made.ask(signed("new"), status=502)
                    await until(lambda: "unknown-key" in hook.events())
                    await made.ask(signed("new"), status=502)
                    await asyncio.sleep(2)
                (alert,) = hook.of("unknown-key")
                assert alert["endpoint"] == "orders"
                assert "SHA-256" in alert["what"]
                assert alert["records"]
                assert alert["run"].startswith("wssgate report unknown-keys --endpoint orders --config ")
                said = json.dumps(running.said)
                assert SECRET not in said
                assert TOKEN not in said
                ran = await made.wssgate("alerts", "list", "--json")
                (known,) = [one for one in json.loads(ran.out)["alerts"] if one["event"] == "unknown-key"]
                assert known["alert"] == alert["alert"]
                ran = await made.wssgate("alerts", "history", "--json")
                told = [json.loads(line) for line in ran.out.splitlines()]
                (told_once,) = [one for one in told if one["event"] == "unknown-key"]
                assert [one["state"] for one in told_once["channels"]] == ["delivered"]
                assert told_once["id"] == alert["id"]

    play(scenario())


def test_a_gateway_that_is_killed_between_outbox_and_delivery_loses_nothing(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        with webhook(hang) as hook:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, channel(hook))
                async with gateway(made.config) as running:
                    made.address = running.said[-1]["listen"]
                    await made.ask(signed("new"), status=502)
                    await until(lambda: hook.server.asked > 0)
                    running.process.kill()
                    await running.process.wait()
                hook.server.behaviour = hook.take
                async with made.serving():
                    await until(lambda: "unknown-key" in hook.events(), 60)
                    await asyncio.sleep(1.5)
                assert len(hook.of("unknown-key")) == 1
                assert len(set(hook.keys)) == len(hook.keys)

    play(scenario())


@on_sqlite
def test_what_arrived_and_was_not_noted_arrives_again_under_the_same_key(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    keys = []

    def take_and_hang(handler: Handler) -> None:
        keys.append(handler.headers["Idempotency-Key"])
        handler.server.ending.wait(60)

    async def scenario() -> None:
        with webhook(take_and_hang) as hook:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, channel(hook))
                async with gateway(made.config) as running:
                    made.address = running.said[-1]["listen"]
                    await made.ask(signed("new"), status=502)
                    await until(lambda: bool(keys))
                    running.process.kill()
                    await running.process.wait()
                hook.server.behaviour = hook.take
                async with made.serving():
                    await until(lambda: "unknown-key" in hook.events(), 60)
                assert keys[0] in hook.keys

    play(scenario())


@on_sqlite
def test_channels_that_hang_cost_no_exchange_anything(tmp_path: Path, database_url: str, run: Run) -> None:
    (tmp_path / "sleep.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    tables = f'[alerts.slow]\ncommand = ["{sys.executable}", "{tmp_path}/sleep.py"]\n'

    async def longest(made: Stage, times: int) -> float:
        """The seconds of the slowest of so many exchanges: one that waited for a channel would take ten or more."""
        found = 0.0
        for _ in range(times):
            began = time.monotonic()
            await made.ask(signed("old"))
            found = max(found, time.monotonic() - began)
        return found

    async def scenario() -> None:
        with webhook(hang) as hook:
            smtp = await asyncio.start_server(never_greet, "127.0.0.1", 0)
            port = smtp.sockets[0].getsockname()[1]
            mail = f'[alerts.mail]\napprise = "mailto://gate:{SECRET}@127.0.0.1:{port}/?from=gate@example.com&to=ops@example.com&mode=insecure"\n'
            async with smtp, stage(tmp_path, database_url, run, trusted=("old",)) as made:
                made.configure(orders='replay_attacks = "ignore"\n')
                tell(made, channel(hook) + mail + tables)
                async with gateway(made.config) as running:
                    made.address = running.said[-1]["listen"]
                    await made.ask(signed("new"), status=502)
                    await until(lambda: hook.server.asked > 0 and bool(greeted) and (tmp_path / "pid").exists())
                    assert await longest(made, 200) < 9
                    running.process.send_signal(signal.SIGTERM)
                    began = time.monotonic()
                    await running.process.wait()
                    assert time.monotonic() - began < 30
                    pid = int((tmp_path / "pid").read_text())
                    await until(lambda: not lives(pid))  # a program does not outlive the gateway

    greeted = []

    async def never_greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append(writer)
        try:
            with suppress(asyncio.CancelledError, ConnectionError):
                await reader.read()
        finally:
            writer.close()

    play(scenario())


def test_of_two_gateways_at_one_database_one_tells(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        with webhook() as hook:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, channel(hook))
                async with gateway(made.config) as one, gateway(made.config) as other:
                    for running in (one, other):
                        made.address = running.said[-1]["listen"]
                        await made.ask(signed("new"), status=502)
                    await until(lambda: "unknown-key" in hook.events())
                    await asyncio.sleep(2)
                    assert len(hook.of("unknown-key")) == 1
                    await one.end(signal.SIGTERM)
                    await made.ask(signed("rsa4096"), status=502)
                    await until(lambda: len(hook.of("unknown-key")) == 2, 60)
                    await other.end(signal.SIGTERM)
                assert len(hook.of("unknown-key")) == 2

    play(scenario())


@on_sqlite
def test_secrets_of_channels_are_shown_nowhere(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        with webhook(refuse) as hook:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                script = f'[alerts.script]\ncommand = ["/nowhere/{TOKEN}", "{SECRET}"]\n'
                tell(made, channel(hook) + script)
                async with made.serving() as running:
                    await made.ask(signed("new"), status=502)
                    await until(lambda: hook.server.asked > 1)
                    async with aiohttp.ClientSession() as session:
                        admin = running.said[-1]["admin"]
                        async with session.get(f"{admin}/readyz") as answer:
                            status = await answer.text()
                assert '"alerts"' in status
                assert "the webhook answered with the status 507" in status
                shown = [status, json.dumps(running.said)]
                for words in (["status"], ["status", "--json"], ["alerts", "list"], ["alerts", "history", "--json"]):
                    ran = await made.wssgate(*words)
                    shown.append(ran.out + ran.err)
                ran = await made.wssgate("alerts", "test")
                assert ran.code == 1
                shown.append(ran.out + ran.err)
                assert not [text for text in shown if SECRET in text or TOKEN in text]

    play(scenario())


def test_a_switch_that_nobody_announced_is_told_by_mail_and_mended_from_the_record(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        with webhook() as hook, mail_server() as mails:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, f'{channel(hook)}[alerts.mail]\napprise = "{mails.url(SECRET)}"\n')
                async with made.serving():
                    await made.ask(signed("old"))
                    await made.ask(signed("new"), status=502)
                    await until(lambda: "unknown-key" in hook.events() and any(mails.texts()))
                    (record,) = hook.of("unknown-key")[0]["records"]
                    (text,) = [text for text in mails.texts() if "unknown-key" in text]
                    assert f"Record: {record}" in text
                    why = ("--reason", "compared by phone")
                    ran = await made.wssgate("report", "unknown-keys")
                    assert record in ran.out
                    ran = await made.wssgate(
                        "keystore", "add", "next", "--from-record", record, "--replaces", "old", "--yes", *why
                    )
                    assert ran.code == 0, ran
                    for _ in range(40):  # the gateway takes the change within a second, and is told within some more
                        await made.ask(signed("new"), status=502)
                        if "staged-key" in hook.events():
                            break
                        await asyncio.sleep(1)
                    assert (await made.wssgate("keystore", "trust", "next", *why)).code == 0
                    for _ in range(100):
                        with suppress(AssertionError):
                            await made.ask(signed("new", content="<Order xmlns='urn:orders'>2</Order>"))
                            break
                        await asyncio.sleep(0.1)
                    await until(lambda: "new-key" in hook.events())
                    assert len(hook.of("unknown-key")) == len(hook.of("staged-key")) == len(hook.of("new-key")) == 1

    play(scenario())


@on_sqlite
def test_a_receiver_that_goes_and_comes_back_is_told_twice_and_unsigned_answers_once(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    unsigned = envelope("<Order xmlns='urn:orders'>3</Order>")

    async def scenario() -> None:
        with webhook() as hook:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, channel(hook))
                async with made.serving():
                    await made.ask(signed("old"))
                    await made.ask(unsigned, status=502)
                    await until(lambda: "no-longer-signed" in hook.events())
                    await made.ask(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", status=502)
                    await until(lambda: "receiver-failing" in hook.events())
                    await made.ask(signed("old", content="<Order xmlns='urn:orders'>4</Order>"))
                    await until(lambda: len(hook.of("receiver-failing")) == 2)
                assert [alert["over"] for alert in hook.of("receiver-failing")] == [False, True]
                assert len(hook.of("no-longer-signed")) == 1

    play(scenario())
