"""Pruning on PostgreSQL: whole months go, by dropping their partitions.

A month goes once every record in it may. Its records must be the beginning of their chains; where a clock was set back
a record of an earlier place may lie in a later month, and the months go together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, reading, writing
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.database.partitions import Month, drop_partition, partitions
from gateway.ledger.database.postgresql import allow_long
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.proof.checkpoints import Checkpoint, store_checkpoint, stored_checkpoint
from gateway.ledger.retention.announcing import Tell, announced, announcement, tell_and_wait
from keystore import from_microseconds, to_microseconds


@dataclass(frozen=True, slots=True)
class DroppedMonths:
    """What went, or in a rehearsal would go."""

    records: dict[str, int]
    """By endpoint."""
    until: datetime | None
    """The instant of the youngest record; None where there is none."""


def drop_months(engine: Engine, before: datetime, *, at: datetime, tell: Tell | None) -> DroppedMonths:
    """Drop every month that ended before `before`, as far as it is the beginning of all its chains.

    Args:
        engine: The ledger's database.
        before: Which months.
        at: Now; kept with the checkpoints.
        tell: Writes the events that announce what goes; None only counts.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written, or the lock on the table was not to be had in time.
    """
    with reading(engine) as connection:
        months = [month for month in partitions(connection) if month.next.start <= before]
        while months and not _are_beginnings(connection, months):
            months.pop()
        if not months:
            return DroppedMonths({}, None)
        dropped = _counted(connection, months)
        ends = list(_ends(connection, months, at))
        known = {} if tell is None else announced(connection)
        contents = [
            announcement(connection, end, known.get(end.writer, 0))
            for end in ends
            if tell is not None and end.sequence > known.get(end.writer, 0)
        ]
    if tell is None:
        return dropped
    for content in contents:
        tell_and_wait(tell, content)
    try:
        with writing(engine) as connection:
            allow_long(connection)
            if not _are_beginnings(connection, months) or list(_ends(connection, months, at)) != ends:
                return DroppedMonths({}, None)  # somebody else pruned, or wrote there: the next run looks again
            # In this order: a checkpoint stands on a record that is still there.
            for checkpoint in ends:
                store_checkpoint(connection, checkpoint)
            for month in months:
                drop_partition(connection, month)
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"old records could not be removed: {explain(error, engine)}") from error
    return dropped


def _within(months: Sequence[Month]) -> ColumnElement[bool]:
    columns = messages.c
    return or_(
        *(
            and_(columns.time >= to_microseconds(month.start), columns.time < to_microseconds(month.next.start))
            for month in months
        )
    )


def _are_beginnings(connection: Connection, months: Sequence[Month]) -> bool:
    """Whether of every writer the records of `months` are all that follow its checkpoint up to the last of them."""
    columns = messages.c
    found = connection.execute(
        select(columns.writer, func.max(columns.sequence).label("last"), func.count().label("records"))
        .where(_within(months))
        .group_by(columns.writer)
    )
    return all(row.last - stored_checkpoint(connection, row.writer).sequence == row.records for row in found.all())


def _counted(connection: Connection, months: Sequence[Month]) -> DroppedMonths:
    columns = messages.c
    rows = connection.execute(
        select(columns.endpoint, func.count().label("records"), func.max(columns.time).label("until"))
        .where(_within(months))
        .group_by(columns.endpoint)
    ).all()
    until = max((row.until for row in rows), default=None)
    return DroppedMonths(
        {row.endpoint: row.records for row in rows}, None if until is None else from_microseconds(until)
    )


def _ends(connection: Connection, months: Sequence[Month], at: datetime) -> Iterator[Checkpoint]:
    """The last record of every writer in `months`."""
    columns = messages.c
    last = (
        select(columns.writer, func.max(columns.sequence).label("sequence"))
        .where(_within(months))
        .group_by(columns.writer)
        .subquery()
    )
    place = and_(columns.writer == last.c.writer, columns.sequence == last.c.sequence)
    query = select(columns.writer, columns.sequence, columns.hash, columns.time).join_from(messages, last, place)
    query = query.order_by(columns.writer)
    for row in connection.execute(query).all():
        yield Checkpoint(row.writer, row.sequence, row.hash, from_microseconds(row.time), at)
