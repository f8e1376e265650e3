"""A receiver that costs next to nothing: each request gets the next of some captured responses, round and round.

Run as `python -m bench.load.upstream HOST:PORT FILE LENGTH`, FILE holding bodies of that length one after the other. It
understands just enough HTTP for the proxies of this benchmark: requests with Content-Length, one at a time on a
connection that is kept.
"""

import asyncio
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop


class Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self, responses: Iterator[bytes]) -> None:
        """Answer with the next of `responses`."""
        self._responses = responses
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        # uvloop's transports are of no class that asyncio has.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            end += 4 + _content_length(self._received[:end])
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._transport.write(next(self._responses))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _serve(address: str, bodies: bytes, length: int) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {length}\r\n\r\n".encode()
    responses = cycle([head + bodies[start : start + length] for start in range(0, len(bodies), length)])
    host, port = address.rsplit(":", 1)
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(responses), host, int(port), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sys.argv[1], Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
