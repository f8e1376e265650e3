"""How long an endpoint waits before its old key may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from gateway.config import MINIMUM_RETENTION, Settings


@dataclass(frozen=True, slots=True)
class Delays:
    """The two clocks of one endpoint."""

    guaranteed_delivery_time: timedelta
    """After this time no message signed with the old key can still be under way."""
    retention: timedelta = MINIMUM_RETENTION
    """How long an old key is kept after it was exchanged; less than 90 days count as 90."""


def delays_of(settings: Settings) -> Mapping[str, Delays]:
    """The delays of every configured endpoint, by its name."""
    return {
        name: Delays(endpoint.guaranteed_delivery_time, endpoint.retention)
        for name, endpoint in settings.endpoints.items()
    }
