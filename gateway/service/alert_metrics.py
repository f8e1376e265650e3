"""How alerts get on on their way to people, for Prometheus."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

_WAITING: Final = "wssgate_alerts_waiting"
ALERT_METRICS: Final = frozenset({_WAITING})
"""What only the process knows that sends; the counters of several add up."""


class AlertMetrics:
    """The measurements of one process, by the channel's name in the configuration."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Show nothing yet."""
        self._sent = Counter("wssgate_alerts_sent", "Alerts that a channel took", ("channel",), registry=registry)
        self._failed = Counter(
            "wssgate_alerts_failed", "Attempts to deliver an alert that failed", ("channel",), registry=registry
        )
        self._waiting = Gauge(
            _WAITING, "Alerts in the outbox that a channel has not taken yet", ("channel",), registry=registry
        )

    def begin(self, channel: str) -> None:
        """Show the channel, with nothing sent: what appears with its first failure has not grown for Prometheus."""
        self._sent.labels(channel)
        self._failed.labels(channel)

    def count(self, channel: str, *, is_sent: bool) -> None:
        """Count one attempt."""
        (self._sent if is_sent else self._failed).labels(channel).inc()

    def show_waiting(self, waiting: Mapping[str, int]) -> None:
        """Show how many wait for each channel, and nothing of others; of none, where another process sends."""
        self._waiting.clear()
        for channel, count in waiting.items():
            self._waiting.labels(channel).set(count)
