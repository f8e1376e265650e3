"""Which key verified what: the model behind `report usage`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import RecordFilter, Role, UsageRow, end_of_hours, exact_beginning, last_before, usage
from gateway.report.rejections import RejectionReport, rejection_report
from gateway.report.wanted_rows import is_wanted_use, sole_endpoint
from gateway.vocabulary import RecordedOutcome


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Key usage per endpoint, operation and certificate, with the rejections of the same time below."""

    generated: datetime
    endpoint: str | None
    """The one endpoint that was asked for; None means all."""
    since: datetime | None
    """From when on messages are counted: as was asked for, or the beginning of its hour; None means all."""
    until: datetime | None
    """Until when: as was asked for, or the end of its hour; None means all."""
    rows: tuple[UsageRow, ...]
    recognised: tuple[UsageRow, ...]
    """Known keys that signed what was rejected, for whatever reason."""
    repeated: tuple[UsageRow, ...]
    """Known keys whose old messages came again: no use of them."""
    rejections: RejectionReport | None
    """None where only some keys or servers were asked for, by which rejections are not counted."""
    only: str = ""
    """The filter that was asked with; empty without one."""


def usage_report(
    engine: Engine,
    *,
    now: datetime,
    endpoint: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    wanted: RecordFilter | None = None,
    only: str = "",
) -> UsageReport:
    """Count key usage since `since`, exactly where all records of its hour are there, else since the beginning of that.

    Args:
        engine: The ledger's database.
        now: The instant of the report.
        endpoint: Only this one.
        since: Count from here on; None counts everything.
        until: Count to the end of the hour that ends then, or in which it lies; later than `since`.
        wanted: Which endpoints, operations, keys and servers; None counts all.
        only: The same in words, for whoever reads the report.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    if wanted is not None:
        endpoint = endpoint or sole_endpoint(wanted)
    begin = None if since is None else exact_beginning(engine, since, endpoint)
    end = None if until is None else end_of_hours(until)
    # Where nobody knows whether there was a message, there is none to count.
    rows = [row for row in usage(engine, endpoint, begin, last_before(end), exact=True) if row.messages]
    if wanted is not None:
        rows = [row for row in rows if is_wanted_use(row, wanted)]
    counts_rejections = wanted is None or (wanted.key is None and wanted.server is None)
    return UsageReport(
        generated=now,
        endpoint=endpoint,
        since=begin,
        until=end,
        rows=tuple(row for row in rows if row.outcome is RecordedOutcome.ACCEPTED),
        recognised=tuple(
            row for row in rows if row.outcome is not RecordedOutcome.ACCEPTED and row.role is not Role.REPEATED
        ),
        repeated=tuple(row for row in rows if row.role is Role.REPEATED),
        rejections=(
            rejection_report(engine, now=now, endpoint=endpoint, since=begin, until=end, wanted=wanted, only=only)
            if counts_rejections
            else None
        ),
        only=only,
    )
