"""`serve`: one gateway, or a supervisor with its workers, from the start to an orderly end; signals and reload."""

import asyncio
import signal

import structlog
import uvloop

from gateway.config import Settings
from gateway.service.garbage_collection import settle_heap
from gateway.service.gateway import Gateway
from gateway.service.log_output import configure_logging
from gateway.service.workers.supervisor import Supervisor

_log = structlog.get_logger("wssgate")


def serve(settings: Settings) -> int:
    """Run the gateway until SIGTERM or SIGINT; what is under way is finished first, a second signal cuts it short.

    SIGHUP reads the configuration again. Returns the exit code, 0.

    Raises:
        ConfigurationError: A TLS file cannot be used.
        LedgerError: The database cannot be opened or migrated, or the replay cache does not work.
        KeystoreError: The keystore cannot be read.
        OSError: An address cannot be listened on.
        WorkersFailed: No worker serves, and starting them again does not help.
    """
    configure_logging(settings.gateway.log_format, settings.gateway.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    async with Gateway(settings) if settings.gateway.workers == 1 else Supervisor(settings) as gateway:

        def on_stop() -> None:
            if stop.is_set():
                gateway.hurry()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_stop)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        # Each of them ends only with an error that nothing may be served with.
        watchers = [asyncio.create_task(_reload_whenever(reload, gateway)), asyncio.create_task(gateway.failed())]
        for watcher in watchers:
            watcher.add_done_callback(lambda _: stop.set())
        try:
            gateway.announce()
            settle_heap()
            await stop.wait()
            _log.info("stopping", under_way=gateway.under_way)
            for watcher in watchers:
                if watcher.done():
                    watcher.result()
        finally:
            for watcher in watchers:
                watcher.cancel()
    _log.info("stopped")


async def _reload_whenever(reload: asyncio.Event, gateway: Gateway | Supervisor) -> None:
    while True:
        await reload.wait()
        reload.clear()
        await gateway.reload()
