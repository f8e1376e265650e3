"""What the roll-ups count: which key verified what, what was rejected, how much came, and when anything was recorded.

The counts come from the hourly roll-ups, so that a question costs the same over a thousand messages as over a billion.
`since` therefore cuts at the hour: everything from the beginning of the hour (UTC) in which it lies is counted
(`gateway.ledger.start_of_hour`). First and last sightings are exact instants.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, Table, and_, case, func, or_, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, messages, traffic_hourly
from gateway.ledger.hours import MICROSECONDS_PER_HOUR, hour_of
from gateway.ledger.read.stored_records import names_entry
from gateway.ledger.record import How
from gateway.verify import Outcome
from keystore import KeyId, Thumbprint, from_microseconds, to_microseconds


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One certificate in one cell (endpoint, operation)."""

    endpoint: str
    operation: str | None
    alias: str
    """The alias it had when it was seen last."""
    key_id: KeyId
    thumbprint: Thumbprint
    how: How
    messages: int
    share: float
    """Of the accepted messages of the cell, 0 to 1; for `recognised`, of the rejected ones.
    Certificates over one key verify the same messages: their shares add up to more than 1."""
    first_seen: datetime
    last_seen: datetime


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
class TrafficRow:
    """All messages of one cell, kind, outcome and reason."""

    endpoint: str
    operation: str | None
    kind: str
    outcome: str
    reason: str | None
    released: bool
    messages: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Succession:
    """How often certificates were seen in a cell strictly after an instant."""

    messages: int
    first: datetime | None
    """The first of these messages."""
    exact: bool
    """False where records of the instant's own hour have been removed, or several certificates share the key: then
    `messages` is the least number that is certain."""


def usage(
    engine: Engine, endpoint: str | None = None, since: datetime | None = None, how: How = How.VERIFIED
) -> list[UsageRow]:
    """Which certificate verified how many messages (or was recognised in how many rejections), per cell."""
    outcome = Outcome.ACCEPTED if how is How.VERIFIED else Outcome.REJECTED
    keys = key_usage_hourly.c
    identity = (keys.endpoint, keys.operation, keys.thumbprint, keys.key_id, keys.alias)
    query = _summed(key_usage_hourly, identity, endpoint, since).where(keys.how == str(how))
    total_cell = (traffic_hourly.c.endpoint, traffic_hourly.c.operation)
    total_query = _summed(traffic_hourly, total_cell, endpoint, since).where(traffic_hourly.c.outcome == str(outcome))
    with reading(engine) as connection:
        found = connection.execute(query).all()
        totals = {(row.endpoint, row.operation): int(row.messages) for row in connection.execute(total_query)}
    merged: dict[tuple[str, str, str], UsageRow] = {}
    for row in sorted(found, key=lambda row: row.last_seen):
        key = (row.endpoint, row.operation, row.thumbprint)
        # An entry that was renamed stands in the roll-ups under both aliases: one row, the newer alias.
        earlier = merged.get(key)
        count = int(row.messages) + (earlier.messages if earlier else 0)
        first = from_microseconds(row.first_seen)
        merged[key] = UsageRow(
            endpoint=row.endpoint,
            operation=row.operation or None,
            alias=row.alias,
            key_id=KeyId(row.key_id),
            thumbprint=Thumbprint(row.thumbprint),
            how=how,
            messages=count,
            share=count / max(count, totals.get((row.endpoint, row.operation), 0)),
            first_seen=min(first, earlier.first_seen) if earlier else first,
            last_seen=from_microseconds(row.last_seen),
        )
    return sorted(merged.values(), key=lambda r: (r.endpoint, r.operation or "", -r.messages, r.thumbprint))


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
    engine: Engine, endpoint: str | None = None, since: datetime | None = None, limit: int | None = None
) -> Rejections:
    """How many messages were rejected for which reason, per cell: the `limit` most frequent ones."""
    columns = traffic_hourly.c
    released = func.sum(case((columns.released, columns.messages), else_=0)).label("released")
    query = _summed(traffic_hourly, (columns.endpoint, columns.operation, columns.reason), endpoint, since)
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


def traffic(engine: Engine, endpoint: str | None = None, since: datetime | None = None) -> list[TrafficRow]:
    """Every message that passed or was refused, by cell, kind, outcome and reason."""
    columns = traffic_hourly.c
    identity = (columns.endpoint, columns.operation, columns.kind, columns.outcome, columns.reason, columns.released)
    with reading(engine) as connection:
        rows = [
            TrafficRow(
                endpoint=row.endpoint,
                operation=row.operation or None,
                kind=row.kind,
                outcome=row.outcome,
                reason=row.reason or None,
                released=row.released,
                messages=int(row.messages),
                first_seen=from_microseconds(row.first_seen),
                last_seen=from_microseconds(row.last_seen),
            )
            for row in connection.execute(_summed(traffic_hourly, identity, endpoint, since))
        ]
    # Sorted here, for the database may sort by the rules of some language.
    return sorted(rows, key=lambda r: (r.endpoint, r.operation or "", r.kind, r.outcome, r.reason or "", r.released))


def seen_after(
    engine: Engine,
    endpoint: str,
    operation: str | None,
    thumbprints: Sequence[str],
    after: datetime,
    how: How = How.VERIFIED,
) -> Succession:
    """How many messages of a cell the certificates verified after the instant `after`, and the first of them.

    Whole hours come from the roll-ups, the hour in which `after` lies from its records. Give only
    certificates over one key: a message that several of them verified counts once.
    """
    if not thumbprints:
        return Succession(0, None, exact=True)
    moment = to_microseconds(after)
    hour = hour_of(moment)
    keys = key_usage_hourly.c
    in_cell = and_(
        keys.endpoint == endpoint,
        keys.operation == (operation or ""),
        keys.how == str(how),
        keys.thumbprint.in_(list(thumbprints)),
    )
    per_hour = (
        select(keys.hour, func.max(keys.messages).label("messages"), func.min(keys.first_seen).label("first_seen"))
        .where(in_cell)
        .group_by(keys.hour)
        .subquery()
    )
    later = select(func.coalesce(func.sum(per_hour.c.messages), 0), func.min(per_hour.c.first_seen)).where(
        per_hour.c.hour > hour
    )
    boundary = select(func.coalesce(func.sum(per_hour.c.messages), 0)).where(per_hour.c.hour == hour)
    column = messages.c.verified_by if how is How.VERIFIED else messages.c.recognised
    of_the_hour = select(
        func.count(),
        func.coalesce(func.sum(case((messages.c.time > moment, 1), else_=0)), 0),
        func.min(case((messages.c.time > moment, messages.c.time))),
    ).where(
        messages.c.endpoint == endpoint,
        messages.c.operation == (operation or ""),
        messages.c.time >= hour * MICROSECONDS_PER_HOUR,
        messages.c.time < (hour + 1) * MICROSECONDS_PER_HOUR,
        or_(*(names_entry(column, thumbprint) for thumbprint in thumbprints)),
    )
    with reading(engine) as connection:
        later_count, later_first = connection.execute(later).one()
        expected = int(connection.execute(boundary).scalar_one())
        in_hour, in_hour_after, in_hour_first = connection.execute(of_the_hour).one()
    first = in_hour_first if in_hour_first is not None else later_first
    return Succession(
        messages=int(later_count) + int(in_hour_after),
        first=None if first is None else from_microseconds(first),
        exact=len(set(thumbprints)) == 1 and int(in_hour) == expected,
    )


def _summed(
    table: Table, identity: Sequence[ColumnElement[Any]], endpoint: str | None, since: datetime | None
) -> Select[Any]:
    query = select(
        *identity,
        func.sum(table.c.messages).label("messages"),
        func.min(table.c.first_seen).label("first_seen"),
        func.max(table.c.last_seen).label("last_seen"),
    ).group_by(*identity)
    if endpoint is not None:
        query = query.where(table.c.endpoint == endpoint)
    if since is not None:
        query = query.where(table.c.hour >= hour_of(to_microseconds(since)))
    return query


def recorded_hours(engine: Engine) -> list[datetime]:
    """The beginnings of all hours (UTC) in which a message was recorded at any endpoint, oldest first.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    query = select(traffic_hourly.c.hour).distinct().order_by(traffic_hourly.c.hour)
    with reading(engine) as connection:
        return [from_microseconds(hour * MICROSECONDS_PER_HOUR) for hour in connection.execute(query).scalars()]
