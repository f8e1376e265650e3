"""The gateway as a process: signals, reload, the operator's listener, what is said at the start."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.config import load_settings
from gateway.ledger import DatabaseUnavailable, LedgerUnavailable, ReplayCacheBroken, migrate, open_database
from gateway.service.gateway import Gateway
from keystore.store import KeystoreStore
from tests.gateway.exchange.harness import REQUEST, Receiver, add, http, run, signed, world

WIRED = "replay cache is wired"
NO_TRUST = (
    "no certificate is trusted for this endpoint, so that every response will be rejected; "
    "add one with: wssgate keystore add"
)
NO_TRUST_OBSERVED = NO_TRUST.replace("will be rejected", "will be delivered, and recorded as one that does not verify")


async def _lines(process: Process, until: str) -> list[dict[str, object]]:
    """Log lines up to one whose event is `until`."""
    assert process.stderr is not None
    found: list[dict[str, object]] = []
    while True:
        line = await asyncio.wait_for(process.stderr.readline(), 15)
        assert line, f"ended before {until}: {found}"
        found.append(json.loads(line))
        if found[-1]["event"] == until:
            return found


@asynccontextmanager
async def _process(config: Path, at_the_end: str = "pass") -> AsyncIterator[Process]:
    program = (
        "import sys; from gateway.config import load_settings; from gateway.service.serving import serve; "
        f"code = serve(load_settings(sys.argv[1])); {at_the_end}; sys.exit(code)"
    )
    async with _started(sys.executable, "-c", program, str(config)) as process:
        yield process


@asynccontextmanager
async def _started(*command: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _write(config: Path, port: int, extra: str = "") -> None:
    config.write_text(
        '[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\nlog_format = "json"\n'
        f'[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:{port}/ws"\n{extra}'
    )


def test_the_garbage_collector_spares_what_start_up_made(tmp_path: Path) -> None:
    async def scenario() -> None:
        config = tmp_path / "gateway.toml"
        _write(config, 9)
        tell = "import gc; print(gc.get_freeze_count(), gc.get_threshold()[0])"
        async with _process(config, tell) as process:
            await _lines(process, "serving")
            process.terminate()
            out, _ = await asyncio.wait_for(process.communicate(), 15)
            assert process.returncode == 0
        frozen, threshold = map(int, out.split())
        assert frozen > 10_000
        assert threshold == 10_000

    run(scenario())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_finishes_what_is_under_way(tmp_path: Path, number: signal.Signals) -> None:
    answered = asyncio.Event()

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered.set()
        await asyncio.sleep(0.4)
        writer.write(http(signed()))
        await writer.drain()

    async def scenario() -> None:
        receiver = Receiver(slow)
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        _write(tmp_path / "gateway.toml", server.sockets[0].getsockname()[1])
        engine = open_database(f"sqlite:///{tmp_path / 'wssgate.db'}")
        migrate(engine)
        add(KeystoreStore(engine), "old")
        engine.dispose()
        async with server, _process(tmp_path / "gateway.toml") as process, aiohttp.ClientSession() as session:
            serving = (await _lines(process, "serving"))[-1]
            endpoint = (await _lines(process, "endpoint"))[-1]
            assert (endpoint["mode"], endpoint["trusted"], endpoint["path"]) == ("enforce", "old", "/orders")
            post = asyncio.create_task(session.post(f"{serving['listen']}/orders", data=REQUEST))
            await asyncio.wait_for(answered.wait(), 30)
            process.send_signal(number)
            async with await post as response:
                assert (response.status, await response.read()) == (200, signed())
            lines = await _lines(process, "stopped")
            assert await asyncio.wait_for(process.wait(), 30) == 0
            assert any(line["event"] == "accepted, first since the start" and line["keys"] == "old" for line in lines)
            assert process.stdout is not None
            assert await process.stdout.read() == b""
            assert process.stderr is not None
            assert await process.stderr.read() == b""

    run(scenario())


def test_second_signal_does_not_wait(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    async def scenario() -> None:
        receiver = Receiver(never)
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        _write(tmp_path / "gateway.toml", server.sockets[0].getsockname()[1])
        async with server, _process(tmp_path / "gateway.toml") as process, aiohttp.ClientSession() as session:
            serving = (await _lines(process, "serving"))[-1]
            post = asyncio.create_task(session.post(f"{serving['listen']}/orders", data=REQUEST))
            await asyncio.wait_for(reached.wait(), 30)
            process.send_signal(signal.SIGTERM)
            await _lines(process, "stopping")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 30) == 0
            assert process.stderr is not None
            assert b"Traceback" not in await process.stderr.read()
            # The client may still be told so before its connection is closed.
            (outcome,) = await asyncio.gather(post, return_exceptions=True)
            assert isinstance(outcome, aiohttp.ClientError) or (
                isinstance(outcome, aiohttp.ClientResponse) and outcome.status in {502, 503}
            )

    run(scenario())


def test_hang_up_reads_the_configuration_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        config = tmp_path / "gateway.toml"
        _write(config, 1)
        async with _process(config) as process, aiohttp.ClientSession() as session:
            admin = str((await _lines(process, "serving"))[-1]["admin"])
            await _lines(process, NO_TRUST)

            async def ready() -> dict[str, dict[str, object]]:
                async with session.get(f"{admin}/readyz") as response:
                    assert response.status == 200
                    return dict(await response.json())

            assert (await ready())["configuration"]["problem"] is None
            _write(config, 1, 'mode = "sometimes"\n')
            process.send_signal(signal.SIGHUP)
            refused = (await _lines(process, "configuration not taken over, the last good one stays in use"))[-1]
            assert 'endpoint.orders.mode = "sometimes" must be' in str(refused["problem"])
            status = await ready()
            assert "sometimes" in str(status["configuration"]["problem"])
            assert status["endpoints"]["orders"]["mode"] == "enforce"  # type: ignore[index]  # JSON

            _write(config, 1, 'mode = "observe"\n')
            process.send_signal(signal.SIGHUP)
            await _lines(process, "configuration taken over")
            status = await ready()
            assert status["configuration"]["problem"] is None
            assert status["endpoints"]["orders"]["mode"] == "observe"  # type: ignore[index]  # JSON
            # In this mode nothing is rejected, whoever is trusted.
            await _lines(process, NO_TRUST_OBSERVED)

            config.write_text(config.read_text().replace('listen = "127.0.0.1:0"', 'listen = "127.0.0.1:1"'))
            process.send_signal(signal.SIGHUP)
            await _lines(process, "configuration taken over")
            status = await ready()
            changed = "gateway.listen was changed, which takes effect after a restart only"
            assert status["configuration"]["problem"] == changed
            # Once more, without a further change; then it is put back.
            for listen, problem in (("127.0.0.1:1", changed), ("127.0.0.1:0", None)):
                config.write_text(config.read_text().replace('listen = "127.0.0.1:1"', f'listen = "{listen}"'))
                process.send_signal(signal.SIGHUP)
                await _lines(process, "configuration taken over")
                assert (await ready())["configuration"]["problem"] == problem
            process.send_signal(signal.SIGTERM)
            await _lines(process, "stopped")
            assert await asyncio.wait_for(process.wait(), 30) == 0

    run(scenario())


FORGETFUL = "CREATE TRIGGER forgetful AFTER INSERT ON replay_guard BEGIN DELETE FROM replay_guard; END"


def _damage(folder: Path) -> None:
    connection = sqlite3.connect(folder / "wssgate.db")
    connection.execute(FORGETFUL)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("policy", ["reject", "ignore"])
def test_no_start_without_a_replay_cache(tmp_path: Path, policy: str) -> None:
    async def scenario() -> None:
        _write(tmp_path / "gateway.toml", 1, f'replay_attacks = "{policy}"\n')
        settings = load_settings(tmp_path / "gateway.toml")
        engine = open_database(settings.gateway.database)
        migrate(engine)
        engine.dispose()
        _damage(tmp_path)
        if policy == "ignore":
            async with Gateway(settings):
                return
        with pytest.raises(ReplayCacheBroken, match="does not recognise a message that is repeated"):
            async with Gateway(settings):
                pass

    run(scenario())


def test_broken_memory_found_at_a_reload_ends_the_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        config = tmp_path / "gateway.toml"
        _write(config, 1)
        command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
        async with _started(*command) as process:
            lines = await _lines(process, "serving")
            assert [line["endpoints"] for line in lines if line["event"] == WIRED] == ["orders"]
            process.send_signal(signal.SIGHUP)
            assert (await _lines(process, "configuration taken over"))[-2]["event"] == WIRED
            _damage(tmp_path)
            process.send_signal(signal.SIGHUP)
            await _lines(process, "stopping")
            assert process.stderr is not None
            said = (await process.stderr.read()).decode()
            assert await asyncio.wait_for(process.wait(), 30) == 3
            assert "does not recognise a message that is repeated" in " ".join(said.split())
            assert "Traceback" not in said

        async with _started(*command) as process:
            assert process.stderr is not None
            said = (await process.stderr.read()).decode()
            assert await asyncio.wait_for(process.wait(), 30) == 3
            assert "does not recognise a message that is repeated" in " ".join(said.split())

    run(scenario())


def test_database_that_is_busy_at_a_reload_keeps_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_: object) -> None:
        raise LedgerUnavailable("the replay cache cannot be tried out: database is locked")

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.config.write_text(
                it.config.read_text().replace("[endpoint.orders]", '[endpoint.orders]\nmode = "observe"')
            )
            with monkeypatch.context() as patch:
                patch.setattr("gateway.service.gateway.prove_replay_cache", busy)
                await it.gateway.reload()
            status = json.loads((await it.admin("/readyz")).body)
            assert "database is locked" in status["configuration"]["problem"]
            assert status["endpoints"]["orders"]["mode"] == "enforce"
            await it.gateway.reload()
            status = json.loads((await it.admin("/readyz")).body)
            assert status["configuration"]["problem"] is None
            assert status["endpoints"]["orders"]["mode"] == "observe"

    run(scenario())


def test_reload_lets_exchanges_end_under_the_configuration_they_began_by(tmp_path: Path) -> None:
    reached, released = asyncio.Event(), asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await released.wait()
        writer.write(http(b"<no-soap/>"))
        await writer.drain()

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = wait
            begun = asyncio.create_task(it.ask())
            await reached.wait()
            it.config.write_text(
                it.config.read_text().replace('path = "/orders"', 'path = "/orders"\nmode = "observe"')
            )
            await it.gateway.reload()
            it.receiver.reply = http(b"<no-soap/>")
            assert (await it.ask()).status == 200
            released.set()
            assert (await begun).status == 502

    run(scenario())


def test_operators_listener(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, endpoint='unsigned_faults = "pass"') as it:
            it.receiver.reply = http(signed())
            await it.ask()
            assert (await it.admin("/healthz")).body == b"ok\n"
            ready = await it.admin("/readyz")
            status = json.loads(ready.body)
            assert (ready.status, status["status"], status["instance"]) == (200, "ready", f"test/{os.getpid()}")
            assert status["keystore"] == {"revision": 2, "problem": None}
            assert status["ledger"] == {"healthy": True, "durability": "commit", "queue": 0, "last_error": None}
            assert status["endpoints"]["orders"] == {
                "path": "/orders",
                "mode": "enforce",
                "trusted": ["old", "new"],
                "dangers": ["unsigned faults are delivered"],
            }
            metrics = (await it.admin("/metrics")).body.decode()
            for sample in (
                'wssgate_messages_total{endpoint="orders",kind="message",outcome="accepted",reason=""} 1.0',
                'wssgate_messages_verified_total{alias="old",endpoint="orders"} 1.0',
                "wssgate_exchanges_in_flight 0.0",
                "wssgate_ledger_queue 0.0",
                'wssgate_upstream_seconds_count{endpoint="orders"} 1.0',
                'wssgate_verify_seconds_count{endpoint="orders"} 1.0',
                "wssgate_ledger_wait_seconds_count 1.0",
            ):
                assert sample in metrics
            assert "urn:orders" not in metrics
            assert (await it.admin("/orders")).status == 404
            assert (await it.ask("POST", "/metrics", base=f"http://{it.gateway.admin_address}")).status == 405

    run(scenario())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8081", 200),
        ("[::1]:8081", 200),
        ("192.0.2.1", 200),
        ("localhost:8081", 200),
        ("LOCALHOST.", 200),
        (f"{socket.gethostname()}:8081", 200),
        ("gateway-1.example", 200),
        ("", 200),
        ("rebound.attacker.example:8081", 421),
        ("127.0.0.1.attacker.example", 421),
        ("localhost.attacker.example", 421),
        ("[attacker.example]:8081", 421),
    ],
)
def test_operators_listener_answers_to_no_name_that_a_stranger_gave_it(tmp_path: Path, host: str, status: int) -> None:
    async def scenario() -> None:
        async with world(tmp_path, gateway='admin_names = ["gateway-1.example"]') as it:
            for path in ("/healthz", "/readyz", "/metrics"):
                answer = await it.ask("GET", path, base=f"http://{it.gateway.admin_address}", Host=host)
                assert answer.status == status
                assert (status == 200) != answer.body.startswith(b"This listener is not known by that name")

    run(scenario())


def test_operators_listener_answers_to_programs_that_name_no_host(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            answer = await it.raw(b"GET /healthz HTTP/1.0\r\n\r\n", address=it.gateway.admin_address)
            assert answer.startswith(b"HTTP/1.1 200 ")

    run(scenario())


def _settings_with(folder: Path, **values: str) -> Path:
    lines = "\n".join(
        f'{key} = "{value}"' for key, value in {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", **values}.items()
    )
    config = folder / "gateway.toml"
    config.write_text(f'[gateway]\n{lines}\n[endpoint.a]\npath = "/"\nupstream = "http://127.0.0.1:1/"\n')
    return config


def test_address_in_use_is_said_in_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            settings = load_settings(_settings_with(tmp_path, admin=address))
            with pytest.raises(OSError, match="already in use; stop what listens there") as failure:
                async with Gateway(settings):
                    pass
            assert failure.value.filename == f"gateway.admin = {address}"

    run(scenario())


def test_database_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = load_settings(_settings_with(tmp_path, database="sqlite:///missing/folder/x.db"))
        with pytest.raises(DatabaseUnavailable, match="does not exist"):
            async with Gateway(settings):
                pass

    run(scenario())
