"""What stored records count: where nobody remembers any more what was counted as they were written."""

from typing import Final

from sqlalchemy import Connection, select

from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.uses import count_row
from gateway.ledger.write.counted_operations import CountedOperations

_PAGE: Final = 1000
"""Records read at a time."""


def stored_counts(connection: Connection, writer: str, after: int, until: int) -> Counts:
    """What the records of `writer` behind the place `after` and up to `until` count."""
    columns = messages.c
    query = (
        select(messages)
        .where(columns.writer == writer, columns.sequence > after, columns.sequence <= until)
        .order_by(columns.sequence)
    )
    counts, operations = Counts(), CountedOperations()
    for rows in connection.execute(query).mappings().partitions(_PAGE):
        names = operations.names(connection, rows)
        for row in rows:
            operation = names[row["endpoint"], row["operation"]]
            count_row(counts.uses, row, operation)
            counts.traffic.count_row(row, operation, row["time"] + (row["clock_offset"] or 0))
    return counts
