"""Which operations are expected goes into the ledger, in a thread, so that no exchange waits for it."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Engine

from gateway.config import Settings
from gateway.ledger import explain, remember_expected

_log = structlog.get_logger("wssgate.upkeep")

AGAIN_SECONDS: Final = 3600.0
"""What a WSDL announced is not written again before so long: some clients fetch it before each call."""
_MOST_WRITTEN: Final = 2000
"""Operations of one endpoint of which it is known when they were written."""


class OperationRegister:
    """Writes down what is expected, for one gateway process. For its event loop."""

    def __init__(self, engine: Engine) -> None:
        """Write to the ledger behind `engine`."""
        self._engine = engine
        self._written: dict[str, dict[str, float]] = {}
        """By endpoint, what was written, with the time of the event loop."""
        self._waiting: dict[str, set[str]] = {}
        self._configured: dict[str, tuple[str, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    def expect(self, endpoint: str, operations: Collection[str]) -> None:
        """A WSDL of `endpoint` announced `operations`. Returns at once."""
        written, now = self._written.get(endpoint, {}), asyncio.get_running_loop().time()
        new = {name for name in operations if now - written.get(name, -AGAIN_SECONDS) >= AGAIN_SECONDS}
        if new:
            self._waiting.setdefault(endpoint, set()).update(new)
            self._begin()

    def adopt(self, settings: Settings) -> None:
        """Write down what `settings` name, in the place of whatever was expected before. Returns at once."""
        for name, endpoint in settings.endpoints.items():
            if endpoint.operations is not None:
                self._configured[name] = endpoint.operations
                self._written.pop(name, None)
        if self._configured:
            self._begin()

    async def close(self) -> None:
        """Write what waits."""
        if self._task is not None:
            await self._task  # not cancelled: its thread may be at the database

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        failed: dict[str, tuple[str, ...]] = {}
        try:
            # Ends: each turn takes an endpoint out, and those that announce wait for their records.
            while self._configured or self._waiting:
                if self._configured:
                    endpoint, configured = self._configured.popitem()
                    if not await self._remember(endpoint, configured, instead=True):
                        failed[endpoint] = configured
                else:
                    endpoint, announced = self._waiting.popitem()
                    if await self._remember(endpoint, announced, instead=False):
                        now = asyncio.get_running_loop().time()
                        written = self._written.get(endpoint, {})
                        kept = written if len(written) < _MOST_WRITTEN else {}
                        self._written[endpoint] = kept | dict.fromkeys(announced, now)
        finally:
            self._task = None
            # Again with the next that is announced, or the next configuration.
            self._configured = failed | self._configured

    async def _remember(self, endpoint: str, operations: Collection[str], *, instead: bool) -> bool:
        try:
            left_out = await asyncio.to_thread(
                remember_expected, self._engine, endpoint, operations, datetime.now(UTC), instead=instead
            )
        except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on
            why = explain(error, self._engine)
            _log.warning("expected operations could not be written down", endpoint=endpoint, error=why)
            return False
        if left_out:
            _log.warning(
                "more operations are announced than are remembered; name those that matter in `operations`",
                endpoint=endpoint,
                left_out=left_out,
            )
        return True
