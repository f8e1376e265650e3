"""Many records, one after the other, in constant memory."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, or_, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.tables import messages
from gateway.ledger.errors import DatabaseUnavailable
from gateway.ledger.read.queries import RecordFilter, StoredRecord, conditions, stored

PAGE = 500
"""Records read at a time, in a transaction of their own: a long one would keep the database from tidying up."""


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
            try:
                yield stored(row)
            except (ValueError, TypeError, KeyError) as error:
                raise DatabaseUnavailable(
                    f"the record {row['id']} was altered and cannot be read any more; run `wssgate ledger verify`"
                ) from error
        if not rows:
            return
        place = rows[-1]["time"], rows[-1]["id"]
