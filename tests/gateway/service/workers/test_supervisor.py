"""Several workers behind one listening socket: shared, watched, started again, and ended with their supervisor."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.config import load_settings
from gateway.ledger import ReplayCacheBroken
from gateway.service.workers import restarting
from gateway.service.workers import worker_process as processes
from gateway.service.workers.restarting import WorkersFailed
from gateway.service.workers.supervisor import Supervisor
from tests.gateway.exchange.harness import REQUEST, Receiver, http, run, signed
from tests.gateway.service.workers.crew import HEADERS, WHOLE_CREW_SECONDS, Crew, crew, kill, lives, until, write


def _growing(exposition: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        if family.type in {"counter", "histogram"}
        for sample in family.samples
    }


def gone(pid: int) -> bool:
    return not lives(pid)


async def _serving(it: Crew) -> bool:
    return [worker["state"] for worker in (await it.ready())["workers"]] == ["serving"] * 2


async def _ask_until_both_served(it: Crew) -> int:
    """How often was asked: which worker accepts a connection is the system's choice."""
    for asked in range(20, 820, 20):
        assert await asyncio.gather(*(it.ask() for _ in range(20))) == [200] * 20
        if len(it.instances()) == 2:
            return asked
    raise AssertionError("one of the workers gets nothing to do")


def test_workers_share_the_traffic_and_speak_with_one_voice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with crew(tmp_path) as it:
            asked = await _ask_until_both_served(it)
            status = await it.ready()
            assert (status["status"], status["keystore"], status["under_way"]) == (
                "ready",
                {"revision": 1, "problem": None},
                0,
            )
            assert status["instance"] == f"test/{os.getpid()}"
            pids = await it.pids()
            assert it.instances().keys() == {f"test/{pid}" for pid in pids}
            assert it.instances().total() == asked
            _, metrics = await it.admin("/metrics")
            accepted = 'wssgate_messages_total{endpoint="orders",kind="message",outcome="accepted",reason=""} '
            assert f"{accepted}{asked}.0" in metrics
            assert f'wssgate_upstream_seconds_bucket{{endpoint="orders",le="+Inf"}} {asked}.0' in metrics
            assert "wssgate_keystore_revision 1.0" in metrics
            assert "wssgate_workers_serving 2.0" in metrics
            assert await it.admin("/healthz") == (200, "ok\n")
        assert not any(lives(pid) for pid in pids)

    run(scenario(), WHOLE_CREW_SECONDS)


def test_killed_worker_is_replaced_and_no_metric_goes_backwards(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with crew(tmp_path) as it:
            before: dict[Any, float] = {}
            for _ in range(2):
                await asyncio.gather(*(it.ask() for _ in range(20)))
                _, text = await it.admin("/metrics")
                first = (await it.pids())[0]
                kill(first)
                await until(partial(gone, first))
                assert await it.ask() == 200
                for _ in range(2):
                    after = _growing((await it.admin("/metrics"))[1])
                    counted = _growing(text)
                    shrunk = {key for key, value in counted.items() if after.get(key, -1.0) < value}
                    assert not shrunk
                    assert not {key for key, value in before.items() if after.get(key, -1.0) < value}
                    before = after
                    await until(lambda: _serving(it))
                assert first not in await it.pids()
            assert before[("wssgate_worker_ends_total", ())] == 2
            messages = {key: value for key, value in before.items() if key[0] == "wssgate_messages_total"}
            assert sum(messages.values()) >= 40

    run(scenario(), WHOLE_CREW_SECONDS)


def test_hang_up_reaches_every_worker_and_a_broken_file_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with crew(tmp_path) as it:
            good = it.config.read_text()

            async def problems() -> list[Any]:
                return [worker["configuration_problem"] for worker in (await it.ready())["workers"]]

            it.config.write_text(good.replace("[endpoint.orders]", '[endpoint.orders]\nmode = "observe"'))
            await it.supervisor.reload()
            it.receiver.reply = http(b"<no-soap/>")
            await _ask_until_both_served(it)

            it.config.write_text(good.replace("[endpoint.orders]", '[endpoint.orders]\nmode = "sometimes"'))
            await it.supervisor.reload()
            status = await it.ready()
            assert "sometimes" in status["configuration"]["problem"]
            assert status["endpoints"]["orders"]["mode"] == "observe"
            # A worker that starts now serves by the last good configuration, like the others.
            former = await it.pids()
            kill(former[1])
            await until(lambda: not lives(former[1]))
            await until(lambda: _serving(it))
            assert await asyncio.gather(*(it.ask() for _ in range(20))) == [200] * 20
            assert await problems() == [None, None]

            it.config.write_text(good + 'ca_file = "missing.pem"\n')
            await it.supervisor.reload()
            assert "ca_file" in (await it.ready())["configuration"]["problem"]
            it.config.write_text(good.replace("https", "http"))
            await it.supervisor.reload()
            assert (await it.ready())["configuration"]["problem"] is None
            assert await asyncio.gather(*(it.ask() for _ in range(10))) == [502] * 10

    run(scenario(), WHOLE_CREW_SECONDS)


def test_worker_that_hangs_is_killed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(processes, "REPORT_SECONDS", 0.1)

    async def scenario() -> None:
        async with crew(tmp_path) as it:
            first, second = await it.pids()
            os.kill(first, signal.SIGSTOP)
            await until(lambda: not lives(first))
            await until(lambda: _serving(it))
            assert (await it.pids())[1] == second
            assert await it.ask() == 200

    run(scenario(), WHOLE_CREW_SECONDS)


def test_workers_that_keep_dying_end_the_gateway_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarting, "PAUSES", (0.0, 0.01))

    async def scenario() -> None:
        async with crew(tmp_path) as it:
            failed = asyncio.create_task(it.supervisor.failed())
            first, second = await it.pids()
            database = tmp_path / "wssgate.db"
            database.rename(tmp_path / "elsewhere")
            kill(first)
            await until(lambda: not lives(first))
            await asyncio.sleep(0.3)
            # The other one serves (it answers 503): as long as one does, nothing is given up.
            assert not failed.done()
            kill(second)
            with pytest.raises(WorkersFailed, match="there is no database at"):
                await asyncio.wait_for(failed, 30)
            assert (await it.admin("/healthz"))[0] == 503
            status = await it.ready()
            assert status["status"] == "not-ready"
            assert "there is no database at" in str(status["workers"])

    run(scenario(), WHOLE_CREW_SECONDS)


def test_address_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            write(tmp_path / "gateway.toml", 1, "workers = 2")
            config = (tmp_path / "gateway.toml").read_text().replace('admin = "127.0.0.1:0"', f'admin = "{address}"')
            (tmp_path / "gateway.toml").write_text(config)
            with pytest.raises(OSError, match="already in use; stop what listens there"):
                async with Supervisor(load_settings(tmp_path / "gateway.toml")):
                    pass

    run(scenario(), WHOLE_CREW_SECONDS)


def test_broken_replay_cache_is_found_by_the_supervisor(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with crew(tmp_path) as it:
            connection = sqlite3.connect(tmp_path / "wssgate.db")
            connection.execute(
                "CREATE TRIGGER forgetful AFTER INSERT ON replay_guard BEGIN DELETE FROM replay_guard; END"
            )
            connection.close()
            with pytest.raises(ReplayCacheBroken):
                await it.supervisor.reload()

    run(scenario(), WHOLE_CREW_SECONDS)


class _Started:
    """`wssgate serve` as a process group of its own, its log lines, and its workers."""

    def __init__(self, config: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--json", "--config", str(config)],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def lines(self, until_event: str) -> list[dict[str, Any]]:
        assert self.process.stderr is not None
        found: list[dict[str, Any]] = []
        for line in self.process.stderr:
            found.append(json.loads(line))
            if found[-1]["event"] == until_event:
                return found
        raise AssertionError(f"ended before {until_event}: {found}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.mark.parametrize("case", ["term", "ctrl-c", "orphaned"])
def test_what_is_under_way_is_finished_before_the_end(tmp_path: Path, case: str) -> None:
    reached, released = asyncio.Event(), asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await released.wait()
        writer.write(http(signed()))
        await writer.drain()

    async def scenario() -> None:
        server = await asyncio.start_server(Receiver(wait).serve, "127.0.0.1", 0)
        write(tmp_path / "gateway.toml", server.sockets[0].getsockname()[1], "workers = 2")
        started = _Started(tmp_path / "gateway.toml")
        try:
            async with server, aiohttp.ClientSession() as session:
                serving = (await asyncio.to_thread(started.lines, "serving"))[-1]
                async with session.get(f"{serving['admin']}/readyz") as response:
                    pids = [worker["pid"] for worker in (await response.json())["workers"]]
                post = asyncio.create_task(session.post(f"{serving['listen']}/orders", data=REQUEST, headers=HEADERS))
                await asyncio.wait_for(reached.wait(), 10)
                if case == "orphaned":
                    kill(started.process.pid)
                elif case == "term":
                    started.process.send_signal(signal.SIGTERM)
                else:  # a terminal sends it to the whole group
                    os.killpg(started.process.pid, signal.SIGINT)
                # The one with nothing to do ends; the other waits for its exchange.
                await until(lambda: sum(lives(pid) for pid in pids) == 1)
                released.set()
                async with await post as response:
                    assert (response.status, await response.read()) == (200, signed())
                await until(lambda: not any(lives(pid) for pid in pids))
                code = await asyncio.to_thread(started.process.wait, 10)
                assert code == (-signal.SIGKILL if case == "orphaned" else 0)
                assert started.process.stderr is not None
                assert "Traceback" not in started.process.stderr.read()
            host, port = serving["listen"].removeprefix("http://").split(":")
            with socket.create_server((host, int(port))):
                pass  # nobody holds the address any more
        finally:
            started.close()

    run(scenario(), WHOLE_CREW_SECONDS)


def test_second_signal_cuts_short(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    async def scenario() -> None:
        server = await asyncio.start_server(Receiver(never).serve, "127.0.0.1", 0)
        write(tmp_path / "gateway.toml", server.sockets[0].getsockname()[1], "workers = 2")
        started = _Started(tmp_path / "gateway.toml")
        try:
            async with server, aiohttp.ClientSession() as session:
                serving = (await asyncio.to_thread(started.lines, "serving"))[-1]
                post = asyncio.create_task(session.post(f"{serving['listen']}/orders", data=REQUEST))
                await asyncio.wait_for(reached.wait(), 10)
                started.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(started.lines, "stopping")
                started.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(started.process.wait, 10) == 0
                await asyncio.gather(post, return_exceptions=True)
        finally:
            started.close()

    run(scenario(), WHOLE_CREW_SECONDS)
