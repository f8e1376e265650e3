"""What the receivers failed with, counted from the records: the roll-ups hold no sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.read.stored_records import RecordFilter, conditions
from gateway.vocabulary import RecordedOutcome
from keystore import from_microseconds


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One failure of one endpoint's receiver, in the words of its records."""

    endpoint: str
    detail: str
    upstream_status: int | None
    messages: int
    first_seen: datetime
    last_seen: datetime
    record: str
    """The id of the last one."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The most frequent failures, and how many there are besides."""

    rows: tuple[FailureRow, ...]
    """By endpoint, within it the latest first."""
    more: int
    """Further ones that are not among `rows`."""
    messages: int
    """All failures, those of the rows that are left out included."""


def failures(engine: Engine, wanted: RecordFilter, limit: int | None = None) -> Failures:
    """What failed among the records that fit `wanted`, whatever outcome that names; the `limit` most frequent ones.

    Raises:
        DatabaseUnavailable: The database cannot be read or holds no ledger.
    """
    columns = messages.c
    failed = replace(wanted, outcome=str(RecordedOutcome.FAILED))
    identity = (columns.endpoint, columns.detail, columns.upstream_status)
    query = select(
        *identity,
        func.count().label("messages"),
        func.min(columns.time).label("first_seen"),
        func.max(columns.time).label("last_seen"),
        func.max(columns.id).label("record"),  # ids grow with time
    )
    found = query.where(*conditions(failed)).group_by(*identity).subquery()
    listed = select(found).order_by(found.c.messages.desc(), found.c.endpoint, found.c.detail, found.c.upstream_status)
    sums = select(func.count(), func.coalesce(func.sum(found.c.messages), 0)).select_from(found)
    with reading(engine) as connection:
        count, in_all = connection.execute(sums).one()
        rows = [
            FailureRow(
                endpoint=row.endpoint,
                detail=row.detail,
                upstream_status=row.upstream_status,
                messages=int(row.messages),
                first_seen=from_microseconds(row.first_seen),
                last_seen=from_microseconds(row.last_seen),
                record=row.record,
            )
            for row in connection.execute(listed.limit(limit))
        ]
    return Failures(_sorted(rows), count - len(rows), int(in_all))


def _sorted(rows: Sequence[FailureRow]) -> tuple[FailureRow, ...]:
    latest = sorted(rows, key=lambda row: row.last_seen, reverse=True)
    return tuple(sorted(latest, key=lambda row: row.endpoint))
