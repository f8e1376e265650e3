"""Pruning on PostgreSQL: whole months go, by dropping their partitions.

A month goes once every record in it may. Its records must be the beginning of their chains; where a clock was set back
a record of an earlier place may lie in a later month, and the months go together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, writing
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.database.partitions import Month, drop_partition, partitions
from gateway.ledger.database.postgresql import allow_long
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.proof.checkpoints import Checkpoint, store_checkpoint, stored_checkpoint
from keystore import from_microseconds, to_microseconds


@dataclass(frozen=True, slots=True)
class DroppedMonths:
    """What went, or in a rehearsal would go."""

    records: dict[str, int]
    """By endpoint."""
    until: datetime | None
    """The instant of the youngest record; None where there is none."""


def drop_months(engine: Engine, before: datetime, *, at: datetime, rehearse: bool) -> DroppedMonths:
    """Drop every month that ended before `before`, as far as it is the beginning of all its chains.

    Raises:
        LedgerUnavailable: The database cannot be written, or the lock on the table was not to be had in time.
    """
    try:
        with writing(engine) as connection:
            allow_long(connection)
            months = [month for month in partitions(connection) if month.next.start <= before]
            while months and not _are_beginnings(connection, months):
                months.pop()
            if not months:
                return DroppedMonths({}, None)
            dropped = _counted(connection, months)
            if not rehearse:
                # In this order: a checkpoint stands on a record that is still there.
                for checkpoint in _ends(connection, months, at):
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
    for row in connection.execute(query).all():
        yield Checkpoint(row.writer, row.sequence, row.hash, from_microseconds(row.time), at)
