"""What a serving gateway tells of renewals unasked: relapses, and announced switches that come early or late.

One worker of each gateway looks, for its metrics; of all gateways together one writes the log line.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine

from gateway.alerts import AlertDesk
from gateway.config import Settings
from gateway.ledger import LedgerError, leave_maintenance, take_maintenance
from gateway.present import instant_json
from gateway.renewal import (
    Closure,
    Relapse,
    Renewal,
    RenewalStatus,
    endpoints_now,
    expiries,
    judge_renewal,
    measure,
    measured_now,
    read_renewals,
)
from gateway.service.alert_hooks import tell_of_expiries, tell_of_renewal
from gateway.service.renewal_metrics import RenewalMetrics
from keystore import State
from keystore.store import KeystoreStore, StoredEntry

_log = structlog.get_logger("wssgate.renewal")

LOOK_SECONDS: Final = 300.0
"""How often a gateway looks: the evidence of months is read each time."""
COMPLAIN_EVERY: Final = timedelta(hours=1)
"""How often what lasts is told of, by all gateways together."""
_ONCE: Final = timedelta(days=3650)
"""What happened, and lasts no longer, is told once."""
_HELD: Final = timedelta(seconds=3 * LOOK_SECONDS)
"""Whoever was killed keeps the others of its gateway from looking no longer than this."""


class RenewalAlarms:
    """The look of one process at the renewals."""

    def __init__(
        self, engine: Engine, holder: str, metrics: RenewalMetrics | None = None, desk: AlertDesk | None = None
    ) -> None:
        """Look at the ledger behind `engine` as the process `holder` (HOST/PID); show what there is in `metrics`, and
        tell `desk` what people should know.
        """
        self._desk = desk
        self._engine = engine
        self._holder = holder
        self._metrics = metrics
        self._turn = _name("renewals", holder.rpartition("/")[0] or holder)

    def look(self, settings: Settings, at: datetime) -> list[RenewalStatus]:
        """Look once, unless another worker of this gateway does; the result is what was looked at.

        Raises:
            DatabaseUnavailable: The database cannot be read.
            LedgerUnavailable: It cannot be written.
            SQLAlchemyError: The keystore cannot be read.
        """
        if not take_maintenance(self._engine, self._turn, self._holder, at=at, length=_HELD):
            if self._metrics is not None:
                self._metrics.clear()
            return []
        keystore = KeystoreStore(self._engine)
        renewals, entries = read_renewals(self._engine), keystore.entries()
        wanted = [one for one in renewals.by_name.values() if one.is_open or _can_relapse(one, entries)]
        measured = measured_now(self._engine, keystore, settings, wanted, renewals.policies, at, from_start=False)
        found = [judge_renewal(renewal, one) for renewal, one in zip(wanted, measured, strict=True)]
        for status in found:
            self._tell(status, at)
        is_told = self._desk is not None and self._desk.is_wanted
        if self._metrics is not None or is_told:
            evidence = measured[0].evidence if measured else measure(self._engine)
            endpoints = endpoints_now(evidence, settings.endpoints)
            expiring = expiries(entries, wanted, at, endpoints=endpoints)
            trusted = [one for one in expiring if one.state is State.TRUSTED]
            if self._metrics is not None:
                self._metrics.show(found, trusted)
            if self._desk is not None:
                tell_of_expiries(self._desk, trusted)
        return found

    def close(self) -> None:
        """Let another worker look; where the database cannot be told, one does so a quarter of an hour later."""
        with contextlib.suppress(LedgerError):
            leave_maintenance(self._engine, self._turn, self._holder, finished=None)

    def _tell(self, status: RenewalStatus, at: datetime) -> None:
        name = status.renewal.name
        if self._desk is not None and self._desk.is_wanted:
            tell_of_renewal(self._desk, status)
        for relapse in status.relapses:
            if not relapse.is_over and self._is_mine(at, COMPLAIN_EVERY, "relapse", name, *_cell(relapse)):
                _log.error(
                    "the old key came back after the switch",
                    renewal=name,
                    endpoint=relapse.endpoint,
                    operation=relapse.operation,
                    server=relapse.server or None,
                    first=instant_json(relapse.first),
                    last=instant_json(relapse.last),
                    messages=relapse.messages,
                    retired=relapse.was_retired,
                )
        announced = instant_json(status.renewal.announced)
        if status.early_at is not None and self._is_mine(at, _ONCE, "early", name, announced or ""):
            first = instant_json(status.early_at)
            _log.warning("the switch came before the announced time", renewal=name, announced=announced, first=first)
        if status.is_late and self._is_mine(at, COMPLAIN_EVERY, "late", name):
            _log.error(
                "the announced time has passed, and the receiver has not switched",
                renewal=name,
                announced=announced,
                waiting_for=status.waiting_for,
            )

    def _is_mine(self, at: datetime, every: timedelta, *what: str) -> bool:
        """Whether this process tells it, and nobody has within that time."""
        alarm = _name(*what)
        if not take_maintenance(self._engine, alarm, self._holder, at=at, length=COMPLAIN_EVERY, every=every):
            return False
        leave_maintenance(self._engine, alarm, self._holder, finished=at)
        return True


def _can_relapse(renewal: Renewal, entries: Sequence[StoredEntry]) -> bool:
    """Whether it is finished, and a gateway would recognise its old key: until that is purged."""
    if renewal.closed is None or renewal.closed.how is not Closure.FINISHED:
        return False
    known = {entry.thumbprint for entry in entries}
    return any(old.thumbprint in known for old in renewal.old)


def _cell(relapse: Relapse) -> tuple[str, str, str, str]:
    return relapse.endpoint, relapse.operation or "", relapse.server, str(instant_json(relapse.after))


def _name(*what: str) -> str:
    """A name for the table of maintenance, which has room for 32 characters."""
    return f"renewal {hashlib.sha256('/'.join(what).encode()).hexdigest()[:20]}"
