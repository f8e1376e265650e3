"""The sending of alerts in one gateway process: of all processes one looks and sends, as a lease in the database says.

It runs in threads of its own, so that no exchange waits for it. What other parts of the process find is taken into a
list in memory, and from there into the outbox; from then on a crash loses nothing.
"""

import fcntl
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Engine

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.courier import AlertMeter, Courier
from gateway.alerts.desk import AlertDesk, Over
from gateway.alerts.looks.all_looks import Look
from gateway.alerts.looks.disk_look import look_at_disks
from gateway.alerts.looks.shown_records import next_command
from gateway.alerts.program import end_programs
from gateway.config import Settings
from gateway.ledger import (
    LedgerError,
    Notice,
    end_alert,
    explain,
    hand_out,
    leave_maintenance,
    raise_alert,
    sum_up_alerts,
    take_maintenance,
    tidy_outbox,
    waiting_deliveries,
)

_log = structlog.get_logger("wssgate.alerts")

LEASE: Final = timedelta(seconds=15)
"""Whoever was killed keeps the others from sending no longer than this."""
RENEW_SECONDS: Final = 5.0
"""How often the lease is renewed, or asked for."""
STEP_SECONDS: Final = 1.0
"""How often the outbox is looked at."""
DATABASE_SECONDS: Final = 10.0
"""How long the database may be unusable before people are told, past the outbox."""
CLOSE_SECONDS: Final = 5.0
"""How long the end of a process waits for what is being delivered; what is left waits in the outbox."""
_TIDY_SECONDS: Final = 3600.0
_DISK_SECONDS: Final = 60.0
_TASK: Final = "alerts"


class AlertSending:
    """Writes down what the desk has taken, looks for more, and sends it."""

    def __init__(
        self,
        engine: Engine,
        holder: str,
        settings: Callable[[], Settings],
        desk: AlertDesk,
        looks: Sequence[Look],
        ledger_problem: Callable[[], str | None] = lambda: None,
        meter: AlertMeter | None = None,
    ) -> None:
        """Work on the outbox behind `engine`, by the settings in use, as the process `holder`.

        What `desk` has taken goes into the outbox, whichever process sends.
        `ledger_problem` says why records cannot be written at present, where that is so; `meter` counts what is sent.
        """
        self._engine = engine
        self._holder = holder
        self._settings = settings
        self._desk = desk
        self._looks = tuple(looks)
        self._ledger_problem = ledger_problem
        self._meter = meter
        self._is_closing = False
        self._couriers: dict[str, Courier] = {}
        self._held_until = 0.0
        """By the monotonic clock."""
        self._next_lease = 0.0
        self._next_tidying = 0.0
        self._next_looks = [0.0] * len(self._looks)
        self._look_problems: dict[str, str | None] = {}
        self._next_disks = 0.0
        self._failing_since: float | None = None
        self._speaker: int | None = None
        """Descriptor of the locked file, while this process tells for its machine that the database fails."""
        self._complaint: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in threads."""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write down what was found, deliver what is due, and let another process send. Blocks for a few seconds."""
        self._is_closing = True
        self._desk.wake()
        if self._thread is not None:
            self._thread.join(2 * CLOSE_SECONDS)

    def status(self) -> dict[str, Any]:
        """For the operator: no URL, no secret."""
        return {
            "sending": self._may_send(),
            "problem": self._complaint,
            "channels": {name: courier.status() for name, courier in sorted(self._couriers.copy().items())},
        }

    def _may_send(self) -> bool:
        return time.monotonic() < self._held_until

    def _run(self) -> None:
        while True:
            is_last = self._is_closing
            try:
                self._arrange_couriers()
                if self._couriers:
                    self._step()
                    self._note_database(self._ledger_problem())
            except LedgerError as error:
                self._note_database(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread lives on, and so do later alerts
                self._complain(explain(error, self._engine))
            if is_last:
                self._end()
                return
            self._desk.wait(STEP_SECONDS, lambda: self._is_closing)

    def _arrange_couriers(self) -> None:
        """One for each channel of the configuration in use."""
        wanted = self._settings().alerts
        for name, courier in list(self._couriers.items()):
            if wanted.get(name) != courier.channel:
                courier.close()
                del self._couriers[name]
        for name, channel in wanted.items():
            if name not in self._couriers:
                self._couriers[name] = Courier(self._engine, name, channel, self._settings, self._may_send, self._meter)

    def _step(self) -> None:
        """One round.

        Raises:
            LedgerError: The database cannot be used.
        """
        at = datetime.now(UTC)
        self._look_at_disks(at)
        self._write_down(at)
        if time.monotonic() >= self._next_lease:
            self._renew(at)
        if not self._may_send():
            return
        for number, look in enumerate(self._looks):
            if time.monotonic() >= self._next_looks[number]:
                self._next_looks[number] = time.monotonic() + look.seconds
                self._take_look(look, at)
        sum_up_alerts(self._engine, at)
        if hand_out(self._engine, tuple(self._couriers), at):
            for courier in self._couriers.values():
                courier.wake()
        if time.monotonic() >= self._next_tidying:
            self._next_tidying = time.monotonic() + _TIDY_SECONDS
            tidy_outbox(self._engine, tuple(self._couriers), at)
        self._complaint = None

    def _take_look(self, look: Look, at: datetime) -> None:
        """One that fails, over a row that was altered for instance, keeps none of the others from looking."""
        problem = None
        try:
            look.look(self._engine, self._settings(), at)
        except Exception as error:  # noqa: BLE001 - whatever the database says, the others look on
            problem = str(error) if isinstance(error, LedgerError) else explain(error, self._engine)
            if self._look_problems.get(look.name) != problem:
                _log.error("alerts cannot be looked for", what=look.name, error=problem)
        self._look_problems[look.name] = problem

    def _look_at_disks(self, at: datetime) -> None:
        if time.monotonic() >= self._next_disks:
            self._next_disks = time.monotonic() + _DISK_SECONDS
            look_at_disks(self._settings(), at, self._desk.found, self._desk.over)

    def _renew(self, at: datetime) -> None:
        began = time.monotonic()
        self._next_lease = began + RENEW_SECONDS
        is_mine = take_maintenance(self._engine, _TASK, self._holder, at=at, length=LEASE)
        # By the time at which it was asked for; and a little before its end nothing new is begun.
        self._held_until = began + 0.8 * LEASE.total_seconds() if is_mine else 0.0
        self._measure()

    def _measure(self) -> None:
        if self._meter is None:
            return
        if not self._may_send():
            self._meter.show_waiting({})
            return
        waiting = waiting_deliveries(self._engine)
        self._meter.show_waiting({name: waiting.get(name, 0) for name in self._couriers})

    def _write_down(self, at: datetime) -> None:
        while (news := self._desk.first()) is not None:
            try:
                if isinstance(news, Over):
                    end_alert(self._engine, news.event, news.about, news.what, at)
                else:
                    raise_alert(self._engine, news, at)
            except LedgerError:
                raise  # it waits for the database
            except Exception as error:  # noqa: BLE001 - one that cannot be written down must not keep those after it waiting
                _log.error("an alert is lost: it cannot be written down", alert_event=news.event, error=str(error))
            self._desk.done(news)

    def _end(self) -> None:
        for courier in self._couriers.values():
            courier.close()
        until = time.monotonic() + CLOSE_SECONDS
        for courier in self._couriers.values():
            courier.join(max(0.0, until - time.monotonic()))
        end_programs()
        if self._may_send():
            self._held_until = 0.0
            try:
                leave_maintenance(self._engine, _TASK, self._holder, finished=None)
            except LedgerError as error:
                self._complain(str(error))
        self._stop_speaking()

    def _complain(self, problem: str) -> None:
        if problem != self._complaint:
            _log.error("alerts cannot be looked after", error=problem)
        self._complaint = problem

    def _note_database(self, problem: str | None) -> None:
        """The database that cannot be used is told of past the outbox, by one process of each machine."""
        now = time.monotonic()
        if problem is None:
            self._failing_since = None
            if self._speaker is not None:
                self._stop_speaking()
                self._tell_at_once("Records can be written again", is_over=True)
            return
        self._complain(problem)
        self._failing_since = self._failing_since or now
        if self._speaker is None and now - self._failing_since >= DATABASE_SECONDS and self._begin_speaking():
            self._tell_at_once(f"No response is delivered without a record, and none can be written: {problem}")

    def _tell_at_once(self, what: str, *, is_over: bool = False) -> None:
        at = datetime.now(UTC)
        notice = Notice(
            id=str(uuid.uuid4()),
            alert="",
            number=1,
            event=AlertEvent.DATABASE,
            about=(self._holder,),
            endpoint="",
            what=f"{what} ({self._holder})",
            run=next_command(self._settings(), "status"),
            records=(),
            since=at,
            last=at,
            made=at,
            times=1,
            new_times=1,
            is_over=is_over,
        )
        for courier in self._couriers.values():
            courier.tell_at_once(notice)

    def _begin_speaking(self) -> bool:
        """Whether no other process of this machine tells of it already: they lock the configuration's file."""
        try:
            descriptor = os.open(self._settings().source, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            pass  # a file system without locks: rather twice than not at all
        self._speaker = descriptor
        return True

    def _stop_speaking(self) -> None:
        if self._speaker is not None:
            os.close(self._speaker)
            self._speaker = None
