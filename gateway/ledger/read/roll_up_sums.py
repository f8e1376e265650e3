"""What the roll-ups count: which key verified what, what was rejected, how much came, and when anything was recorded.

The counts come from the hourly roll-ups, so that a question costs the same over a thousand messages as over a billion.
`since` therefore cuts at the hour: everything from the beginning of the hour (UTC) in which it lies is counted
(`gateway.ledger.start_of_hour`). First and last sightings are exact instants.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    Row,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    null,
    select,
)

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, key_uses_hourly, traffic_hourly
from gateway.ledger.hours import hour_of
from gateway.ledger.record import Role
from gateway.verify import Outcome
from gateway.vocabulary import RecordedOutcome
from keystore import KeyId, Thumbprint, from_microseconds, optional_instant, to_microseconds


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One certificate in one cell (endpoint, operation, answering server), in one role and with one outcome.

    Instants are those of the ledger's clock.
    """

    endpoint: str
    operation: str | None
    server: str
    """Empty where the endpoint does not tell its servers apart."""
    alias: str
    """The alias it had when it was seen last."""
    key_id: KeyId
    thumbprint: Thumbprint
    role: Role
    outcome: RecordedOutcome
    messages: int
    share: float
    """Of the messages of the cell that came to the same outcome, 0 to 1. Certificates over one key sign the same
    messages: their shares add up to more than 1."""
    first_seen: datetime
    last_seen: datetime
    last_signed: datetime | None
    """The latest Created of a Timestamp that its signatures covered, by the signer's clock; None where none did."""
    longest_gap: timedelta
    """The longest time without such a message between two of them; what lies within one hour is not looked at. Zero
    where it was not asked for."""


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


def usage(
    engine: Engine,
    endpoint: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    keys: Collection[KeyId] | None = None,
    gaps: bool = False,
) -> list[UsageRow]:
    """Which certificate's key signed how many messages, per cell, role and outcome; by endpoint and operation.

    What was counted before roles were told apart comes with the role `Role.EARLIER`.

    Args:
        engine: The ledger's database.
        endpoint: Of this one only.
        since: From the beginning of the hour of this instant on.
        until: The hour of this instant is the last one that is counted.
        keys: Of these keys only.
        gaps: Find out the longest gaps as well, for which every hour of a cell is held against the one before it.
    """
    columns = traffic_hourly.c
    totals_query = _summed(traffic_hourly, (columns.endpoint, columns.operation, columns.outcome), endpoint, since)
    if until is not None:
        totals_query = totals_query.where(columns.hour <= hour_of(to_microseconds(until)))
    found: list[UsageRow] = []
    with reading(engine) as connection:
        totals = {
            (row.endpoint, row.operation, row.outcome): int(row.messages) for row in connection.execute(totals_query)
        }
        for table in (key_uses_hourly, key_usage_hourly):
            # The cell is the primary key without the hour. In its order the database reads the index from end to end,
            # and sorts nothing.
            cell = [column for column in table.primary_key.columns if column.name != "hour"]
            narrowing = _narrowing(table, endpoint, since, until, keys)
            longest: dict[tuple[Any, ...], int] = {}
            if gaps:
                for row in connection.execute(_gaps(table, cell, narrowing)):
                    longest[tuple(row[:-1])] = row.gap or 0
            for row in connection.execute(_uses(table, cell, narrowing)):
                made = _usage_row(row, longest.get(tuple(row[: len(cell)]), 0))
                total = totals.get((row.endpoint, row.operation, made.outcome), 0)
                found.append(replace(made, share=made.messages / max(made.messages, total)))
    return sorted(found, key=lambda r: (r.endpoint, r.operation or "", r.server, -r.messages, r.thumbprint, r.role))


def _narrowing(
    table: Table,
    endpoint: str | None,
    since: datetime | None,
    until: datetime | None,
    keys: Collection[KeyId] | None,
) -> list[ColumnElement[bool]]:
    narrowing = []
    if endpoint is not None:
        narrowing.append(table.c.endpoint == endpoint)
    if since is not None:
        narrowing.append(table.c.hour >= hour_of(to_microseconds(since)))
    if until is not None:
        narrowing.append(table.c.hour <= hour_of(to_microseconds(until)))
    if keys is not None:
        narrowing.append(table.c.key_id.in_(sorted(keys)))
    return narrowing


def _uses(table: Table, cell: Sequence[Column[Any]], narrowing: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Each cell summed up, with what its certificate was called in its last hour."""
    hours = table.c
    sums = (
        select(
            *cell,
            func.sum(hours.messages).label("messages"),
            func.min(hours.first_seen).label("first_seen"),
            func.max(hours.last_seen).label("last_seen"),
            func.max(hours.hour).label("last_hour"),
            (func.max(hours.last_signed) if "last_signed" in hours else cast(null(), BigInteger)).label("last_signed"),
        )
        .where(*narrowing)
        .group_by(*cell)
        .subquery()
    )
    named = table.alias()
    same = (sums.c[column.name] == named.c[column.name] for column in cell)
    return select(sums, named.c.key_id, named.c.alias).join_from(
        sums, named, and_(*same, sums.c.last_hour == named.c.hour)
    )


def _gaps(table: Table, cell: Sequence[Column[Any]], narrowing: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Of each cell the longest time between an hour in which there was something and the one before it."""
    hours = table.c
    before = func.lag(hours.last_seen).over(partition_by=cell, order_by=hours.hour)
    found = select(*cell, (hours.first_seen - before).label("gap")).where(*narrowing).subquery()
    same = [found.c[column.name] for column in cell]
    return select(*same, func.max(found.c.gap).label("gap")).group_by(*same)


def _usage_row(row: Row[Any], gap: int) -> UsageRow:
    """A cell of either roll-up; the share is still to be said."""
    if "how" in row._fields:
        outcome = RecordedOutcome.ACCEPTED if row.how == "verified" else RecordedOutcome.REJECTED
        server, role = "", Role.EARLIER
    else:
        outcome, server, role = RecordedOutcome(row.outcome), row.server, Role(row.role)
    return UsageRow(
        endpoint=row.endpoint,
        operation=row.operation or None,
        server=server,
        alias=row.alias,
        key_id=KeyId(row.key_id),
        thumbprint=Thumbprint(row.thumbprint),
        role=role,
        outcome=outcome,
        messages=int(row.messages),
        share=0.0,
        first_seen=from_microseconds(row.first_seen),
        last_seen=from_microseconds(row.last_seen),
        last_signed=optional_instant(row.last_signed),
        longest_gap=timedelta(microseconds=int(gap)),
    )


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
