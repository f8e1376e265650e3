"""Records as they were written: one, those that a filter names, and many one after the other in constant memory.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, false, or_, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.errors import DatabaseUnavailable
from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import record_of
from keystore import to_microseconds

PAGE: Final = 500
"""Records read at a time, in a transaction of their own: a long one would keep the database from tidying up."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with its place in the hash chain."""

    record: MessageRecord
    writer: str
    sequence: int
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records are asked for; what is None is not asked."""

    endpoint: str | None = None
    operation: str | None = None
    """In Clark notation, or its local name alone."""
    outcome: str | None = None
    reason: str | None = None
    thumbprint: str | None = None
    """Verified by this certificate, or recognised as signed with it."""
    key: str | None = None
    """The same for a certificate or key by whichever of its names: alias, thumbprint or key id."""
    since: datetime | None = None
    """Exact here, included."""
    until: datetime | None = None
    """Excluded."""


def record(engine: Engine, record_id: str) -> StoredRecord | None:
    """The record of that id, None where there is none."""
    with reading(engine) as connection:
        row = connection.execute(select(messages).where(messages.c.id == record_id)).mappings().one_or_none()
    return None if row is None else _stored(row)


def records(engine: Engine, wanted: RecordFilter | None = None, limit: int = 100) -> list[StoredRecord]:
    """The newest records that fit `wanted`, at most `limit`, the newest first."""
    query = select(messages).where(*_conditions(wanted or RecordFilter()))
    query = query.order_by(messages.c.time.desc(), messages.c.id.desc()).limit(max(0, limit))
    with reading(engine) as connection:
        return [_stored(row) for row in connection.execute(query).mappings()]


def _conditions(wanted: RecordFilter) -> Iterable[ColumnElement[bool]]:
    """What a record must fulfil."""
    columns = messages.c
    for column, value in (
        (columns.endpoint, wanted.endpoint),
        (columns.outcome, wanted.outcome),
        (columns.reason, wanted.reason),
    ):
        if value is not None:
            yield column == value
    if wanted.operation is not None:
        local = "" if wanted.operation.startswith("{") else f"}}{wanted.operation}"
        is_local = columns.operation.endswith(local, autoescape=True) if local else false()
        yield or_(columns.operation == wanted.operation, is_local)
    if wanted.since is not None:
        yield columns.time >= to_microseconds(wanted.since)
    if wanted.until is not None:
        yield columns.time < to_microseconds(wanted.until)
    if wanted.thumbprint is not None:
        yield or_(
            names_entry(columns.verified_by, wanted.thumbprint), names_entry(columns.recognised, wanted.thumbprint)
        )
    if wanted.key is not None:
        places = (columns.verified_by, columns.recognised)
        kinds = ("alias", "thumbprint", "key_id")
        yield or_(*(names_entry(column, wanted.key, kind) for column in places for kind in kinds))


def names_entry(column: ColumnElement[Any], name: str, kind: str = "thumbprint") -> ColumnElement[bool]:
    """Whether the entries in `column` (JSON) name one whose `kind` is `name`."""
    return column.contains(f'"{kind}":"{name}"', autoescape=True)


def _stored(row: Any) -> StoredRecord:
    """The record that a row holds."""
    return StoredRecord(
        record=record_of(row),
        writer=row["writer"],
        sequence=row["sequence"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )


def stream_records(engine: Engine, wanted: RecordFilter) -> Iterator[StoredRecord]:
    """Every record that fits `wanted`, by time, the oldest first.

    Records that are written meanwhile are among them where their time has not been passed yet.

    Raises:
        DatabaseUnavailable: The database cannot be read, or a record in it was altered so that it cannot be.
    """
    columns = messages.c
    query = select(messages).where(*_conditions(wanted)).order_by(columns.time, columns.id).limit(PAGE)
    place = None
    while True:
        page = query
        if place is not None:
            moment, record_id = place
            behind = or_(columns.time > moment, and_(columns.time == moment, columns.id > record_id))
            page = query.where(columns.time >= moment, behind)  # the first condition is the one that an index serves
        with reading(engine) as connection:
            rows = connection.execute(page).mappings().all()
        for row in rows:
            try:
                yield _stored(row)
            except (ValueError, TypeError, KeyError) as error:
                raise DatabaseUnavailable(
                    f"the record {row['id']} was altered and cannot be read any more; run `wssgate ledger verify`"
                ) from error
        if not rows:
            return
        place = rows[-1]["time"], rows[-1]["id"]
