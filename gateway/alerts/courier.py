"""One channel's thread: it takes what waits for the channel out of the outbox, and delivers it, one after the other."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Engine

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.channels import deliver_notice
from gateway.alerts.looks.shown_records import next_command
from gateway.config import AlertChannel, Settings
from gateway.ledger import (
    RETRY_SECONDS,
    AlertFinding,
    DeliveryState,
    LedgerError,
    Notice,
    end_alert,
    next_delivery,
    note_delivery,
    raise_alert,
)

_log = structlog.get_logger("wssgate.alerts")

BROKEN_AFTER: Final = 3
"""Attempts that failed one after the other, after which the other channels are told of it: a minute and a half."""
LOOK_SECONDS: Final = 2.0
"""How often it looks for something to deliver, where nobody wakes it."""
_MOST_URGENT: Final = 10


class AlertMeter(Protocol):
    """Counts what becomes of alerts. Called from the threads that deliver."""

    def begin(self, channel: str) -> None:
        """There is such a channel."""

    def count(self, channel: str, *, is_sent: bool) -> None:
        """It was told something, or an attempt to failed."""

    def show_waiting(self, waiting: Mapping[str, int]) -> None:
        """So many wait for each channel; none are named where another process sends."""


class Courier:
    """Delivers to one channel. A daemon's thread: whatever the channel does, nobody else waits for it."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        channel: AlertChannel,
        settings: Callable[[], Settings],
        may_send: Callable[[], bool],
        meter: AlertMeter | None = None,
    ) -> None:
        """Deliver what waits behind `engine` for the channel `name`, while this process is the one that sends."""
        self.channel = channel
        self._settings = settings
        self._engine = engine
        self._name = name
        self._may_send = may_send
        self._meter = meter
        if meter is not None:
            meter.begin(name)
        self._condition = threading.Condition()
        self._is_woken = False
        self._is_closing = False
        self._urgent: list[Notice] = []
        self._unnoted = ""
        """The id of a notice that was delivered, while that cannot be written down."""
        self._failures = 0
        self._told_broken: bool | None = None
        """Whether the outbox says that it is broken; None where this process does not know."""
        self._problem: str | None = None
        self._delivered: datetime | None = None
        self._thread = threading.Thread(target=self._run, name=f"alerts {name}", daemon=True)
        self._thread.start()

    def status(self) -> dict[str, Any]:
        """For the operator."""
        return {
            "kind": self.channel.kind,
            "problem": self._problem,
            "delivered": None if self._delivered is None else self._delivered.isoformat(timespec="seconds"),
        }

    def wake(self) -> None:
        """There is something to deliver."""
        with self._condition:
            self._is_woken = True
            self._condition.notify()

    def tell_at_once(self, notice: Notice) -> None:
        """Deliver what the outbox cannot hold, for the database cannot be written."""
        with self._condition:
            if len(self._urgent) < _MOST_URGENT:
                self._urgent.append(notice)
            self._is_woken = True
            self._condition.notify()

    def close(self) -> None:
        """Deliver what is due, and end with the first that does not get through; returns at once."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()

    def join(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._condition:
                is_last = self._is_closing
                self._is_woken = False
            try:
                got_through = self._deliver_all()
            except LedgerError:
                got_through = True  # who sends sees it as well, and says so
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread lives on, and so do later alerts
                _log.error("alerts cannot be delivered", channel=self._name, error=type(error).__name__)
                got_through = False
            if is_last:
                return
            self._rest(LOOK_SECONDS if got_through else self._pause())

    def _pause(self) -> float:
        return RETRY_SECONDS[min(max(self._failures, 1), len(RETRY_SECONDS)) - 1]

    def _rest(self, seconds: float) -> None:
        """Wait; news are no reason to try a channel again that has just failed."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_closing or (self._is_woken and not self._failures), seconds)

    def _deliver_all(self) -> bool:
        """Deliver what is due, up to the first that fails; whether none did."""
        while self._urgent:
            if not self._deliver_urgent(self._urgent[0]):
                return False
        # Ends: what is delivered does not wait any more, and what was tried is not due.
        while self._may_send():
            delivery = next_delivery(self._engine, self._name, datetime.now(UTC))
            if delivery is None:
                return True
            problem = None
            if delivery.notice.id != self._unnoted:  # else it only has to be written down
                problem = deliver_notice(delivery.notice, self.channel)
                self._note(problem)
                self._unnoted = delivery.notice.id if problem is None else ""
            state = note_delivery(self._engine, delivery, self._name, datetime.now(UTC), problem)
            if state is DeliveryState.GIVEN_UP:
                _log.error("an alert was given up", channel=self._name, alert_event=delivery.notice.event)
            self._tell_the_others()
            if problem is not None:
                return False
        return True

    def _deliver_urgent(self, notice: Notice) -> bool:
        problem = deliver_notice(notice, self.channel)
        self._note(problem)
        if problem is None:
            with self._condition:
                self._urgent.remove(notice)
        return problem is None

    def _note(self, problem: str | None) -> None:
        if self._meter is not None:
            self._meter.count(self._name, is_sent=problem is None)
        if problem is None:
            self._failures = 0
            self._delivered = datetime.now(UTC)
            if self._problem is not None:
                _log.info("alerts are delivered again", channel=self._name)
        else:
            self._failures += 1
            if problem != self._problem:
                _log.warning("an alert cannot be delivered; it is tried again", channel=self._name, error=problem)
        self._problem = problem

    def _tell_the_others(self) -> None:
        """A channel that is broken, or works again, is told of through the others."""
        at = datetime.now(UTC)
        if self._failures >= BROKEN_AFTER and self._told_broken is not True:
            raise_alert(
                self._engine,
                AlertFinding(
                    event=AlertEvent.CHANNEL,
                    about=(self._name,),
                    what=f"Alerts do not arrive over {self._name}: {self._problem}. They wait, and are tried again",
                    run=next_command(self._settings(), f"alerts test {self._name}"),
                    since=at,
                    last=at,
                    lasts=True,
                    except_channel=self._name,
                ),
                at,
            )
            self._told_broken = True
        elif not self._failures and self._told_broken is not False:
            what = f"Alerts arrive over {self._name} again"
            end_alert(self._engine, AlertEvent.CHANNEL, (self._name,), what, at)
            self._told_broken = False
