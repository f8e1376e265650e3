"""The records of an hour from an instant in it on, counted as the roll-ups count whole hours, for exact reports.

By the ledger's clock, like the roll-ups.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, func, select

from gateway.ledger.counts import Counts
from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import messages, traffic_hourly
from gateway.ledger.hours import MICROSECONDS_PER_HOUR, hour_of, start_of_hour
from gateway.ledger.recorded_operations import operations_on_record
from gateway.ledger.uses import count_row
from gateway.present import OTHER_OPERATIONS
from keystore import to_microseconds

_OFF_AT_MOST: Final = 120_000_000
"""Microseconds by which a writer's clock may be off for its records to be found by their own instants."""
_AT_ONCE: Final = 1000
"""Records that are read at a time."""


def exact_beginning(engine: Engine, since: datetime, endpoint: str | None = None) -> datetime:
    """Where counts since `since` can begin: there, or with its hour, where not all records of that are there any more.

    Raises:
        DatabaseUnavailable: The database cannot be read, or holds no ledger.
    """
    begin = start_of_hour(since)
    if begin == since:
        return since
    counted = traffic_hourly.c
    rolled_up = select(func.coalesce(func.sum(counted.messages), 0)).where(
        counted.hour == hour_of(to_microseconds(since))
    )
    # A record from before signers were recorded cannot be counted by them.
    recorded = select(func.count()).where(*_of_hour(begin, endpoint), messages.c.signers.is_not(None))
    if endpoint is not None:
        rolled_up = rolled_up.where(counted.endpoint == endpoint)
    with reading(engine) as connection:
        is_whole = connection.execute(rolled_up).scalar_one() == connection.execute(recorded).scalar_one()
    return since if is_whole else begin


def rest_of_hour(connection: Connection, since: datetime, endpoint: str | None = None) -> Counts:
    """What was counted from `since` to the end of its hour, where all records of that are there.

    Args:
        connection: In whose transaction.
        since: An instant; at the beginning of an hour it gives the whole of it.
        endpoint: Only this one.
    """
    columns = messages.c
    query = select(
        *(columns.endpoint, columns.operation, columns.server, columns.kind, columns.outcome, columns.reason),
        *(columns.released, columns.signers, columns.time, columns.clock_offset),
    ).where(*_of_hour(since, endpoint), _instant() >= to_microseconds(since))
    counts = Counts()
    names: dict[tuple[str, str], str] = {}
    result = connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings()
    for rows in result.partitions():
        _name(connection, names, rows)
        for row in rows:
            operation = names[row["endpoint"], row["operation"]]
            counts.traffic.count_row(row, operation, row["time"] + (row["clock_offset"] or 0))
            count_row(counts.uses, row, operation)
    return counts


def _instant() -> ColumnElement[int]:
    """When a record was made, by the ledger's clock."""
    return messages.c.time + func.coalesce(messages.c.clock_offset, 0)


def _of_hour(within: datetime, endpoint: str | None) -> list[ColumnElement[bool]]:
    """The records of the hour in which `within` lies."""
    begin = hour_of(to_microseconds(within)) * MICROSECONDS_PER_HOUR
    end, instant = begin + MICROSECONDS_PER_HOUR, _instant()
    found: list[ColumnElement[bool]] = [
        # For the index. A clock that was off by more has its records missing here: then the hour is not whole.
        messages.c.time >= begin - _OFF_AT_MOST,
        messages.c.time < end + _OFF_AT_MOST,
        instant >= begin,
        instant < end,
    ]
    return found if endpoint is None else [*found, messages.c.endpoint == endpoint]


def _name(connection: Connection, names: dict[tuple[str, str], str], rows: Iterable[RowMapping]) -> None:
    """Find out under which names the operations of `rows` are counted."""
    new: dict[str, set[str]] = {}
    for row in rows:
        cell = row["endpoint"], row["operation"]
        if cell not in names:
            new.setdefault(cell[0], set()).add(cell[1])
    for endpoint, operations in new.items():
        known = operations_on_record(connection, endpoint, operations - {""}) | {""}
        for operation in operations:
            names[endpoint, operation] = operation if operation in known else OTHER_OPERATIONS
