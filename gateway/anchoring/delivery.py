"""Anchors are delivered by a thread of their own: whatever the folder or the server does, nothing waits for it.

What cannot be delivered is kept in memory and tried again; of too many the newest.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from gateway.anchoring.destination import CLOSE_SECONDS, deliver, is_wanted, stamped
from gateway.config import GatewaySettings

_log = structlog.get_logger("wssgate.anchors")

MOST_WAITING: Final = 1000
"""Words that wait to be delivered."""
RETRY_SECONDS: Final = 30.0
"""How long to wait after a failure."""


@dataclass(slots=True, eq=False)
class _Round:
    """Words that are delivered together."""

    words: tuple[str, ...]
    stamp_tried: bool = False


class AnchorDelivery:
    """Delivers anchors to where the configuration says. Safe to call from any thread."""

    def __init__(self, settings: Callable[[], GatewaySettings], *, retry_seconds: float = RETRY_SECONDS) -> None:
        """Deliver by the settings that are in use at the time."""
        self._settings = settings
        self._retry_seconds = retry_seconds
        self._condition = threading.Condition()
        self._waiting: deque[_Round] = deque()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._delivered: datetime | None = None
        self._problem: str | None = None
        self._stamp_problem: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether anchors go anywhere."""
        return is_wanted(self._settings())

    def status(self) -> dict[str, Any]:
        """For the operator."""
        place = self._settings().anchor_to
        with self._condition:
            return {
                "anchor_to": None if place is None else str(place),
                "waiting": self._words_waiting(),
                "delivered": None if self._delivered is None else self._delivered.isoformat(timespec="seconds"),
                "problem": self._problem,
                "timestamp_problem": self._stamp_problem,
            }

    def send(self, words: Sequence[str]) -> None:
        """Deliver `words` soon, together; waits for nothing."""
        if not words or not self.is_wanted:
            return
        dropped = 0
        with self._condition:
            self._waiting.append(_Round(tuple(words[-MOST_WAITING:])))
            while self._words_waiting() > MOST_WAITING:
                dropped += len(self._waiting.popleft().words)
            if self._thread is None:
                # A daemon: a folder that hangs must not keep the process from ending.
                self._thread = threading.Thread(target=self._run, name="anchors", daemon=True)
                self._thread.start()
            self._condition.notify_all()
        if dropped:
            _log.warning("anchors that could not be delivered were dropped: newer ones cover them", words=dropped)

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Try once more what waits, then stop; whether everything was delivered. Blocks for at most `seconds`."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._condition:
            left = self._words_waiting()
        if left:
            _log.error("anchors were not delivered to the end", words=left, problem=self._problem)
        return not left

    def _words_waiting(self) -> int:
        return sum(len(one.words) for one in self._waiting)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._waiting:
                    if self._closing:
                        return
                    self._condition.wait()
                one = self._waiting[0]
                is_last_try = self._closing
            try:
                problem = self._deliver(one)
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread lives on, and so do later anchors
                problem = f"{type(error).__name__}: {error}"
            with self._condition:
                self._note(one, problem)
                if problem is not None:
                    if is_last_try:
                        return
                    self._rest()

    def _rest(self) -> None:
        until = time.monotonic() + self._retry_seconds
        while not self._closing and (left := until - time.monotonic()) > 0:
            self._condition.wait(left)

    def _deliver(self, one: _Round) -> str | None:
        """Deliver a round; why that failed, or None."""
        settings = self._settings()
        if not one.stamp_tried:
            one.stamp_tried = True
            one.words = (*one.words, *self._stamp(one, settings))
        return deliver(one.words, settings)

    def _stamp(self, one: _Round, settings: GatewaySettings) -> tuple[str, ...]:
        """The time stamp of a round, where one is wanted and to be had; else the next round tries again."""
        stamp, problem = stamped(one.words, settings)
        if problem is not None and problem != self._stamp_problem:
            _log.warning("no time stamp: the anchors go without one", error=problem)
        self._stamp_problem = problem
        for word in stamp:
            _log.info("time stamp", stamp=word, authority=settings.timestamp_authority)
        return stamp

    def _note(self, one: _Round, problem: str | None) -> None:
        if problem is None:
            self._delivered = datetime.now(UTC)
            if self._waiting and self._waiting[0] is one:  # else it was dropped meanwhile
                self._waiting.popleft()
            if self._problem is not None:
                _log.info("anchors are delivered again", anchor_to=str(self._settings().anchor_to))
        elif problem != self._problem:
            _log.warning("anchors cannot be delivered; they are kept and tried again", error=problem)
        self._problem = problem
