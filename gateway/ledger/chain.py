"""The hash chain: each row carries SHA-256 over the previous row's hash and its own content, one chain per writer.

An altered row no longer matches its hash; a removed row leaves a gap in the sequence; rows removed at the end are
missed by the head, which is kept apart. Against someone who can rewrite the whole database it helps only together
with a hash written down elsewhere.
"""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, exists, func, select
from sqlalchemy.dialects.sqlite import insert

from gateway.ledger.connections import reading
from gateway.ledger.encoding import Row, canonical
from gateway.ledger.tables import chains, messages

_START = "0" * 64
"""What the first row of a chain has as its previous hash."""
_ADDED_LATER = frozenset({"embedded", "second_opinion"})
"""Columns younger than the first schema: left out where they are NULL, so that older rows keep their digests."""


@dataclass(frozen=True, slots=True)
class Link:
    """The last row of a chain: who wrote it, the how manieth it is, its hash."""

    writer: str
    sequence: int
    hash: str

    @classmethod
    def first(cls) -> "Link":
        """The beginning of a new chain, of a new writer."""
        return cls(str(uuid.uuid4()), 0, _START)

    def extend(self, row: Row) -> "Link":
        """Add the chain's columns to `row` and return the new end."""
        sequence = self.sequence + 1
        row["writer"], row["sequence"] = self.writer, sequence
        digest = _digest(self.hash, row)
        row["previous_hash"], row["hash"] = self.hash, digest
        return Link(self.writer, sequence, digest)


def _digest(previous: str, row: Row) -> str:
    content = {
        name: value
        for name, value in row.items()
        if name not in {"previous_hash", "hash"} and not (value is None and name in _ADDED_LATER)
    }
    return hashlib.sha256(bytes.fromhex(previous) + canonical(content)).hexdigest()


def store_head(connection: Connection, link: Link, instance: str) -> None:
    """Keep `link` as the end of its chain."""
    statement = insert(chains).values(writer=link.writer, instance=instance, sequence=link.sequence, hash=link.hash)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[chains.c.writer],
            set_={"sequence": statement.excluded.sequence, "hash": statement.excluded.hash},
        )
    )


def stored_head(connection: Connection, writer: str) -> Link | None:
    """The end of the writer's chain as the database has it."""
    row = connection.execute(select(chains.c.sequence, chains.c.hash).where(chains.c.writer == writer)).one_or_none()
    return None if row is None else Link(writer, row.sequence, row.hash)


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
    expected, previous = 1, _START
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
        return _digest(previous, row)
    except (TypeError, ValueError):
        return None  # a value of a type that was never written
