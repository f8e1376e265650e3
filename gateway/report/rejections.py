"""What was turned away, and why: the model behind `report rejections`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import RejectionRow, rejections, start_of_hour


@dataclass(frozen=True, slots=True)
class RejectionReport:
    """Rejections per endpoint, operation and reason."""

    generated: datetime
    endpoint: str | None
    """The one endpoint that was asked for; None means all."""
    since: datetime | None
    """The beginning of the hour from which on messages are counted; None means all."""
    rows: tuple[RejectionRow, ...]

    @property
    def messages(self) -> int:
        """All rejected messages."""
        return sum(row.messages for row in self.rows)

    @property
    def released(self) -> int:
        """Those that went to the client all the same: mode `observe`."""
        return sum(row.released for row in self.rows)


def rejection_report(
    engine: Engine, *, now: datetime, endpoint: str | None = None, since: datetime | None = None
) -> RejectionReport:
    """Count the rejections since the beginning of the hour in which `since` lies.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    rows = rejections(engine, endpoint, since)
    return RejectionReport(now, endpoint, None if since is None else start_of_hour(since), tuple(rows))
