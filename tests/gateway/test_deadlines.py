"""Deadlines in a row: what asyncio's own do, with one timer."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from gateway import deadlines
from gateway.deadlines import within


def _run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario, 10))


async def _sleeps(seconds: float, deadline: float | None) -> str:
    started = time.monotonic()
    try:
        with within(deadline):
            await asyncio.sleep(seconds)
    except TimeoutError:
        assert deadline is not None
        assert deadline - 0.01 < time.monotonic() - started < deadline + 4
        return "late"
    return "in time"


async def _fails_when_cancelled() -> None:
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        raise LookupError from None


async def _late_then_in_time() -> None:
    assert await _sleeps(5, 0.01) == "late"
    assert await _sleeps(0.001, 2) == "in time"
    await asyncio.sleep(5)


def test_who_is_late_is_told_and_the_others_are_not() -> None:
    async def scenario() -> None:
        found = await asyncio.gather(*[_sleeps(seconds, 0.5) for seconds in (5, 0, 0.01, 5, 0.02, 5)])
        assert found == ["late", "in time", "in time", "late", "in time", "late"]
        assert await _sleeps(0.01, None) == "in time"
        assert not deadlines._rows[0.5].row, "nobody is left in the row"

    _run(scenario())


def test_one_timer_serves_a_row_and_is_set_again_for_who_came_later() -> None:
    async def scenario() -> None:
        first = asyncio.create_task(_sleeps(5, 0.5))
        await asyncio.sleep(0.05)
        timer = deadlines._rows[0.5].timer
        second = asyncio.create_task(_sleeps(5, 0.5))
        await asyncio.sleep(0.01)
        assert deadlines._rows[0.5].timer is timer is not None
        assert tuple(await asyncio.gather(first, second)) == ("late", "late")
        assert deadlines._rows[0.5].timer is None
        assert await _sleeps(5, 0.5) == "late"

    _run(scenario())


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(_sleeps(5, 1))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        late = asyncio.create_task(_sleeps(5, 1))
        await asyncio.sleep(0)
        deadlines._rows[1].on_time()
        late.cancel()
        next(iter(deadlines._rows[1].row)).miss()  # both at once: whoever cancelled it is obeyed
        with pytest.raises(asyncio.CancelledError):
            await late

    _run(scenario())


def test_an_error_of_the_block_is_not_replaced() -> None:
    async def scenario() -> None:
        with pytest.raises(LookupError), within(0.01):
            await _fails_when_cancelled()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    _run(scenario())


def test_one_within_another() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError), within(0.05):
            await _late_then_in_time()
        await asyncio.sleep(0.05)

    _run(scenario())
