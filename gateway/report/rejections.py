"""What was turned away, and why: the model behind `report rejections`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import RecordFilter, RejectionRow, end_of_hours, exact_beginning, last_before, rejections
from gateway.report.wanted_rows import is_wanted_rejection, sole_endpoint

MOST_ROWS = 50
"""Rows of a report for people. Operations of rejected messages are named by strangers, who can name many."""


@dataclass(frozen=True, slots=True)
class RejectionReport:
    """Rejections per endpoint, operation and reason."""

    generated: datetime
    endpoint: str | None
    """The one endpoint that was asked for; None means all."""
    since: datetime | None
    """From when on messages are counted: as was asked for, or the beginning of its hour; None means all."""
    until: datetime | None
    """Until when: as was asked for, or the end of its hour; None means all."""
    rows: tuple[RejectionRow, ...]
    """The most frequent ones."""
    more: int
    """Further rows that are left out."""
    messages: int
    """All rejected messages, those of the rows that are left out included."""
    released: int
    """Those that went to the client all the same: mode `observe`."""
    only: str = ""
    """The filter that was asked with; empty without one."""


def rejection_report(
    engine: Engine,
    *,
    now: datetime,
    endpoint: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = MOST_ROWS,
    wanted: RecordFilter | None = None,
    only: str = "",
) -> RejectionReport:
    """Count the rejections since `since`, exactly where all records of its hour are there, else since its beginning.

    Args:
        engine: The ledger's database.
        now: The instant of the report.
        endpoint: Only this one.
        since: Count from here on; None counts everything.
        until: Count to the end of the hour that ends then, or in which it lies; later than `since`.
        limit: Rows of the report; None lists all of them.
        wanted: Which endpoints, operations and reasons; None counts all.
        only: The same in words, for whoever reads the report.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    if wanted is not None:
        endpoint = endpoint or sole_endpoint(wanted)
    begin = None if since is None else exact_beginning(engine, since, endpoint)
    end = None if until is None else end_of_hours(until)
    found = rejections(engine, endpoint, begin, None if wanted else limit, until=last_before(end), exact=True)
    if wanted is None:
        return RejectionReport(now, endpoint, begin, end, found.rows, found.more, found.messages, found.released)
    rows = [row for row in found.rows if is_wanted_rejection(row, wanted)]
    shown = sorted(sorted(rows, key=lambda row: -row.messages)[:limit], key=lambda row: (row.endpoint, -row.messages))
    messages, released = sum(row.messages for row in rows), sum(row.released for row in rows)
    return RejectionReport(now, endpoint, begin, end, tuple(shown), len(rows) - len(shown), messages, released, only)
