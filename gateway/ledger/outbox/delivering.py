"""Notices on their way: handed out to the channels that there are, tried again where that failed, and kept a while.

A notice counts as delivered once its channel has said so and that is committed: whoever is killed in between delivers
it once more, under the same id.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, reading, writing
from gateway.ledger.database.ledger_tables import alert_deliveries, alert_notices, alerts
from gateway.ledger.errors import LedgerUnavailable
from keystore import from_microseconds, to_microseconds

RETRY_SECONDS: Final = (5.0, 15.0, 60.0, 300.0, 900.0)
"""How long to wait after the first, the second, ... attempt that failed; after further ones as after the last."""
GIVE_UP_AFTER: Final = timedelta(days=3)
"""A notice that could not be delivered for so long is not tried again."""
KEPT: Final = timedelta(days=90)
"""How long notices, and alerts of which nothing was heard any more, are kept."""
_MOST: Final = 500
"""Notices that are handed out or removed in one transaction."""
_LONGEST_PROBLEM: Final = 300


class DeliveryState(StrEnum):
    """How far a notice has got."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What people are told once, as it goes to every channel."""

    id: str
    """The same at each attempt."""
    alert: str
    number: int
    """Counts what was told of the same alert, from 1."""
    event: str
    about: tuple[str, ...]
    endpoint: str
    what: str
    run: str
    records: tuple[str, ...]
    since: datetime
    last: datetime
    made: datetime
    times: int
    """How often it happened in all."""
    new_times: int
    """How often since it was told the last time."""
    is_over: bool
    """Whether it tells that something is over."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice that waits for its channel."""

    notice: Notice
    attempts: int


def hand_out(engine: Engine, channels: Collection[str], at: datetime) -> int:
    """Let every new notice wait for each of `channels`; how many notices that were.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    columns = alert_notices.c
    new = select(columns.id, columns.except_channel).where(columns.handed_out.is_(False)).limit(_MOST)
    with reading(engine) as connection:
        if connection.execute(new.limit(1)).one_or_none() is None:
            return 0
    now = to_microseconds(at)
    try:
        with writing(engine) as connection:
            found = connection.execute(new.with_for_update()).all()
            rows = [
                {
                    "notice": notice.id,
                    "channel": channel,
                    "state": str(DeliveryState.WAITING),
                    "attempts": 0,
                    "next_try": now,
                    "at": 0,
                    "problem": "",
                }
                for notice in found
                for channel in channels
                if channel != notice.except_channel
            ]
            if rows:
                connection.execute(insert(alert_deliveries), rows)
            ids = [notice.id for notice in found]
            connection.execute(update(alert_notices).where(columns.id.in_(ids)).values(handed_out=True))
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"alerts cannot be handed out: {explain(error, engine)}") from error
    return len(found)


def next_delivery(engine: Engine, channel: str, at: datetime) -> Delivery | None:
    """What `channel` is to be told next, where anything is due.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    columns = alert_deliveries.c
    longest = to_microseconds(at + timedelta(seconds=2 * RETRY_SECONDS[-1]))  # further ahead lies a clock set back
    is_due = (columns.next_try <= to_microseconds(at)) | (columns.next_try > longest)
    query = (
        select(alert_notices, columns.attempts)
        .join(alert_deliveries, columns.notice == alert_notices.c.id)
        .where(columns.state == str(DeliveryState.WAITING), columns.channel == channel, is_due)
        .order_by(columns.next_try, alert_notices.c.made, alert_notices.c.id)
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Delivery(notice_of(row), row["attempts"])


def note_delivery(engine: Engine, delivery: Delivery, channel: str, at: datetime, problem: str | None) -> DeliveryState:
    """Write down that `channel` took it, or why it did not; what becomes of it.

    Raises:
        LedgerUnavailable: The database cannot be written: it will be delivered once more.
    """
    now, columns = to_microseconds(at), alert_deliveries.c
    values: dict[str, Any] = {"attempts": delivery.attempts + 1, "at": now}
    if problem is None:
        state = DeliveryState.DELIVERED
        values["problem"] = ""
    else:
        state = DeliveryState.GIVEN_UP if at - delivery.notice.made > GIVE_UP_AFTER else DeliveryState.WAITING
        pause = RETRY_SECONDS[min(delivery.attempts, len(RETRY_SECONDS) - 1)]
        values |= {"problem": problem[:_LONGEST_PROBLEM], "next_try": now + int(pause * 1_000_000)}
    mine = (columns.notice == delivery.notice.id) & (columns.channel == channel)
    try:
        with writing(engine) as connection:
            connection.execute(update(alert_deliveries).where(mine).values(values | {"state": str(state)}))
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"the delivery of an alert cannot be noted: {explain(error, engine)}") from error
    return state


def waiting_deliveries(engine: Engine) -> Mapping[str, int]:
    """How many notices wait, by channel; of channels that are gone as well.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    columns = alert_deliveries.c
    query = select(columns.channel, func.count()).where(columns.state == str(DeliveryState.WAITING))
    with reading(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query.group_by(columns.channel))}


def tidy_outbox(engine: Engine, channels: Collection[str], at: datetime) -> int:
    """Remove what is old, and give up what waits for channels that are gone; how many notices were removed.

    Raises:
        LedgerUnavailable: The database cannot be written.
    """
    before, columns = to_microseconds(at - KEPT), alert_deliveries.c
    old = select(alert_notices.c.id).where(alert_notices.c.made < before).order_by(alert_notices.c.made).limit(_MOST)
    gone = (columns.state == str(DeliveryState.WAITING)) & columns.channel.not_in(channels)
    given_up = {"state": str(DeliveryState.GIVEN_UP), "problem": "the configuration has no such channel any more"}
    try:
        with writing(engine) as connection:
            connection.execute(update(alert_deliveries).where(gone).values(given_up))
            ids = connection.execute(old).scalars().all()
            connection.execute(delete(alert_deliveries).where(columns.notice.in_(ids)))
            connection.execute(delete(alert_notices).where(alert_notices.c.id.in_(ids)))
            is_stale = (alerts.c.last_at < before) & (alerts.c.told_at < before)
            connection.execute(delete(alerts).where(is_stale, alerts.c.is_on.is_(False)))
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"the outbox cannot be tidied up: {explain(error, engine)}") from error
    return len(ids)


def notice_of(row: Any) -> Notice:
    """The notice that a row of the table holds; of one that was altered, what can be read of it."""
    try:
        content = json.loads(row["content"])
    except (ValueError, RecursionError):
        content = {}
    content = content if isinstance(content, dict) else {}
    made = row["made"]

    def number(name: str, otherwise: int) -> int:
        value = content.get(name)
        return value if type(value) is int else otherwise

    return Notice(
        id=row["id"],
        alert=row["alert"],
        number=row["number"],
        event=str(content.get("event", "")),
        about=listed(content.get("about"), "about"),
        endpoint=str(content.get("endpoint", "")),
        what=str(content.get("what", "")),
        run=str(content.get("run", "")),
        records=listed(content.get("records"), "records"),
        since=instant_or_epoch(number("first_at", made)),
        last=instant_or_epoch(number("last_at", made)),
        made=instant_or_epoch(made),
        times=number("times", 1),
        new_times=number("new_times", 1),
        is_over=content.get("is_over") is True,
    )


def instant_or_epoch(value: int) -> datetime:
    """The instant; where it was altered to one that no calendar has, the beginning of the epoch."""
    try:
        return from_microseconds(value)
    except (OverflowError, ValueError):
        return from_microseconds(0)


def listed(text: object, name: str) -> tuple[str, ...]:
    """The texts that a column holds under `name` in its JSON; none where it was altered."""
    try:
        found = json.loads(str(text)).get(name)
    except (ValueError, RecursionError, AttributeError):
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()
