"""What a gateway process tells its ledger beside the records: by which configuration it serves, and that it watches.

Time counts for a renewal only where a heartbeat says that an endpoint was served and its receiver could be reached.
"""

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from gateway.alerts import AlertDesk, AlertEvent
from gateway.config import EndpointSettings, Settings
from gateway.exchange import Reachability
from gateway.ledger import (
    CLOCK_ALARM,
    CLOCK_FAR_OFF,
    HEARTBEAT_SECONDS,
    EventKind,
    LedgerError,
    LedgerWriter,
    SigningKey,
    SigningKeyUnusable,
    content_text,
    signing_key,
)
from keystore import to_microseconds

_log = structlog.get_logger("wssgate.evidence")

_MICROSECOND: Final = timedelta(microseconds=1)
TELL_SECONDS: Final = 10.0
"""How long the start and the end of a process wait for their event: a database that hangs must not hold them."""


def key_of(settings: Settings) -> SigningKey | None:
    """The key that the ends of the chains are signed with; None, and an alarm, where there is none to be had."""
    try:
        key, made = signing_key(settings.gateway.signing_key)
    except SigningKeyUnusable as error:
        _log.error(
            "the ends of the ledger's chains are not signed: whoever writes the database could forge them",
            error=str(error),
        )
        return None
    name = settings.gateway.instance or ""
    _log.info(
        "signing key made; keep its public half where whoever writes the database cannot (ledger verify --pinned)"
        if made
        else "signing key",
        file=str(settings.gateway.signing_key),
        public_key=key.public,
        instance=name or None,
    )
    return key


def configuration_content(settings: Settings) -> dict[str, Any]:
    """The configuration as its event holds it."""
    return {"endpoints": {name: _endpoint(endpoint) for name, endpoint in settings.endpoints.items()}}


def configuration_digest(settings: Settings) -> str:
    """SHA-256 over the configuration as its event holds it, hexadecimal."""
    return hashlib.sha256(content_text(configuration_content(settings)).encode()).hexdigest()


def _endpoint(endpoint: EndpointSettings) -> dict[str, Any]:
    policy = endpoint.policy.model_dump(mode="json")
    told = endpoint.model_dump(mode="json", exclude={"policy", "name"})
    return {
        **told,
        "policy": policy,
        "signatures": policy["signatures"],
        "guaranteed_delivery_time": endpoint.guaranteed_delivery_time // _MICROSECOND,
        "retention": endpoint.retention // _MICROSECOND,
    }


class Watching:
    """Tells the events of one gateway process."""

    def __init__(
        self,
        writer: LedgerWriter,
        settings: Callable[[], Settings],
        receivers: Reachability,
        revision: Callable[[], int],
        on_told: Callable[[], Awaitable[None]],
        desk: AlertDesk | None = None,
    ) -> None:
        """Tell `writer` of the settings in use, of the `receivers`, and which keystore `revision` is loaded.

        `on_told` is awaited whenever it has been told that this process watches; `desk` takes what people should know.
        """
        self._desk = desk or AlertDesk(settings)
        self._on_told = on_told
        self._writer = writer
        self._settings = settings
        self._receivers = receivers
        self._revision = revision
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_heard = True
        self._recovered: str | None = None
        self._was_off = False

    @property
    def clock_offset(self) -> timedelta:
        """How far the ledger's clock is ahead of this machine's."""
        return timedelta(microseconds=self._writer.state.clock_offset)

    @property
    def clock_is_far_off(self) -> bool:
        """Whether this machine's clock is wrong by so much that others should take the traffic."""
        return abs(self.clock_offset) > CLOCK_FAR_OFF

    def status(self) -> dict[str, object]:
        """For /readyz."""
        return {
            "watching": self._is_heard,
            "clock_seconds": round(self.clock_offset.total_seconds(), 3),
            "recovered": self._writer.state.recovered,
        }

    async def start(self) -> None:
        """Tell the configuration, before any traffic is served, then again and again that this process watches."""
        await self.tell_configuration()
        await self._on_told()
        self._task = asyncio.create_task(self._keep_telling())

    async def tell_configuration(self) -> None:
        """Tell by which configuration the endpoints are served from now on."""
        await self._tell(EventKind.CONFIGURATION, configuration_content(self._settings()))

    async def close(self) -> None:
        """Tell for the last time; the writer's own end says that it stopped."""
        self._stopping.set()
        if self._task is not None:
            await self._task
            await self._beat()

    async def _keep_telling(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), HEARTBEAT_SECONDS)
            if not self._stopping.is_set():
                await self._beat()

    async def _beat(self) -> None:
        try:
            await self._receivers.look()
        except Exception as error:  # noqa: BLE001 - what is not known is not told, and is no watched time
            _log.warning("receivers could not be looked for", error=str(error))
        now = datetime.now(UTC)
        endpoints = {
            name: {
                "serving": state.serving,
                "reachable": state.reachable,
                # A clock that was set back would let it lie ahead.
                "since": None if state.since is None or state.since > now else to_microseconds(state.since),
            }
            for name, state in self._receivers.states().items()
        }
        content = {"endpoints": endpoints, "keystore_revision": self._revision()}
        if await self._tell(EventKind.HEARTBEAT, content):
            await self._on_told()
        self._alarm()

    async def _tell(self, kind: EventKind, content: Mapping[str, Any]) -> bool:
        try:
            future: Future[None] = self._writer.tell(kind, content)
            await asyncio.wait_for(asyncio.wrap_future(future), TELL_SECONDS)
        except (LedgerError, TimeoutError) as error:
            if self._is_heard:
                _log.error("no evidence can be written: this time does not count as watched", error=str(error))
            self._is_heard = False
            return False
        if not self._is_heard:
            _log.info("evidence can be written again")
        self._is_heard = True
        return True

    def _alarm(self) -> None:
        """What an operator has to know about the evidence itself."""
        recovered = self._writer.state.recovered
        if recovered is not None and recovered != self._recovered:
            self._recovered = recovered
            _log.error("the ledger lost what this process had written", detail=recovered)
            what = f"The ledger lost what a gateway process had written: {recovered}"
            self._desk.alarm(AlertEvent.LEDGER, ("recovered", recovered), what, "ledger verify")
        is_off = abs(self.clock_offset) > CLOCK_ALARM
        if is_off and not self._was_off:
            _log.error(
                "this machine's clock is off: set it right; renewals count by the ledger's clock",
                seconds=round(self.clock_offset.total_seconds(), 1),
            )
        elif self._was_off and not is_off:
            _log.info("this machine's clock agrees with the ledger's again")
        machine = socket.gethostname()
        if is_off:
            seconds = round(self.clock_offset.total_seconds(), 1)
            what = (
                f"The clock of {machine} is {abs(seconds):g} s {'behind' if seconds > 0 else 'ahead of'} the ledger's"
            )
            self._desk.alarm(AlertEvent.CLOCK, (machine,), f"{what}: set it right", "status", lasts=True)
        elif self._was_off:
            self._desk.over(AlertEvent.CLOCK, (machine,), f"The clock of {machine} agrees with the ledger's again")
        self._was_off = is_off
