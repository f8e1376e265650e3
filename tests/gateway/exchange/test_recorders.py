"""Recorders are told what was recorded, and change nothing that leaves, whatever they do."""

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from gateway.exchange import recorders as module
from gateway.exchange.extension_points import Recorder
from gateway.exchange.recorders import Recorders
from gateway.ledger import MessageRecord
from tests.gateway.exchange.harness import http, run, signed, world
from tests.gateway.ledger.load import OLD, accepted, rejected


class Listening:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[MessageRecord] = []

    def recorded(self, record: MessageRecord) -> None:
        self.told.append(record)


class Failing:
    """Fails whatever it is told."""

    def recorded(self, record: MessageRecord) -> None:
        raise ValueError(f"a secret of {record.endpoint}")


class Hanging:
    """Never comes back, until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reached = threading.Event()

    def recorded(self, record: MessageRecord) -> None:  # noqa: ARG002 - of any record
        self.reached.set()
        self.go.wait(30)


async def told(them: Recorders) -> None:
    async with asyncio.timeout(10):
        while them.waiting:
            await asyncio.sleep(0.01)


def test_every_recorder_is_told_everything_in_order() -> None:
    async def scenario() -> None:
        first, second = Listening(), Listening()
        them = Recorders([first, Failing(), second])
        sent = [accepted(OLD), rejected("unknown-key"), accepted(OLD)]
        with capture_logs() as lines:
            for record in sent:
                them.tell(record)
            await told(them)
        assert first.told == second.told == sent
        # One that always fails is named once, and not with what it says, which may be anything.
        assert [(line["event"], line["recorder"]) for line in lines] == [("a recorder failed", "Failing")]
        assert "secret" not in str(lines)
        them.tell(sent[0])
        await them.close()
        assert len(first.told) == 4

    run(scenario())


def test_a_log_that_hangs_does_not_hold_up_who_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    go = threading.Event()
    monkeypatch.setattr(module, "_log", SimpleNamespace(error=lambda _: go.wait(30)))

    async def scenario() -> None:
        them = Recorders([Listening()])
        them.tell(accepted(OLD))
        async with asyncio.timeout(10):
            while not them.lost:
                await asyncio.sleep(0.01)
        assert not go.is_set()
        go.set()
        await them.close()

    run(scenario())


def test_what_a_hanging_recorder_is_not_told_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    monkeypatch.setattr(module, "_END_SECONDS", 0.05)

    async def scenario() -> None:
        hanging = Hanging()
        them = Recorders([hanging])
        with capture_logs() as lines:
            them.tell(accepted(OLD))
            while not hanging.reached.is_set():
                await asyncio.sleep(0.01)
            for _ in range(4):
                them.tell(accepted(OLD))
            while not them.lost:
                await asyncio.sleep(0.01)
            them.tell(accepted(OLD))
            await them.close()
        assert them.lost == 4
        assert [line["event"] for line in lines] == [
            "recorders are too slow: they are not told of records that the ledger has",
            "a recorder has not taken notice of every record",
        ]
        assert lines[-1]["records"] == 2
        hanging.go.set()

    run(scenario())


@pytest.mark.parametrize("recorder", [Failing(), Hanging()], ids=["failing", "hanging"])
def test_a_slow_or_failing_recorder_changes_nothing_that_leaves(tmp_path: Path, recorder: Recorder) -> None:
    async def answers(folder: Path, recorders: Sequence[Recorder]) -> tuple[list[object], float]:
        folder.mkdir()
        found: list[object] = []
        async with world(folder, recorders=recorders) as it:
            started = time.monotonic()
            for reply in (signed(), signed("foreign"), b"no XML", signed("new")):
                it.receiver.reply = http(reply)
                response = await it.ask()
                record = it.last()
                headers = {name: value for name, value in response.headers.items() if name not in VARYING}
                body = response.body.replace(record.id.encode(), b"ID")
                found.append((response.status, headers, body, record.outcome, record.reason, record.released))
            seconds = time.monotonic() - started
        return found, seconds

    async def scenario() -> None:
        plain, _ = await answers(tmp_path / "plain", [])
        with capture_logs():
            other, seconds = await answers(tmp_path / "other", [recorder])
        assert other == plain
        assert seconds < 25  # a recorder that is waited for takes 30 seconds for the first record alone
        if isinstance(recorder, Hanging):
            assert recorder.reached.is_set()
            recorder.go.set()

    run(scenario(), 60)


VARYING = {"date", "wssgate-record", "content-length"}
