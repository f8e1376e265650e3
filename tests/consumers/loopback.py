"""A gateway and the receiver behind it, served from a thread: clients that block can ask them."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from gateway.ledger import MessageRecord, RecordFilter, open_database, records
from tests.gateway.exchange.harness import World, world

_SECONDS = 30


@dataclass(frozen=True)
class Loopback:
    """The running gateway."""

    world: World
    engine: Any

    @property
    def url(self) -> str:
        """Where clients ask for an order."""
        return f"http://{self.world.gateway.address}/orders"

    @property
    def upstream(self) -> str:
        """The address of the receiver, which nobody but the gateway should ask."""
        return f"http://127.0.0.1:{self.world.receiver.port}"

    def answer_with(self, reply: bytes) -> None:
        """What the receiver sends from now on, octet by octet."""
        self.world.receiver.reply = reply
        self.world.receiver.requests.clear()

    def last(self) -> MessageRecord:
        """The newest record."""
        return records(self.engine, RecordFilter(), limit=1)[0].record


@contextmanager
def running(
    folder: Path, *, endpoint: str = "", policy: str = "", trusted: tuple[str, ...] = ("old", "new")
) -> Iterator[Loopback]:
    """Start a gateway, by itself in mode `enforce`, with further lines of configuration; what it keeps is in `folder`.

    `trusted` are the test certificates that it trusts.
    """
    started: Future[tuple[World, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with world(folder, endpoint=endpoint, policy=policy, trusted=trusted) as found:
            started.set_result((found, stop))
            await stop.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                loop.set_result(runner.get_loop())
                runner.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    loop: Future[asyncio.AbstractEventLoop] = Future()
    thread = threading.Thread(target=run, name="gateway")
    thread.start()
    found, stop = started.result(_SECONDS)
    engine = open_database(found.gateway.settings.gateway.database, create=False)
    try:
        yield Loopback(found, engine)
    finally:
        engine.dispose()
        loop.result().call_soon_threadsafe(stop.set)
        thread.join(_SECONDS)
