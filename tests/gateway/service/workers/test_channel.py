"""What a supervisor and a worker say to each other."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.service.workers.channel import Channel, ChannelClosed
from tests.gateway.exchange.harness import run


@asynccontextmanager
async def _two() -> AsyncIterator[tuple[Channel, Channel, list[Any]]]:
    heard: list[Any] = []

    async def note(argument: Any) -> object:
        heard.append(argument)
        return {"heard": argument}

    async def never(_: Any) -> object:
        return await asyncio.get_running_loop().create_future()

    one, other = socket.socketpair()
    first, second = await Channel.over(one, {}), await Channel.over(other, {"note": note, "never": never})
    try:
        yield first, second, heard
    finally:
        await first.close()
        await second.close()


def test_calls_are_answered_each_with_its_own_answer() -> None:
    async def scenario() -> None:
        async with _two() as (first, _, heard):
            large = "x" * 3_000_000
            slow = asyncio.create_task(first.call("never", seconds=0.5))
            answers = await asyncio.gather(*(first.call("note", value, seconds=5) for value in (1, large, "zwei")))
            assert answers == [{"heard": 1}, {"heard": large}, {"heard": "zwei"}]
            assert sorted(map(str, heard)) == sorted(["1", large, "zwei"])
            with pytest.raises(TimeoutError):
                await slow

    run(scenario())


def test_end_of_the_other_side_ends_what_waits_for_it() -> None:
    async def scenario() -> None:
        async with _two() as (first, second, _):
            waiting = asyncio.create_task(first.call("never", seconds=5))
            await asyncio.sleep(0.05)
            await second.close()
            with pytest.raises(ChannelClosed):
                await waiting
            await asyncio.wait_for(first.closed(), 30)
            assert first.is_closed
            with pytest.raises(ChannelClosed):
                await first.call("note", seconds=5)

    run(scenario())


def test_a_line_that_breaks_off_is_the_end_and_no_error() -> None:
    async def scenario() -> None:
        one, other = socket.socketpair()
        channel = await Channel.over(one, {})
        other.sendall(b'{"call": "no')
        other.close()
        await asyncio.wait_for(channel.closed(), 30)
        await channel.close()

    run(scenario())
