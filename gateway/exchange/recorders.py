"""Recorders are told what has been recorded, after the commit, and can neither delay nor change what leaves.

An exchange only puts its record into a list. A few times a second, and only while there is something in it, the list is
handed to one thread, which tells the recorders: a thread that is woken for each message would take the interpreter from
the event loop at each.
"""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Sequence
from typing import Final

import structlog

from gateway.exchange.defects import place_of
from gateway.exchange.extension_points import Recorder
from gateway.ledger import MessageRecord

_log = structlog.get_logger("wssgate.exchange")

PAUSE_SECONDS: Final = 0.1
"""How long records are collected before the thread gets them."""
MOST_WAITING: Final = 10_000
"""Records that wait at most: some seconds at full load. Beyond it the ledger alone knows of them."""
_COMPLAIN_EACH: Final = 10_000
"""Of so many failures the log has one line."""
_TOO_SLOW: Final = "recorders are too slow: they are not told of records that the ledger has"
_END_SECONDS: Final = 2.0
"""How long the end of the gateway waits for recorders that have not been told everything yet."""


class Recorders:
    """Tells all recorders of one gateway process. `tell` is for its event loop."""

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        """Begin with nothing to tell, and with the thread that will tell it."""
        self._recorders = tuple(recorders)
        self._collected: list[MessageRecord] = []
        self._timer: asyncio.TimerHandle | None = None
        self._handed_over = 0
        self._told = 0
        """Written by the thread alone."""
        self._lost = 0
        self._failures = 0
        self._complaint: threading.Thread | None = None
        self._batches: queue.SimpleQueue[list[MessageRecord] | None] = queue.SimpleQueue()
        context = contextvars.copy_context()  # what the log knows of this process
        # A daemon: a recorder that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="recorders", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Records that nobody was told of, because too many waited."""
        return self._lost

    @property
    def waiting(self) -> int:
        """Records that the recorders have not been told of yet."""
        return len(self._collected) + self._handed_over - self._told

    def tell(self, record: MessageRecord) -> None:
        """Tell of `record` soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._hand_over)
        self._collected.append(record)

    async def close(self) -> None:
        """Tell what is left, and wait for that a moment."""
        if self._timer is not None:
            self._timer.cancel()
            self._hand_over()
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join, _END_SECONDS)
        if self._thread.is_alive():
            _log.error("a recorder has not taken notice of every record", records=self.waiting)

    def _hand_over(self) -> None:
        self._timer = None
        batch, self._collected = self._collected, []
        if self._handed_over - self._told + len(batch) > MOST_WAITING:
            if self._lost // _COMPLAIN_EACH != (self._lost + len(batch)) // _COMPLAIN_EACH or not self._lost:
                self._complain()
            self._lost += len(batch)
            return
        self._handed_over += len(batch)
        self._batches.put(batch)

    def _complain(self) -> None:
        """Say that recorders are too slow; in a thread, for what hangs may be the log itself."""
        if self._complaint is None or not self._complaint.is_alive():
            self._complaint = threading.Thread(target=_log.error, args=(_TOO_SLOW,), name="complaint", daemon=True)
            self._complaint.start()

    def _run(self) -> None:
        # Ends: `close` puts None, and the thread of a process that ends without it is a daemon.
        while (batch := self._batches.get()) is not None:
            for record in batch:
                for recorder in self._recorders:
                    try:
                        recorder.recorded(record)
                    except Exception as error:  # noqa: BLE001 - a recorder that fails takes no other down
                        if self._failures % _COMPLAIN_EACH == 0:
                            _log.error("a recorder failed", recorder=type(recorder).__name__, error=place_of(error))
                        self._failures += 1
                self._told += 1
