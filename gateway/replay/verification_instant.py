"""At which instant a captured response is verified."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InstantSource(StrEnum):
    """Where the instant of a verification comes from, best first."""

    GIVEN = "given"
    """The caller named it."""
    DATE_HEADER = "date-header"
    """The HTTP response's own Date header: when the receiver answered."""
    TIMESTAMP = "timestamp"
    """The message's wsu:Timestamp: its Created is by definition fresh, so staleness cannot be seen."""
    FILE_TIME = "file-time"
    """When the file was last changed: right for a recorder, wrong after a copy."""


@dataclass(frozen=True, slots=True)
class Instant:
    """The instant of a verification and how far to trust it."""

    at: datetime
    source: InstantSource
