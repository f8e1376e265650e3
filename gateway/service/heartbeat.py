"""This process's row among the instances: renewed every few seconds, and at once when a keystore revision is loaded."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

import structlog
from sqlalchemy import Engine

from gateway.ledger import BEAT_SECONDS, InstanceIdentity, record_departure, record_heartbeat

_log = structlog.get_logger("wssgate.presence")


class Heartbeat:
    """Tells the other processes that this one is there, and with which trust."""

    def __init__(self, engine: Engine, instance: str, revision: Callable[[], int]) -> None:
        """Tell in the database behind `engine` of the `revision` in use."""
        self._engine = engine
        self._revision = revision
        self._identity = InstanceIdentity.new(
            instance, socket.gethostname(), os.getpid(), version("wssgate"), datetime.now(UTC)
        )
        self._news = asyncio.Event()
        self._is_ending = False
        self._task: asyncio.Task[None] | None = None
        self._is_heard = True

    async def start(self) -> None:
        """Tell for the first time, before any traffic is served, then again and again in a task of its own."""
        await self._beat()
        self._task = asyncio.create_task(self._keep_telling())

    def tell(self) -> None:
        """There is something new to tell: do not wait for the next turn."""
        self._news.set()

    async def close(self) -> None:
        """Take the row away."""
        if self._task is None:
            return
        self._is_ending = True
        self._news.set()
        await self._task  # not cancelled: its thread may be at the database, and would bring the row back
        try:
            await asyncio.to_thread(record_departure, self._engine, self._identity)
        except Exception as error:  # noqa: BLE001 - the row is found stale, and forgotten after a day
            _log.warning("could not sign off from the list of instances", error=str(error))

    async def _keep_telling(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), BEAT_SECONDS)
            if self._is_ending:
                return
            self._news.clear()
            await self._beat()

    async def _beat(self) -> None:
        try:
            await asyncio.to_thread(record_heartbeat, self._engine, self._identity, self._revision())
        except Exception as error:  # noqa: BLE001 - a database that is down must not end the heartbeat
            if self._is_heard:
                _log.error("the list of instances cannot be written", error=str(error))
            self._is_heard = False
            return
        if not self._is_heard:
            _log.info("the list of instances can be written again")
        self._is_heard = True
