"""What the roll-ups count: which key verified what, what was rejected, how much came, and when anything was recorded.

The counts come from the hourly roll-ups, so that a question costs the same over a thousand messages as over a billion.
`since` therefore cuts at the hour: everything from the beginning of the hour (UTC) in which it lies is counted
(`gateway.ledger.start_of_hour`), unless `exact` is set: then the rest of that hour is counted from its records. First
and last sightings are exact instants.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

from collections.abc import Collection, Iterator, Sequence
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
    cast,
    func,
    null,
    select,
)

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, key_uses_hourly, traffic_hourly
from gateway.ledger.hours import end_of_hours, hour_of, start_of_hour
from gateway.ledger.read.rest_of_hour import rest_of_hour
from gateway.ledger.read.unrecorded import unrecorded_uses
from gateway.ledger.record import Role
from gateway.ledger.uses import Uses
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
    exact: bool = False,
) -> list[UsageRow]:
    """Which certificate's key signed how many messages, per cell, role and outcome; by endpoint and operation.

    What was counted before roles were told apart comes with the role `Role.EARLIER`; what could not be recorded with
    the outcome `failed`, in rows of its own, at the instant at which it was told, and with no messages where nobody
    knows whether there was one.

    Args:
        engine: The ledger's database.
        endpoint: Of this one only.
        since: From the beginning of the hour of this instant on.
        until: The hour of this instant is the last one that is counted.
        keys: Of these keys only.
        gaps: Find out the longest gaps as well, for which every hour of a cell is held against the one before it; not
            together with `exact`.
        exact: Begin with the instant `since` itself, which `gateway.ledger.exact_beginning` has given.
    """
    columns = traffic_hourly.c
    beginning = since
    if exact and since is not None and since != start_of_hour(since):
        since = end_of_hours(since)
    identity = (columns.endpoint, columns.operation, columns.outcome)
    totals_query = summed(traffic_hourly, identity, endpoint, since, until)
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
                found.append(made)
        if beginning is not None and beginning != since:
            rest = rest_of_hour(connection, beginning, endpoint)
            found = _with_rest(found, rest.uses, keys)
            for (name, operation, _, outcome, *_), (count, *_) in rest.traffic.counts.items():
                totals[name, operation, outcome] = totals.get((name, operation, outcome), 0) + count
        for made in _rows_of(unrecorded_uses(connection, endpoint, beginning, until), keys):
            # Nobody knows when they came, only that it was before they were told.
            found.append(replace(made, longest_gap=made.last_seen - made.first_seen if gaps else timedelta()))
    for number, made in enumerate(found):
        total = totals.get((made.endpoint, made.operation or "", made.outcome), 0)
        found[number] = replace(made, share=made.messages / max(made.messages, total, 1))
    return sorted(found, key=lambda r: (r.endpoint, r.operation or "", r.server, -r.messages, r.thumbprint, r.role))


def _with_rest(found: list[UsageRow], uses: Uses, keys: Collection[KeyId] | None) -> list[UsageRow]:
    """The rows of whole hours, with the uses of the rest of the hour before them."""
    rows = {_cell(row): row for row in found}
    for made in _rows_of(uses, keys):
        known = rows.get(_cell(made))
        rows[_cell(made)] = made if known is None else _both(made, known)
    return list(rows.values())


def _cell(row: UsageRow) -> tuple[str, ...]:
    return row.endpoint, row.operation or "", row.server, str(row.thumbprint), str(row.role), str(row.outcome)


def _rows_of(uses: Uses, keys: Collection[KeyId] | None) -> Iterator[UsageRow]:
    """Counts as rows; the share is still to be said."""
    for (endpoint, operation, server, thumbprint, key_id, alias, role, outcome), counted in uses.by_cell().items():
        if keys is not None and key_id not in keys:
            continue
        count, first, last, signed = counted
        yield UsageRow(
            endpoint=endpoint,
            operation=operation or None,
            server=server,
            alias=alias,
            key_id=KeyId(key_id),
            thumbprint=Thumbprint(thumbprint),
            role=Role(role),
            outcome=RecordedOutcome(outcome),
            messages=count or 0,
            share=0.0,
            first_seen=from_microseconds(first or 0),
            last_seen=from_microseconds(last or 0),
            last_signed=optional_instant(signed),
            longest_gap=timedelta(),
        )


def _both(earlier: UsageRow, later: UsageRow) -> UsageRow:
    """One certificate in one cell, in two times of which the second one follows the first."""
    signed = [one.last_signed for one in (earlier, later) if one.last_signed is not None]
    return replace(
        later,
        messages=earlier.messages + later.messages,
        first_seen=min(earlier.first_seen, later.first_seen),
        last_seen=max(earlier.last_seen, later.last_seen),
        last_signed=max(signed, default=None),
    )


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
            for row in connection.execute(summed(traffic_hourly, identity, endpoint, since))
        ]
    # Sorted here, for the database may sort by the rules of some language.
    return sorted(rows, key=lambda r: (r.endpoint, r.operation or "", r.kind, r.outcome, r.reason or "", r.released))


def summed(
    table: Table,
    identity: Sequence[ColumnElement[Any]],
    endpoint: str | None,
    since: datetime | None,
    until: datetime | None = None,
) -> Select[Any]:
    """The counts of each `identity`, of one endpoint or all, from the hour of `since` to that of `until`."""
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
    if until is not None:
        query = query.where(table.c.hour <= hour_of(to_microseconds(until)))
    return query
