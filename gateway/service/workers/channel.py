"""What a supervisor and a worker say to each other: one JSON object a line, over a socket pair.

Either side may call the other: `{"call": NAME, "id": N, "argument": ...}` is answered by `{"answer": N, "value": ...}`.
The end of the channel is news as well: the process on the other side is gone.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, Final, Self

_LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a line: the metrics of a gateway with very many endpoints stay far below."""

Handler = Callable[[Any], Awaitable[object]]
"""Answers a call: takes the argument, returns what JSON can say."""


class ChannelClosed(Exception):  # noqa: N818 - named after what happened; never leaves this package
    """The process on the other side is gone, or about to go."""


class Channel:
    """One end of the conversation."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: Mapping[str, Handler]
    ) -> None:
        """Answer calls by `handlers`; `over` makes reader and writer of a socket."""
        self._reader = reader
        self._writer = writer
        self._handlers = handlers
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def over(cls, end: socket.socket, handlers: Mapping[str, Handler]) -> Self:
        """A channel over the connected socket `end`, which it owns from now on."""
        end.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=_LINE_LIMIT)
        return cls(reader, writer, handlers)

    async def call(self, name: str, argument: object = None, *, seconds: float) -> Any:
        """Call the other side and return its answer.

        Raises:
            ChannelClosed: There is no other side any more.
            TimeoutError: It did not answer within `seconds`.
        """
        if self._closed.is_set():
            raise ChannelClosed
        number = next(self._numbers)
        self._waiting[number] = future = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._say({"call": name, "id": number, "argument": argument})
                return await future
        finally:
            del self._waiting[number]

    @property
    def is_closed(self) -> bool:
        """Whether the other side is gone."""
        return self._closed.is_set()

    async def closed(self) -> None:
        """Wait until the other side is gone."""
        await self._closed.wait()

    async def close(self) -> None:
        """End the conversation."""
        self._listening.cancel()
        for task in tuple(self._answering):
            task.cancel()
        self._end()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _say(self, message: Mapping[str, object]) -> None:
        try:
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            await self._writer.drain()
        except OSError as error:
            raise ChannelClosed from error

    async def _listen(self) -> None:
        try:
            # Ends with the other process: it has the only other end.
            while line := await self._reader.readline():
                self._hear(json.loads(line))
        except (OSError, ValueError):
            pass  # broken off in the middle of a line
        finally:
            self._end()

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "call" in message:
            task = asyncio.create_task(self._answer(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            return
        future = self._waiting.get(message["answer"])
        if future is not None and not future.done():
            future.set_result(message["value"])

    async def _answer(self, message: Mapping[str, Any]) -> None:
        value = await self._handlers[message["call"]](message["argument"])
        with contextlib.suppress(ChannelClosed):
            await self._say({"answer": message["id"], "value": value})

    def _end(self) -> None:
        self._closed.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ChannelClosed())
