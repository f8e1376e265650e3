"""What was turned away, and why: the model behind `report rejections`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import RejectionRow, rejections, start_of_hour

MOST_ROWS = 50
"""Rows of a report for people. Operations of rejected messages are named by strangers, who can name many."""


@dataclass(frozen=True, slots=True)
class RejectionReport:
    """Rejections per endpoint, operation and reason."""

    generated: datetime
    endpoint: str | None
    """The one endpoint that was asked for; None means all."""
    since: datetime | None
    """The beginning of the hour from which on messages are counted; None means all."""
    rows: tuple[RejectionRow, ...]
    """The most frequent ones."""
    more: int
    """Further rows that are left out."""
    messages: int
    """All rejected messages, those of the rows that are left out included."""
    released: int
    """Those that went to the client all the same: mode `observe`."""


def rejection_report(
    engine: Engine,
    *,
    now: datetime,
    endpoint: str | None = None,
    since: datetime | None = None,
    limit: int | None = MOST_ROWS,
) -> RejectionReport:
    """Count the rejections since the beginning of the hour in which `since` lies.

    Args:
        engine: The ledger's database.
        now: The instant of the report.
        endpoint: Only this one.
        since: Count from here on; None counts everything.
        limit: Rows of the report; None lists all of them.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    found = rejections(engine, endpoint, since, limit)
    begin = None if since is None else start_of_hour(since)
    return RejectionReport(now, endpoint, begin, found.rows, found.more, found.messages, found.released)
