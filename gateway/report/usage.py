"""Which key verified what: the model behind `report usage`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import Role, UsageRow, start_of_hour, usage
from gateway.report.rejections import RejectionReport, rejection_report
from gateway.vocabulary import RecordedOutcome


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Key usage per endpoint, operation and certificate, with the rejections of the same time below."""

    generated: datetime
    endpoint: str | None
    """The one endpoint that was asked for; None means all."""
    since: datetime | None
    """The beginning of the hour from which on messages are counted; None means all."""
    rows: tuple[UsageRow, ...]
    recognised: tuple[UsageRow, ...]
    """Known keys that signed what was rejected, for whatever reason."""
    repeated: tuple[UsageRow, ...]
    """Known keys whose old messages came again: no use of them."""
    rejections: RejectionReport


def usage_report(
    engine: Engine, *, now: datetime, endpoint: str | None = None, since: datetime | None = None
) -> UsageReport:
    """Count key usage since the beginning of the hour in which `since` lies.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    rows = usage(engine, endpoint, since)
    return UsageReport(
        generated=now,
        endpoint=endpoint,
        since=None if since is None else start_of_hour(since),
        rows=tuple(row for row in rows if row.outcome is RecordedOutcome.ACCEPTED),
        recognised=tuple(
            row for row in rows if row.outcome is not RecordedOutcome.ACCEPTED and row.role is not Role.REPEATED
        ),
        repeated=tuple(row for row in rows if row.role is Role.REPEATED),
        rejections=rejection_report(engine, now=now, endpoint=endpoint, since=since),
    )
