"""A record on its way into the database: as it was handed in, and as the row that it becomes."""

from dataclasses import dataclass

from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import Row, row_of


@dataclass(slots=True, eq=False)
class Encoded:
    """A record and its row, which say the same until the columns of the chain are added to the row."""

    record: MessageRecord
    row: Row
    lead: int = 0
    """How far the clock that gave its instant was ahead of the steady one (`gateway.ledger.clock`)."""

    def become(self, record: MessageRecord) -> None:
        """Be another record from here on, of the same instant."""
        self.record = record
        self.row.update(row_of(record), clock_offset=self.row["clock_offset"])
