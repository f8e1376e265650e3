"""The gateway in one process: listeners in one event loop, reload, an orderly end."""

import asyncio
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, Self

import structlog

from gateway.alerts import AlertDesk, AlertEvent, AlertSending, database_looks
from gateway.config import ConfigurationError, Settings, load_settings
from gateway.exchange import (
    Application,
    Generation,
    MessageLog,
    Metrics,
    Reachability,
    Recorder,
    Recorders,
    Surroundings,
)
from gateway.ledger import (
    KeptEnds,
    KeptUses,
    LedgerError,
    LedgerWriter,
    ReplayCacheBroken,
    announcements,
    migrate,
    open_database,
    prove_replay_cache,
    refuse_loose_database,
    shown_url,
)
from gateway.service.admin_listener import Status, admin_server
from gateway.service.alert_hooks import CrossCheckAlerts
from gateway.service.alert_metrics import AlertMetrics
from gateway.service.announcements import announce_endpoints, endpoints_status, traffic_scheme
from gateway.service.configuration_in_use import ConfigurationInUse
from gateway.service.end_keeping import EndKeeping, kept_seconds
from gateway.service.heartbeat import Heartbeat
from gateway.service.keystore_watch import KeystoreWatch
from gateway.service.maintenance import Maintenance
from gateway.service.operation_register import OperationRegister
from gateway.service.queueing_ledger import ledger_of
from gateway.service.renewal_metrics import RenewalMetrics
from gateway.service.watching import Watching, configuration_digest, key_of
from gateway.wire import (
    ClientTls,
    ProtocolLimits,
    Server,
    SharingServer,
    bind,
    bound_address,
    client_tls_context,
    protocol_class,
)
from keystore import TrustSnapshot
from keystore.store import CHANGES_CHANNEL, KeystoreStore

_log = structlog.get_logger("wssgate")

_LAST_SECONDS: Final = 0.5


class Gateway:
    """A running gateway, from `async with` to its end."""

    application: Application
    metrics: Metrics
    trust: KeystoreWatch
    recorders: Recorders
    reachability: Reachability

    def __init__(
        self,
        settings: Settings,
        *,
        listener: socket.socket | None = None,
        server_type: type[Server] = Server,
        recorders: Sequence[Recorder] = (),
    ) -> None:
        """Prepare to run by `settings`; nothing is opened yet.

        Args:
            settings: The configuration.
            listener: For one worker of several, the listening socket that they share: addresses, schema and the
                operator's listener are then the supervisor's business.
            server_type: How connections are accepted.
            recorders: Who is told of what is recorded, beside the log.
        """
        self._shared_listener = listener
        self._server_type = server_type
        self._more_recorders = tuple(recorders)
        self._configuration = ConfigurationInUse(settings)
        self.instance = f"{settings.gateway.instance or socket.gethostname()}/{os.getpid()}"
        self._stack = AsyncExitStack()
        self._servers: list[Server] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._draining = False
        self.address = ""
        """HOST:PORT of the traffic."""
        self.admin_address = ""
        """HOST:PORT of the operator's listener."""

    @property
    def under_way(self) -> int:
        """Exchanges that have begun and not ended."""
        return self.application.under_way

    async def failed(self) -> None:
        """Wait for what ends a gateway from inside: nothing, where there is but one process."""
        await asyncio.get_running_loop().create_future()

    @property
    def settings(self) -> Settings:
        """The configuration in use."""
        return self._configuration.settings

    async def __aenter__(self) -> Self:
        """Open database and sockets, and serve.

        Raises:
            ConfigurationError: A TLS file cannot be used.
            LedgerError: The database cannot be opened or migrated, or the replay cache does not work.
            KeystoreError: The keystore cannot be read.
            OSError: An address cannot be listened on.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finish what is under way, then close everything."""
        self._draining = True
        for server in self._servers:
            await server.stop()
        await self._stack.aclose()

    def hurry(self) -> None:
        """Do not wait for what is under way any longer."""
        for server in self._servers:
            server.force_exit = True

    async def reload(self) -> None:
        """Read the configuration again; a broken one changes nothing and is reported.

        Raises:
            ReplayCacheBroken: The replay cache is needed and does not work: nothing may be served.
        """
        try:
            settings = await asyncio.to_thread(load_settings, self.settings.source)
        except ConfigurationError as error:
            self._configuration.keep(error.problems)
            return
        if await self.adopt(settings) is None:
            announce_endpoints(settings, self.trust.trusted_aliases)

    async def adopt(self, settings: Settings) -> str | None:
        """Go on with `settings`; where that is not possible nothing changes, and the answer says why.

        Raises:
            ReplayCacheBroken: The replay cache is needed and does not work: nothing may be served.
        """
        try:
            await self._prove_replay_cache(settings)
            generation = Generation.of(settings)
            greeting = client_tls_context(settings.gateway)
        except ConfigurationError as error:
            return self._configuration.keep(error.problems)
        except ReplayCacheBroken:
            raise
        except LedgerError as error:
            return self._configuration.keep([str(error)])
        self._configuration.replace(settings)
        if self._client_tls is not None and greeting is not None:
            self._client_tls.context = greeting
        retired, self.application.generation = self.application.generation, generation
        self._operations.adopt(settings)
        await self._watching.tell_configuration()
        task = asyncio.create_task(retired.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        return None

    async def _prove_replay_cache(self, settings: Settings) -> None:
        """Try out the replay cache, where an endpoint relies on it."""
        relying = [name for name, endpoint in settings.endpoints.items() if endpoint.replay_attacks == "reject"]
        if relying:
            await asyncio.to_thread(prove_replay_cache, self._engine)
            _log.info("replay cache is wired", endpoints=", ".join(relying))

    def announce(self) -> None:
        """Say where the gateway listens, what it does and what is dangerous about it."""
        _log.info(
            "serving",
            listen=f"{traffic_scheme(self.settings)}://{self.address}",
            admin=f"http://{self.admin_address}",
            instance=self.instance,
            keystore_revision=self.trust.revision,
        )
        announce_endpoints(self.settings, self.trust.trusted_aliases)

    async def _start(self) -> None:
        gateway = self.settings.gateway
        context = client_tls_context(gateway)
        self._client_tls = None if context is None else ClientTls(context)
        is_worker = self._shared_listener is not None
        listener = self._shared_listener or bind("gateway.listen", gateway.listen)
        self._stack.callback(listener.close)
        admin_listener = None if is_worker else bind("gateway.admin", gateway.admin)
        if admin_listener is not None:
            self._stack.callback(admin_listener.close)
        if not is_worker:
            refuse_loose_database(gateway.database)
        engine = open_database(gateway.database, create=not is_worker)
        self._stack.callback(engine.dispose)
        if not is_worker:
            migrate(engine)
        self._engine = engine
        await self._prove_replay_cache(self.settings)
        self.metrics = Metrics()
        self._desk = AlertDesk(lambda: self.settings)
        self._maintenance = Maintenance(
            engine,
            self.instance,
            lambda: self.application.generation.settings,
            lambda kind, content: self._ledger.tell(kind, content),
            RenewalMetrics(self.metrics.registry),
            self._desk,
        )
        self.trust = KeystoreWatch(KeystoreStore(engine), self._on_trust, announcements(engine, CHANGES_CHANNEL))
        self._heartbeat = Heartbeat(engine, self.instance, lambda: self.trust.revision)
        self.trust.load()
        self._stack.push_async_callback(self._heartbeat.close)
        await self._heartbeat.start()
        key = key_of(self.settings)
        self._public_key = None if key is None else key.public
        ends = KeptEnds.beside(gateway.signing_key)
        about, seconds = f"{self.instance}, {shown_url(gateway.database)}", kept_seconds(self.settings)
        kept_uses = KeptUses(ends.folder, about, seconds=seconds)
        self._ledger = LedgerWriter(
            engine,
            self.instance,
            key=key,
            started={
                "version": version("wssgate"),
                "configuration": configuration_digest(self.settings),
                "keystore_revision": self.trust.revision,
            },
            kept_uses=kept_uses,
        )
        self._end_keeping = EndKeeping(engine, self._ledger, key, ends, self.instance, self._desk, kept_uses)
        self._alerts = AlertSending(
            engine,
            self.instance,
            lambda: self.settings,
            self._desk,
            database_looks(),
            lambda: None if self._ledger.healthy else self._ledger.last_error or "records cannot be written",
            AlertMetrics(self.metrics.registry),
        )
        self._stack.push_async_callback(asyncio.to_thread, self._alerts.close)
        # After the ledger: its last anchors cover every record.
        self._stack.push_async_callback(self._maintenance.close)
        self._stack.push_async_callback(self._close_ledger)
        await self._end_keeping.start()
        self.metrics.watch_queue(lambda: self._ledger.queue_depth)
        pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="verify")
        self._stack.callback(pool.shutdown)
        self.recorders = Recorders([MessageLog(), CrossCheckAlerts(self._desk), *self._more_recorders])
        self._stack.push_async_callback(self.recorders.close)
        self._operations = OperationRegister(engine)
        self._stack.push_async_callback(self._operations.close)
        self.reachability = Reachability(
            lambda: self.application.generation, lambda: datetime.now(UTC), lambda: self._takes_traffic
        )
        surroundings = Surroundings(
            trust=self.trust.for_endpoint,
            ledger=ledger_of(self._ledger, gateway.durability),
            metrics=self.metrics,
            pool=pool,
            clock=lambda: datetime.now(UTC),
            instance=self.instance,
            recorders=self.recorders,
            reachability=self.reachability,
            expect_operations=self._operations.expect,
            note_step=self._ledger.note_step,
        )
        self.application = Application(Generation.of(self.settings), surroundings)
        self._operations.adopt(self.settings)
        self._watching = Watching(
            self._ledger,
            lambda: self.application.generation.settings,
            self.reachability,
            lambda: self.trust.revision,
            self._end_keeping.keep,
            self._desk,
        )
        self._stack.push_async_callback(self._watching.close)
        self._stack.push_async_callback(self._close_connections)
        await self._watching.start()
        self._maintenance.start()
        self._alerts.start()
        watching = asyncio.create_task(self.trust.watch())
        self._stack.callback(watching.cancel)

        header_seconds = gateway.header_timeout.total_seconds()
        protocol = protocol_class(ProtocolLimits(header_seconds))
        idle_seconds = gateway.idle_timeout.total_seconds()
        shutdown_seconds = gateway.shutdown_timeout.total_seconds()
        server_type = self._server_type if self._client_tls is None else SharingServer
        self._servers = [
            server_type(
                self.application,
                listener,
                protocol,
                idle_seconds=idle_seconds,
                shutdown_seconds=shutdown_seconds,
                tls=self._client_tls,
                handshake_seconds=header_seconds,
            )
        ]
        self.address = bound_address(listener)
        if admin_listener is not None:
            self._servers.append(admin_server(self, admin_listener, gateway))
            self.admin_address = bound_address(admin_listener)
        for server in self._servers:
            server.start()

    async def _close_ledger(self) -> None:
        """Write what is queued."""
        await asyncio.to_thread(self._ledger.close)
        await self._end_keeping.keep()
        if self._ledger.state.lost:
            self._desk.alarm(
                AlertEvent.LEDGER,
                (self.instance, "records lost", str(self._ledger.head.writer)),
                "Responses were delivered without a record: the ledger could not be written to the end by "
                f"{self.instance}",
                "ledger verify",
                times=self._ledger.state.lost,
            )
            _log.error(
                "responses were delivered without a record: the ledger could not be written to the end",
                records=self._ledger.state.lost,
                error=self._ledger.last_error,
            )

    def _on_trust(self, snapshot: TrustSnapshot) -> None:
        self.metrics.show_trust(snapshot)
        self._heartbeat.tell()
        self._maintenance.notice_keystore()

    async def _close_connections(self) -> None:
        # The servers have waited for the exchanges as long as they may; what is left now is cut short.
        await self.application.generation.retire(_LAST_SECONDS)
        if self._retiring:
            await asyncio.wait(self._retiring, timeout=_LAST_SECONDS)

    async def is_alive(self) -> bool:
        """Whoever answers lives."""
        return True

    async def exposition(self) -> bytes:
        """The measurements, for Prometheus."""
        return self.metrics.exposition()

    @property
    def _takes_traffic(self) -> bool:
        """Whether requests are served: recorded, and not to be the last ones."""
        return self._ledger.healthy and not self._draining

    @property
    def _is_ready(self) -> bool:
        """Whether traffic should come here: a clock that is far off is a reason to choose another instance, and none to
        refuse what comes all the same.
        """
        return self._takes_traffic and not self._watching.clock_is_far_off

    async def status(self) -> tuple[bool, Status]:
        """Whether traffic should come here, and the state of everything."""
        settings = self.application.generation.settings
        return self._is_ready, {
            "instance": self.instance,
            "draining": self._draining,
            "under_way": self.application.under_way,
            "keystore": {"revision": self.trust.revision, "problem": self.trust.problem},
            "ledger": {
                "healthy": self._ledger.healthy,
                "durability": str(self.settings.gateway.durability),
                "queue": self._ledger.queue_depth,
                "last_error": self._ledger.last_error,
            },
            "evidence": {
                **self._watching.status(),
                **self._end_keeping.status(),
                "public_key": self._public_key,
                "anchors": self._maintenance.delivery.status(),
            },
            "configuration": self._configuration.status(),
            "alerts": self._alerts.status(),
            "endpoints": endpoints_status(settings, self.trust.trusted_aliases),
        }
