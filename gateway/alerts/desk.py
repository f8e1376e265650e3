"""What any part of a gateway process finds is taken here, at once and in memory; from here it goes into the outbox."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.looks.shown_records import next_command
from gateway.config import Settings
from gateway.ledger import AlertFinding

MOST_WAITING: Final = 1000
"""What waits in memory while the database cannot be written; of more, the newest."""


@dataclass(frozen=True, slots=True)
class Over:
    """Something that lasted is over."""

    event: str
    about: tuple[str, ...]
    what: str


class AlertDesk:
    """Takes what is found, where there is anybody to be told. Safe to call from any thread; nothing blocks."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        """Take it by the settings in use."""
        self._settings = settings
        self._condition = threading.Condition()
        self._waiting: deque[AlertFinding | Over] = deque(maxlen=MOST_WAITING)

    @property
    def is_wanted(self) -> bool:
        """Whether there is anybody to be told."""
        return bool(self._settings().alerts)

    def alarm(
        self,
        event: AlertEvent,
        about: tuple[str, ...],
        what: str,
        run: str,
        *,
        since: datetime | None = None,
        last: datetime | None = None,
        endpoint: str = "",
        records: Sequence[str] = (),
        times: int | None = None,
        adds: int = 0,
        lasts: bool = False,
    ) -> None:
        """Somebody should know `what`, and go on with `wssgate RUN`; the rest as in `gateway.ledger.AlertFinding`."""
        if not self.is_wanted:
            return
        at = datetime.now(UTC)
        finding = AlertFinding(
            event=event,
            about=about,
            what=what,
            run=next_command(self._settings(), run),
            since=since or at,
            last=last or since or at,
            endpoint=endpoint,
            records=tuple(records),
            times=times,
            adds=adds,
            lasts=lasts,
        )
        self.found(finding)

    def found(self, finding: AlertFinding) -> None:
        """Something that somebody should know."""
        self._take(finding)

    def over(self, event: AlertEvent, about: tuple[str, ...], what: str) -> None:
        """Something that lasted is over, in the sentence `what`; nothing where it was not told of."""
        self._take(Over(event, about, what))

    def first(self) -> AlertFinding | Over | None:
        """What has waited longest."""
        with self._condition:
            return self._waiting[0] if self._waiting else None

    def done(self, news: AlertFinding | Over) -> None:
        """It stands in the outbox."""
        with self._condition:
            if self._waiting and self._waiting[0] is news:  # else it was dropped meanwhile, for there were too many
                self._waiting.popleft()

    def wait(self, seconds: float, until: Callable[[], bool]) -> None:
        """Wait for news, for `until` to be so when somebody wakes whoever waits, or for so long."""
        with self._condition:
            self._condition.wait_for(lambda: until() or bool(self._waiting), seconds)

    def wake(self) -> None:
        """Let whoever waits look."""
        with self._condition:
            self._condition.notify_all()

    def _take(self, news: AlertFinding | Over) -> None:
        if self.is_wanted:
            with self._condition:
                self._waiting.append(news)
                self._condition.notify_all()
