"""Records gather while their event loop is busy with what becomes more of them, and no longer."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from gateway.ledger import LedgerWriter
from gateway.ledger.write.group_commit import GROUP_SECONDS, GroupCommit
from gateway.ledger.write.writer import GROUP_LIMIT
from tests.gateway.ledger.load import mixture


class WriteLock:
    """An event loop whose turns are taken by hand."""

    def __init__(self) -> None:
        self._next: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._next.append(callback)

    def turn(self) -> bool:
        """One turn; whether anything was to be called in it."""
        due, self._next = self._next, []
        for callback in due:
            callback()
        return bool(due)


class Released:
    """What a gathering came to."""

    def __init__(self) -> None:
        self.times = 0
        self.gathering = GroupCommit(self.count)
        self.loop = WriteLock()

    def count(self) -> None:
        self.times += 1

    def came(self) -> None:
        self.gathering.came(self.loop)  # type: ignore[arg-type]  # all that is asked of a loop


@pytest.fixture
def released() -> Released:
    return Released()


def test_a_record_alone_is_released_after_one_turn(released: Released) -> None:
    released.came()
    assert released.times == 0
    released.loop.turn()
    assert released.times == 1
    assert not released.loop.turn(), "an idle loop must be left alone"


def test_records_gather_while_each_turn_brings_a_step(released: Released) -> None:
    released.came()
    for _ in range(10):
        released.gathering.note_step()
        released.loop.turn()
    released.came()  # a record is a step, too
    released.loop.turn()
    assert released.times == 0
    released.loop.turn()
    assert released.times == 1


def test_the_next_record_gathers_anew(released: Released) -> None:
    released.came()
    released.loop.turn()
    released.came()
    assert released.times == 1
    released.loop.turn()
    assert released.times == 2


def test_a_loop_that_is_never_idle_holds_a_group_for_no_longer_than_the_limit(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("gateway.ledger.write.group_commit.time.monotonic", lambda: clock[0])
    released.came()
    for instant in (0.0, GROUP_SECONDS * 0.99):
        clock[0] = instant
        released.gathering.note_step()
        released.loop.turn()
        assert released.times == 0
    clock[0] = GROUP_SECONDS
    released.gathering.note_step()
    released.loop.turn()
    assert released.times == 1


@pytest.mark.parametrize("other", [None, WriteLock()], ids=["no loop", "another loop"])
def test_whoever_comes_from_elsewhere_ends_the_gathering(released: Released, other: WriteLock | None) -> None:
    """The loop that others gather in may be closed, and then nobody looks after them."""
    released.came()
    released.gathering.came(other)  # type: ignore[arg-type]  # as above
    assert released.times == 1
    released.loop.turn()
    assert released.times == 1
    assert not released.loop.turn()


# What the writer makes of it


def test_the_writer_waits_with_a_record_for_others_that_are_on_their_way(engine: Engine, writer: LedgerWriter) -> None:
    async def busy(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            writer.note_step()
            await asyncio.sleep(0)

    async def second() -> None:
        await busy(GROUP_SECONDS * 0.6)
        await writer.append(mixture(2))

    async def both() -> None:
        await asyncio.gather(writer.append(mixture(1)), second())

    asyncio.run(both())
    assert (writer.state.records, writer.state.groups) == (2, 1)


def test_a_full_group_waits_for_nobody(engine: Engine, writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupCommit, "came", lambda *_: None)

    async def load() -> None:
        async with asyncio.timeout(30):
            await asyncio.gather(*(writer.append(mixture(number)) for number in range(GROUP_LIMIT)))

    asyncio.run(load())
    assert writer.state.records == GROUP_LIMIT


def test_under_load_all_who_wait_share_a_commit(engine: Engine, writer: LedgerWriter) -> None:
    async def client(number: int) -> None:
        for turn in range(40):
            await writer.append(mixture(100 * number + turn))

    async def load() -> None:
        await asyncio.gather(*(client(number) for number in range(16)))

    asyncio.run(load())
    assert writer.state.records == 640
    assert writer.state.groups <= 640 / 8


def test_a_record_that_nobody_waits_for_gathers_too(engine: Engine, writer: LedgerWriter) -> None:
    async def queue() -> None:
        for number in range(20):
            writer.enqueue(mixture(number))
            await asyncio.sleep(0)

    asyncio.run(queue())
    writer.enqueue(mixture(20))  # from outside of any loop: ends the gathering of one that is closed
    writer.submit(mixture(21)).result(10)
    assert writer.state.records == 22
    assert writer.state.groups <= 3


def test_what_was_never_released_is_written_at_the_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupCommit, "came", lambda *_: None)  # as of a loop that was closed before its next turn
    writer = LedgerWriter(engine, "host:1")
    writer.enqueue(mixture(1))
    assert writer.close(10)
    assert writer.state.records == 1
