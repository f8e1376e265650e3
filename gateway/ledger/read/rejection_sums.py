"""What the roll-ups count of rejections; and, where it is to be exact, the records of the hour in which it begins.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine, case, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import traffic_hourly
from gateway.ledger.hours import end_of_hours, start_of_hour
from gateway.ledger.read.rest_of_hour import rest_of_hour
from gateway.ledger.read.roll_up_sums import summed
from gateway.verify import Outcome
from keystore import from_microseconds


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """One reason in one cell."""

    endpoint: str
    operation: str | None
    reason: str
    messages: int
    released: int
    """How many of them went to the client all the same: mode `observe`."""
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Rejections:
    """The most frequent rejections, and how many there are besides."""

    rows: tuple[RejectionRow, ...]
    """By endpoint, within it the most frequent first."""
    more: int
    """Further combinations of cell and reason that are not among `rows`."""
    messages: int
    """All rejected messages, those of the rows that are left out included."""
    released: int
    """Those of them that went to the client all the same."""


def rejections(
    engine: Engine,
    endpoint: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
    *,
    until: datetime | None = None,
    exact: bool = False,
) -> Rejections:
    """How many messages were rejected for which reason, per cell: the `limit` most frequent ones.

    `until` and `exact` are as in `usage`.
    """
    if exact and since is not None and since != start_of_hour(since):
        return _exact_rejections(engine, endpoint, since, until, limit)
    columns = traffic_hourly.c
    released = func.sum(case((columns.released, columns.messages), else_=0)).label("released")
    query = summed(traffic_hourly, (columns.endpoint, columns.operation, columns.reason), endpoint, since, until)
    query = query.add_columns(released).where(columns.outcome == str(Outcome.REJECTED))
    found = query.subquery()
    sums = select(func.count(), *(func.coalesce(func.sum(c), 0) for c in (found.c.messages, found.c.released)))
    listed = select(found).order_by(found.c.messages.desc(), found.c.endpoint, found.c.operation, found.c.reason)
    with reading(engine) as connection:
        count, messages_in_all, released_in_all = connection.execute(sums.select_from(found)).one()
        rows = [
            RejectionRow(
                endpoint=row.endpoint,
                operation=row.operation or None,
                reason=row.reason,
                messages=int(row.messages),
                released=int(row.released),
                first_seen=from_microseconds(row.first_seen),
                last_seen=from_microseconds(row.last_seen),
            )
            for row in connection.execute(listed.limit(limit))
        ]
    rows.sort(key=lambda r: (r.endpoint, -r.messages, r.operation or "", r.reason))
    return Rejections(tuple(rows), count - len(rows), int(messages_in_all), int(released_in_all))


def _exact_rejections(
    engine: Engine, endpoint: str | None, since: datetime, until: datetime | None, limit: int | None
) -> Rejections:
    """The rejections of whole hours with those of the rest of the hour before them, which the database cannot join."""
    whole = rejections(engine, endpoint, end_of_hours(since), until=until)
    found = {(row.endpoint, row.operation or "", row.reason): row for row in whole.rows}
    with reading(engine) as connection:
        rest = rest_of_hour(connection, since, endpoint).traffic
    for (name, operation, _, outcome, reason, released, _), (count, first, last) in rest.counts.items():
        if outcome != Outcome.REJECTED:
            continue
        key = name, operation, reason
        made = RejectionRow(
            endpoint=name,
            operation=operation or None,
            reason=reason,
            messages=count,
            released=count if released else 0,
            first_seen=from_microseconds(first),
            last_seen=from_microseconds(last),
        )
        known = found.get(key)
        found[key] = (
            made
            if known is None
            else replace(
                known,
                messages=known.messages + made.messages,
                released=known.released + made.released,
                first_seen=min(known.first_seen, made.first_seen),
                last_seen=max(known.last_seen, made.last_seen),
            )
        )
    listed = sorted(found.values(), key=lambda r: (-r.messages, r.endpoint, r.operation or "", r.reason))
    rows = sorted(listed[:limit], key=lambda r: (r.endpoint, -r.messages, r.operation or "", r.reason))
    in_all, released_in_all = sum(row.messages for row in listed), sum(row.released for row in listed)
    return Rejections(tuple(rows), len(listed) - len(rows), in_all, released_in_all)
