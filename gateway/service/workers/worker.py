"""One worker: a process that serves the traffic and answers to its supervisor. Started by the supervisor alone."""

import asyncio
import signal
import socket
import sys
from typing import Any, Final

import structlog
import uvloop
from sqlalchemy.exc import SQLAlchemyError

from gateway.config import ConfigurationError, Settings, taken_over
from gateway.ledger import LedgerError, ReplayCacheBroken
from gateway.service.garbage_collection import settle_heap
from gateway.service.gateway import Gateway
from gateway.service.log_output import configure_logging
from gateway.service.workers.channel import Channel, ChannelClosed
from gateway.service.workers.measurements import report_of
from gateway.wire import SharingServer
from keystore import KeystoreError

_log = structlog.get_logger("wssgate.worker")

_HELLO_SECONDS: Final = 30.0
_NOT_STARTED: Final = 3
"""Exit code of a worker that could not start for a reason that it has named."""


def main() -> int:
    """Serve until the supervisor says stop, SIGTERM comes, or the supervisor is gone.

    The arguments of the process are the descriptors of the channel and of the listening socket, and its number.
    """
    # The supervisor decides what Ctrl-C and a hang-up mean, for all of its workers.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    channel, listener = (socket.socket(fileno=int(argument)) for argument in sys.argv[1:3])
    structlog.contextvars.bind_contextvars(worker=int(sys.argv[3]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Worker(listener).run(channel))


class _Worker:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._stop = asyncio.Event()
        self._gateway: Gateway | None = None

    async def run(self, end: socket.socket) -> int:
        handlers = {"report": self._report, "adopt": self._adopt, "stop": self._on_stop, "hurry": self._hurry}
        channel = await Channel.over(end, handlers)
        try:
            hello = await channel.call("hello", seconds=_HELLO_SECONDS)
            settings = taken_over(hello)
            configure_logging(settings.gateway.log_format, settings.gateway.log_level)
            return await self._serve(settings, channel)
        except ChannelClosed:
            return 0  # the supervisor is gone: so is this worker's reason to be
        finally:
            await channel.close()

    async def _serve(self, settings: Settings, channel: Channel) -> int:
        orphaned = asyncio.create_task(self._watch(channel))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop.set)
        try:
            async with Gateway(settings, listener=self._listener, server_type=SharingServer) as self._gateway:
                await channel.call("serving", seconds=_HELLO_SECONDS)
                _log.info("worker serves", instance=self._gateway.instance)
                settle_heap()
                await self._stop.wait()
                _log.info("worker stops", under_way=self._gateway.under_way)
        except (ConfigurationError, LedgerError, KeystoreError, SQLAlchemyError, OSError) as error:
            _log.error("worker cannot serve", problem=str(error))
            await channel.call("failed", str(error), seconds=_HELLO_SECONDS)
            return _NOT_STARTED
        finally:
            orphaned.cancel()
        return 0

    async def _watch(self, channel: Channel) -> None:
        await channel.closed()
        if not self._stop.is_set():
            _log.error("the supervisor is gone; finishing what is under way, then ending")
        self._stop.set()

    async def _report(self, _: Any) -> object:
        if self._gateway is None:
            return None
        is_ready, status = await self._gateway.status()
        return {"ready": is_ready, "status": status, "measurements": report_of(self._gateway.metrics.registry)}

    async def _adopt(self, content: Any) -> str | None:
        """Serve by other settings from now on; the answer says why not, where that is not possible."""
        if self._gateway is None:
            return "the worker has not started yet"
        try:
            return await self._gateway.adopt(taken_over(content))
        except ReplayCacheBroken as error:
            return str(error)

    async def _on_stop(self, _: Any) -> None:
        self._stop.set()

    async def _hurry(self, _: Any) -> None:
        self._stop.set()
        if self._gateway is not None:
            self._gateway.hurry()


if __name__ == "__main__":
    sys.exit(main())
