"""The keystore as the exchanges see it: the newest revision, swapped in whole, narrowed per endpoint once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from gateway.ledger import LedgerError
from keystore import State, TrustSnapshot

POLL_SECONDS: Final = 0.25
"""A change must reach every instance within a second, also where nothing announces it."""
LISTEN_AGAIN_SECONDS: Final = 1.0
"""After the connection that announces changes was lost."""

Listen = Callable[[Callable[[], None]], Awaitable[None]]
"""Calls back once it listens and at each announced change; runs until cancelled, or raises a `LedgerError`."""

_log = structlog.get_logger("wssgate.trust")


class TrustSource(Protocol):
    """Where trust comes from: the keystore's store."""

    def revision(self) -> int:
        """The number of the newest revision; cheap."""
        ...

    def snapshot(self) -> TrustSnapshot:
        """The newest revision."""
        ...


class KeystoreWatch:
    """Holds the newest trust, and keeps it new."""

    def __init__(
        self, source: TrustSource, on_change: Callable[[TrustSnapshot], None], listen: Listen | None = None
    ) -> None:
        """Read from `source`; tell `on_change` of every revision that is taken into use.

        Args:
            source: The keystore's store.
            on_change: Told of every revision that is taken into use.
            listen: How changes are announced; None where nothing announces them, and only the poll finds them.
        """
        self._source = source
        self._listen = listen
        self._noticed = asyncio.Event()
        self._is_deaf = False
        self._on_change = on_change
        self._whole = TrustSnapshot.of()
        self._narrowed: Mapping[str, TrustSnapshot] = {}
        self.problem: str | None = None
        """Why the keystore cannot be read at present; the last revision stays in use."""

    @property
    def revision(self) -> int:
        """The revision in use."""
        return self._whole.revision

    def for_endpoint(self, endpoint: str) -> TrustSnapshot:
        """What is trusted for `endpoint`."""
        narrowed = self._narrowed.get(endpoint)
        if narrowed is None:
            narrowed = self._whole.for_endpoint(endpoint)
            # A new mapping, never a change of one that another coroutine may be reading.
            self._narrowed = {**self._narrowed, endpoint: narrowed}
        return narrowed

    def trusted_aliases(self, endpoint: str) -> tuple[str, ...]:
        """The aliases that are trusted for `endpoint` now; not those of a key that is compromised."""
        now, trust = datetime.now(UTC), self.for_endpoint(endpoint)
        return tuple(
            entry.alias
            for entry in trust.entries
            if entry.state_at(now) is State.TRUSTED and entry.key_id not in trust.compromised
        )

    def load(self) -> None:
        """Take the newest revision into use, whatever it is. Blocks; to be called before the traffic starts."""
        self._take(self._source.snapshot())

    async def watch(self) -> None:
        """Look for a new revision until cancelled, when one is announced and now and then; reading is in a thread."""
        listening = None if self._listen is None else asyncio.create_task(self._keep_listening(self._listen))
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._noticed.wait()
                self._noticed.clear()
                await self.poll()
        finally:
            if listening is not None:
                listening.cancel()

    async def _keep_listening(self, listen: Listen) -> None:
        while True:
            try:
                await listen(self._notice)
            except LedgerError as error:
                if not self._is_deaf:
                    _log.warning("keystore changes are looked for, not announced", error=str(error))
                self._is_deaf = True
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    def _notice(self) -> None:
        if self._is_deaf:
            _log.info("keystore changes are announced again")
            self._is_deaf = False
        self._noticed.set()

    async def poll(self) -> None:
        """Look for a new revision once."""
        try:
            snapshot = await asyncio.to_thread(self._newer, self._whole.revision)
        except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on with the last revision
            if self.problem is None:
                _log.error("keystore cannot be read", error=str(error), revision_in_use=self.revision)
            self.problem = str(error)
            return
        if self.problem is not None:
            _log.info("keystore can be read again")
            self.problem = None
        if snapshot is not None:
            self._take(snapshot)
            _log.info("keystore revision in use", revision=snapshot.revision)

    def _newer(self, revision: int) -> TrustSnapshot | None:
        return self._source.snapshot() if self._source.revision() != revision else None

    def _take(self, snapshot: TrustSnapshot) -> None:
        self._whole, self._narrowed = snapshot, {}
        self._on_change(snapshot)
