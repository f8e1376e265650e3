"""The supervisor: binds, starts the workers, speaks for them to the operator, and ends with them."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.config import ConfigurationError, Settings, handed_over, load_settings
from gateway.exchange import require_judges
from gateway.ledger import (
    LedgerError,
    ReplayCacheBroken,
    migrate,
    open_database,
    prove_replay_cache,
    refuse_loose_database,
)
from gateway.service.admin_listener import Status, admin_server
from gateway.service.announcements import announce_endpoints, traffic_scheme
from gateway.service.configuration_in_use import ConfigurationInUse
from gateway.service.keystore_watch import KeystoreWatch
from gateway.service.tls_files import tls_problems
from gateway.service.workers.combined_status import WorkerView, combine
from gateway.service.workers.measurements import Measurements
from gateway.service.workers.restarting import WorkersFailed
from gateway.service.workers.worker_process import WorkerProcess, WorkerState
from gateway.wire import Server, bind, bound_address
from keystore.store import KeystoreStore

_log = structlog.get_logger("wssgate")

_ASK_SECONDS: Final = 1.0
"""How long an operator's question waits for a worker; one that is slower is shown as it was last."""
_ADOPT_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25
"""How often the supervisor looks whether anybody serves at all."""


class Supervisor:
    """A gateway of several workers, from `async with` to its end. It serves no traffic itself."""

    def __init__(self, settings: Settings) -> None:
        """Prepare to run by `settings`; nothing is opened yet."""
        self._configuration = ConfigurationInUse(settings)
        self.instance = f"{settings.gateway.instance or socket.gethostname()}/{os.getpid()}"
        self._stack = AsyncExitStack()
        self._processes: list[WorkerProcess] = []
        self._keeping: list[asyncio.Task[None]] = []
        self._admin: Server | None = None
        self._draining = False
        self._measurements = Measurements()
        self._registry = CollectorRegistry()
        self._serving = Gauge("wssgate_workers_serving", "Workers that serve", registry=self._registry)
        self._serving.set_function(lambda: sum(process.state is WorkerState.SERVING for process in self._processes))
        self._ends = Counter("wssgate_worker_ends", "Workers that ended and were not told to", registry=self._registry)
        self.address = ""
        """HOST:PORT of the traffic."""
        self.admin_address = ""
        """HOST:PORT of the operator's listener."""

    @property
    def settings(self) -> Settings:
        """The configuration in use."""
        return self._configuration.settings

    @property
    def under_way(self) -> int:
        """Exchanges under way in all workers, as last reported."""
        return sum(process.report["status"]["under_way"] for process in self._processes if process.report is not None)

    async def __aenter__(self) -> Self:
        """Open sockets and database, start the workers, and wait until all of them serve.

        Raises:
            ConfigurationError: A TLS file cannot be used.
            LedgerError: The database cannot be opened or migrated, or the replay cache does not work.
            KeystoreError: The keystore cannot be read.
            OSError: An address cannot be listened on.
            WorkersFailed: The workers do not start.
        """
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the workers finish what is under way, then close everything."""
        await self._end()

    def hurry(self) -> None:
        """Do not wait for what is under way any longer."""
        for process in self._processes:
            self._keeping.append(asyncio.create_task(process.hurry()))

    async def reload(self) -> None:
        """Read the configuration again and hand it to every worker; a broken one changes nothing and is reported.

        Raises:
            ReplayCacheBroken: The replay cache is needed and does not work: nothing may be served.
        """
        try:
            settings = await asyncio.to_thread(load_settings, self.settings.source)
            await asyncio.to_thread(self._check, settings)
        except ConfigurationError as error:
            self._configuration.keep(error.problems)
            return
        except ReplayCacheBroken:
            raise
        except LedgerError as error:
            self._configuration.keep([str(error)])
            return
        self._configuration.replace(settings)
        answers = await asyncio.gather(*(process.adopt(seconds=_ADOPT_SECONDS) for process in self._processes))
        problems = [
            f"worker {process.number}: {answer}"
            for process, answer in zip(self._processes, answers, strict=True)
            if answer is not None
        ]
        if problems:
            self._configuration.keep(problems)
        await self._trust.poll()
        self._engine.dispose()
        announce_endpoints(self.settings, self._trust.trusted_aliases)

    async def failed(self) -> None:
        """Wait until no worker serves and starting them again has not helped.

        Raises:
            WorkersFailed: That is so now.
        """
        while any(process.state is WorkerState.SERVING for process in self._processes) or not any(
            process.restarts.are_hopeless for process in self._processes
        ):
            await asyncio.sleep(_LOOK_SECONDS)
        problems = "; ".join(
            f"worker {process.number}: {process.problem}" for process in self._processes if process.problem
        )
        raise WorkersFailed(f"no worker serves, and starting them again did not help ({problems}); see the log above")

    def announce(self) -> None:
        """Say where the gateway listens, what it does and what is dangerous about it."""
        _log.info(
            "serving",
            listen=f"{traffic_scheme(self.settings)}://{self.address}",
            admin=f"http://{self.admin_address}",
            instance=self.instance,
            workers=len(self._processes),
            keystore_revision=self._trust.revision,
        )
        announce_endpoints(self.settings, self._trust.trusted_aliases)

    async def is_alive(self) -> bool:
        """Whether a worker serves."""
        return any(process.state is WorkerState.SERVING for process in self._processes)

    async def status(self) -> tuple[bool, Status]:
        """Whether traffic should come here, and the state of every worker."""
        await self._ask_all()
        is_ready, combined = combine([WorkerView.of(process) for process in self._processes])
        own = {
            "instance": self.instance,
            "draining": self._draining,
            "configuration": self._configuration.status(),
        }
        return is_ready and not self._draining, {**combined, **own}

    async def exposition(self) -> bytes:
        """What all workers measured, those that have ended included, and the supervisor itself."""
        await self._ask_all()
        return self._measurements.exposition(self._registry)

    async def _start(self) -> None:
        gateway = self.settings.gateway
        listener = bind("gateway.listen", gateway.listen)
        self._stack.callback(listener.close)
        admin_listener = bind("gateway.admin", gateway.admin)
        self._stack.callback(admin_listener.close)
        refuse_loose_database(gateway.database)
        engine = open_database(gateway.database)
        self._stack.callback(engine.dispose)
        migrate(engine)
        self._engine = engine
        self._check(self.settings)
        self._trust = KeystoreWatch(KeystoreStore(engine), lambda _: None)
        self._trust.load()
        engine.dispose()  # a process that only watches keeps no connection
        self.address, self.admin_address = bound_address(listener), bound_address(admin_listener)
        self._processes = [
            WorkerProcess(number, listener, self._configured, self._take_report, self._take_end)
            for number in range(1, gateway.workers + 1)
        ]
        self._keeping = [asyncio.create_task(process.keep()) for process in self._processes]
        await self._all_served()
        self._admin = admin_server(self, admin_listener, gateway)
        self._admin.start()

    async def _all_served(self) -> None:
        served = asyncio.create_task(self._wait_for_all())
        failed = asyncio.create_task(self.failed())
        try:
            await asyncio.wait([served, failed], return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result()
        finally:
            served.cancel()
            failed.cancel()

    async def _wait_for_all(self) -> None:
        for process in self._processes:
            await process.served.wait()

    async def _end(self) -> None:
        self._draining = True
        seconds = self.settings.gateway.shutdown_timeout.total_seconds()
        await asyncio.gather(*(process.stop(seconds=seconds) for process in self._processes))
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        if self._admin is not None:
            await self._admin.stop()
        await self._stack.aclose()

    def _check(self, settings: Settings) -> None:
        """Find out before any worker does whether it could serve by `settings`."""
        if problems := tls_problems(settings):
            raise ConfigurationError([f"{settings.source}: {problem}" for problem in problems])
        require_judges(settings)
        if any(endpoint.replay_attacks == "reject" for endpoint in settings.endpoints.values()):
            prove_replay_cache(self._engine)
            self._engine.dispose()

    def _configured(self) -> object:
        return handed_over(self.settings)

    def _take_report(self, worker: int, report: dict[str, Any]) -> None:
        self._measurements.take(worker, report["measurements"])

    def _take_end(self, worker: int) -> None:
        self._measurements.end(worker)
        if not self._draining:
            self._ends.inc()

    async def _ask_all(self) -> None:
        await asyncio.gather(*(process.ask(seconds=_ASK_SECONDS) for process in self._processes))
