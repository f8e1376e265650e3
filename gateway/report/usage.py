"""Which key verified what: the model behind `report usage`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import How, UsageRow, start_of_hour, usage
from gateway.report.rejections import RejectionReport, rejection_report


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
    """Keys that are known and not trusted, as they showed up in rejections."""
    rejections: RejectionReport


def usage_report(
    engine: Engine, *, now: datetime, endpoint: str | None = None, since: datetime | None = None
) -> UsageReport:
    """Count key usage since the beginning of the hour in which `since` lies.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    return UsageReport(
        generated=now,
        endpoint=endpoint,
        since=None if since is None else start_of_hour(since),
        rows=tuple(usage(engine, endpoint, since)),
        recognised=tuple(usage(engine, endpoint, since, how=How.RECOGNISED)),
        rejections=rejection_report(engine, now=now, endpoint=endpoint, since=since),
    )
