"""Records as they were written: one, those that a filter names, and many one after the other in constant memory.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, false, or_, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.errors import DatabaseUnavailable, RecordNotFound
from gateway.ledger.receipts import layouts_named, read_receipts, stored_layouts
from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import record_of
from gateway.verify import SignatureReceipt
from keystore import to_microseconds

PAGE: Final = 500
"""Records read at a time, in a transaction of their own: a long one would keep the database from tidying up."""
SHORTEST_ID: Final = 8
"""Characters of an id that may be enough to tell which record is meant: those of one minute share about as many."""
_LOWEST_ID: Final = "00000000-0000-0000-0000-000000000000"
_HIGHEST_ID: Final = _LOWEST_ID.replace("0", "f")
_ID_BEGINNING: Final = re.compile("".join(f"(?:{'-' if one == '-' else '[0-9a-f]'}" for one in _LOWEST_ID) + ")?" * 36)
_LISTED: Final = 3
"""Ids that are named where several begin alike."""


Words = str | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with its place in the hash chain."""

    record: MessageRecord
    writer: str
    sequence: int
    previous_hash: str
    hash: str
    receipts: str | None = None
    """As they are stored, for `receipts_of`; None where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records are asked for; what is None is not asked, and of several words one has to fit."""

    endpoint: Words = None
    operation: Words = None
    """In Clark notation, or its local name alone."""
    outcome: Words = None
    reason: Words = None
    mode: Words = None
    kind: Words = None
    server: Words = None
    """Which server answered."""
    instance: Words = None
    """Which gateway wrote it."""
    message_id: Words = None
    """What the message calls itself (wsa:MessageID), or which one it answers (wsa:RelatesTo)."""
    status: int | Sequence[int] | None = None
    """The receiver's HTTP status."""
    released: bool | None = None
    thumbprint: Words = None
    """Signed with the key of this certificate as far as is known, whatever became of the message."""
    key: Words = None
    """The same for a certificate or key by whichever of its names: alias, thumbprint or key id."""
    since: datetime | None = None
    """Exact here, included."""
    until: datetime | None = None
    """Excluded."""


def record(engine: Engine, record_id: str) -> StoredRecord | None:
    """The record of that id, None where there is none."""
    with reading(engine) as connection:
        row = connection.execute(select(messages).where(messages.c.id == record_id)).mappings().one_or_none()
    return None if row is None else stored_or_refused(row)


def find_record(engine: Engine, beginning: str) -> StoredRecord:
    """The one record whose id begins with `beginning`, which has at least `SHORTEST_ID` characters.

    Raises:
        RecordNotFound: There is none, or more than one, or no id begins like that.
        DatabaseUnavailable: As everywhere here; or the record was altered so that it cannot be read.
    """
    wanted = beginning.lower()
    if len(wanted) < SHORTEST_ID or not _ID_BEGINNING.fullmatch(wanted):
        raise RecordNotFound(
            f"{beginning!r} is no record id: give one such as {_LOWEST_ID}, or at least its first {SHORTEST_ID} "
            "characters"
        )
    # All ids are of one shape, so that every collation sorts them alike, and the index serves.
    between = messages.c.id.between(wanted + _LOWEST_ID[len(wanted) :], wanted + _HIGHEST_ID[len(wanted) :])
    query = select(messages).where(between).order_by(messages.c.id).limit(_LISTED + 1)
    with reading(engine) as connection:
        rows = connection.execute(query).mappings().all()
    if not rows:
        raise RecordNotFound(f"there is no record {beginning}: it may have been pruned, or be in another database")
    if len(rows) > 1:
        some = ", ".join(row["id"] for row in rows[:_LISTED])
        more = " and more" if len(rows) > _LISTED else ""
        raise RecordNotFound(f"more than one record begins with {beginning}: {some}{more}; give more of its id")
    return stored_or_refused(rows[0])


def receipts_of(engine: Engine, stored: StoredRecord) -> dict[int, SignatureReceipt]:
    """The receipts of a record, by the number of the signature; empty where it has none.

    Raises:
        ReceiptDamaged: They were altered, or a layout was.
        DatabaseUnavailable: The database cannot be read.
    """
    if stored.receipts is None:
        return {}
    with reading(engine) as connection:
        return read_receipts(stored.receipts, stored_layouts(connection, layouts_named(stored.receipts)))


def records(engine: Engine, wanted: RecordFilter | None = None, limit: int = 100) -> list[StoredRecord]:
    """The newest records that fit `wanted`, at most `limit`, the newest first."""
    query = select(messages).where(*conditions(wanted or RecordFilter()))
    query = query.order_by(messages.c.time.desc(), messages.c.id.desc()).limit(max(0, limit))
    with reading(engine) as connection:
        return [stored_or_refused(row) for row in connection.execute(query).mappings()]


def conditions(wanted: RecordFilter) -> Iterable[ColumnElement[bool]]:
    """What a record must fulfil."""
    columns = messages.c
    for column, values in (
        (columns.endpoint, wanted.endpoint),
        (columns.outcome, wanted.outcome),
        (columns.reason, wanted.reason),
        (columns.mode, wanted.mode),
        (columns.kind, wanted.kind),
        (columns.server, wanted.server),
        (columns.instance, wanted.instance),
    ):
        if values is not None:
            yield column.in_(several(values))
    if wanted.status is not None:
        codes = [wanted.status] if isinstance(wanted.status, int) else wanted.status
        yield columns.upstream_status.in_(codes)
    if wanted.released is not None:
        yield columns.released.is_(wanted.released)
    if wanted.message_id is not None:
        ids = several(wanted.message_id)
        yield or_(columns.message_id.in_(ids), columns.relates_to.in_(ids))
    if wanted.operation is not None:
        yield or_(false(), *map(_is_operation, several(wanted.operation)))
    if wanted.since is not None:
        yield columns.time >= to_microseconds(wanted.since)
    if wanted.until is not None:
        yield columns.time < to_microseconds(wanted.until)
    # Records from before signers were looked for name keys in the first two alone.
    places = (columns.verified_by, columns.recognised, columns.signers)
    if wanted.thumbprint is not None:
        yield or_(*(names_entry(column, name) for column in places for name in several(wanted.thumbprint)))
    if wanted.key is not None:
        kinds = ("alias", "thumbprint", "key_id")
        names = several(wanted.key)
        by_known = (names_entry(column, name, kind) for column in places for name in names for kind in kinds)
        # An unknown key signed it where the signature is good under the certificate that the message carried.
        carried = (names_entry(columns.embedded, name, kind) for name in names for kind in kinds[1:])
        yield or_(*by_known, and_(or_(*carried), columns.embedded.contains('"signature_good":true')))


def several(words: str | Sequence[str]) -> Sequence[str]:
    """One word or several, as several."""
    return [words] if isinstance(words, str) else words


def _is_operation(name: str) -> ColumnElement[bool]:
    columns = messages.c
    local = "" if name.startswith("{") else f"}}{name}"
    is_local = columns.operation.endswith(local, autoescape=True) if local else false()
    return or_(columns.operation == name, is_local)


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
        receipts=row["receipts"],
    )


def stored_or_refused(row: Any) -> StoredRecord:
    """The record that a row holds.

    Raises:
        DatabaseUnavailable: it was altered so that it cannot be read.
    """
    try:
        return _stored(row)
    except (ValueError, TypeError, KeyError) as error:
        raise DatabaseUnavailable(
            f"the record {row['id']} was altered and cannot be read any more; run `wssgate ledger verify`"
        ) from error


def stream_records(engine: Engine, wanted: RecordFilter) -> Iterator[StoredRecord]:
    """Every record that fits `wanted`, by time, the oldest first.

    Records that are written meanwhile are among them where their time has not been passed yet.

    Raises:
        DatabaseUnavailable: The database cannot be read, or a record in it was altered so that it cannot be.
    """
    columns = messages.c
    query = select(messages).where(*conditions(wanted)).order_by(columns.time, columns.id).limit(PAGE)
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
            yield stored_or_refused(row)
        if not rows:
            return
        place = rows[-1]["time"], rows[-1]["id"]
