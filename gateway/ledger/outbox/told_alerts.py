"""What the outbox holds, for people: what somebody should know, and what was told to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import alert_deliveries, alert_notices, alerts
from gateway.ledger.outbox.delivering import DeliveryState, Notice, instant_or_epoch, listed, notice_of
from gateway.ledger.outbox.raising import alert_key
from keystore import to_microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody should know."""

    id: str
    event: str
    about: tuple[str, ...]
    endpoint: str
    what: str
    run: str
    records: tuple[str, ...]
    since: datetime
    last: datetime
    times: int
    is_on: bool
    """Whether it lasts."""
    told_at: datetime | None
    """When people were told of it last."""
    notices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTo:
    """How far a notice has got on its way to one channel."""

    channel: str
    state: DeliveryState | None
    """None where the row was altered."""
    attempts: int
    at: datetime | None
    """The last attempt."""
    problem: str
    """Why it failed; empty where it did not."""


def known_alerts(
    engine: Engine, *, event: str | None = None, since: datetime | None = None, limit: int | None = None
) -> list[Alert]:
    """The alerts that are kept, of one `event` or all, found `since` then: those that last first, then the newest.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    query = select(alerts).order_by(alerts.c.is_on.desc(), alerts.c.last_at.desc(), alerts.c.id).limit(limit)
    if event is not None:
        query = query.where(alerts.c.event == event)
    if since is not None:
        query = query.where(alerts.c.last_at >= to_microseconds(since))
    with reading(engine) as connection:
        return [_alert(row) for row in connection.execute(query).mappings()]


def find_alert(engine: Engine, event: str, about: Sequence[str]) -> Alert | None:
    """The alert about that, where it is known.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        query = select(alerts).where(alerts.c.id == alert_key(event, about))
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _alert(row)


def told_notices(
    engine: Engine, since: datetime | None = None, limit: int | None = None
) -> list[tuple[Notice, tuple[ToldTo, ...]]]:
    """What was told, the newest first, each with the channels that it goes to; `since` and at most `limit`.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    query = select(alert_notices).order_by(alert_notices.c.made.desc(), alert_notices.c.id).limit(limit)
    if since is not None:
        query = query.where(alert_notices.c.made >= to_microseconds(since))
    with reading(engine) as connection:
        rows = connection.execute(query).mappings().all()
        of_notice: dict[str, list[ToldTo]] = {}
        ids = [row["id"] for row in rows]
        for start in range(0, len(ids), 500):
            mine = alert_deliveries.c.notice.in_(ids[start : start + 500])
            found = select(alert_deliveries).where(mine).order_by(alert_deliveries.c.channel)
            for delivery in connection.execute(found).mappings():
                of_notice.setdefault(delivery["notice"], []).append(_told_to(delivery))
    return [(notice_of(row), tuple(of_notice.get(row["id"], ()))) for row in rows]


def _alert(row: Mapping[Any, Any]) -> Alert:
    return Alert(
        id=row["id"],
        event=row["event"],
        about=listed(row["about"], "about"),
        endpoint=row["endpoint"],
        what=row["what"],
        run=row["run"],
        records=listed(row["records"], "records"),
        since=instant_or_epoch(row["first_at"]),
        last=instant_or_epoch(row["last_at"]),
        times=row["times"],
        is_on=row["is_on"],
        told_at=instant_or_epoch(row["told_at"]) if row["told_at"] else None,
        notices=row["notices"],
    )


def _told_to(row: Mapping[Any, Any]) -> ToldTo:
    known = {str(state): state for state in DeliveryState}
    return ToldTo(
        channel=row["channel"],
        state=known.get(row["state"]),
        attempts=row["attempts"],
        at=instant_or_epoch(row["at"]) if row["at"] else None,
        problem=row["problem"],
    )
