"""The hash chains, verified."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, exists, func, select

from gateway.ledger.chain import START, Link, digest
from gateway.ledger.connections import reading
from gateway.ledger.encoding import Row
from gateway.ledger.tables import chains, messages


class ChainState(StrEnum):
    """What the verification of a chain found."""

    INTACT = "intact"
    ALTERED = "altered"
    """A row does not match its hash, or does not continue the row before it."""
    MISSING = "missing"
    """A row that was written is gone."""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One writer's chain, verified."""

    writer: str
    instance: str
    state: ChainState
    rows: int
    """Rows that were found good, up to the first finding."""
    sequence: int | None
    """Where the first finding is; None in an intact chain."""
    record_id: str | None
    """The record that is altered, or the first one behind the gap; None where there is none."""


def verify_chain(engine: Engine) -> tuple[ChainReport, ...]:
    """Verify every writer's chain, in one pass over all records and in constant memory.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        heads = connection.execute(select(chains)).all()
        without_head = (
            select(messages.c.writer, func.min(messages.c.instance).label("instance"))
            .where(~exists().where(chains.c.writer == messages.c.writer))
            .group_by(messages.c.writer)
        )
        orphans = connection.execute(without_head).all()
        reports = [
            _verify_one(connection, head.writer, head.instance, Link(head.writer, head.sequence, head.hash))
            for head in heads
        ]
        reports += [_verify_one(connection, orphan.writer, orphan.instance, None) for orphan in orphans]
    return tuple(sorted(reports, key=lambda report: (report.instance, report.writer)))


def _verify_one(connection: Connection, writer: str, instance: str, head: Link | None) -> ChainReport:
    query = select(messages).where(messages.c.writer == writer).order_by(messages.c.sequence)
    rows = connection.execution_options(yield_per=500).execute(query).mappings()
    return _walk(writer, instance, head, (dict(row) for row in rows))


def _walk(writer: str, instance: str, head: Link | None, rows: Iterable[Row]) -> ChainReport:
    expected, previous = 1, START
    for row in rows:
        if row["sequence"] != expected:
            return ChainReport(writer, instance, ChainState.MISSING, expected - 1, expected, row["id"])
        if row["previous_hash"] != previous or row["hash"] != _digest_or_none(previous, row):
            return ChainReport(writer, instance, ChainState.ALTERED, expected - 1, expected, row["id"])
        expected, previous = expected + 1, row["hash"]
    if head is None or head.sequence < expected - 1:
        # Rows beyond the head, or no head: someone changed the table of heads.
        return ChainReport(writer, instance, ChainState.ALTERED, expected - 1, expected - 1, None)
    if head.sequence > expected - 1:
        return ChainReport(writer, instance, ChainState.MISSING, expected - 1, expected, None)
    state = ChainState.INTACT if head.hash == previous else ChainState.ALTERED
    return ChainReport(
        writer, instance, state, expected - 1, None if state is ChainState.INTACT else expected - 1, None
    )


def _digest_or_none(previous: str, row: Row) -> str | None:
    try:
        return digest(previous, row)
    except (TypeError, ValueError):
        return None  # a value of a type that was never written
