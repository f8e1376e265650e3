"""Counters and histograms for Prometheus. No label holds anything that a client or a receiver chooses."""

from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from keystore import TrustSnapshot

_SECONDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
)


class Metrics:
    """The measurements of one gateway process, in a registry of their own."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        self._messages = Counter(
            "wssgate_messages",
            "Responses by endpoint, kind, outcome and reason",
            ("endpoint", "kind", "outcome", "reason"),
            registry=self.registry,
        )
        self._verified = Counter(
            "wssgate_messages_verified",
            "Accepted responses by the certificate that verified them",
            ("endpoint", "alias"),
            registry=self.registry,
        )
        self._refused = Counter(
            "wssgate_requests_refused",
            "Requests that were not forwarded, by HTTP status",
            ("status",),
            registry=self.registry,
        )
        self._upstream_seconds = Histogram(
            "wssgate_upstream_seconds",
            "Until the whole response had arrived",
            ("endpoint",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._verify_seconds = Histogram(
            "wssgate_verify_seconds", "Verification", ("endpoint",), buckets=_SECONDS, registry=self.registry
        )
        self._opinions = Counter(
            "wssgate_second_opinions",
            "Accepted responses that libxmlsec was asked about, by what it said",
            ("endpoint", "opinion"),
            registry=self.registry,
        )
        self._opinion_seconds = Histogram(
            "wssgate_second_opinion_seconds", "Second opinion", ("endpoint",), buckets=_SECONDS, registry=self.registry
        )
        self._ledger_seconds = Histogram(
            "wssgate_ledger_wait_seconds",
            "Waiting for the commit of a record",
            buckets=_SECONDS,
            registry=self.registry,
        )
        # Each message needs these, and finding them by their labels costs more than counting. There are no more of them
        # than lines in `/metrics`.
        self._messages_of, self._verified_of = cache(self._messages.labels), cache(self._verified.labels)
        self._upstream_of, self._verify_of = cache(self._upstream_seconds.labels), cache(self._verify_seconds.labels)
        self._in_flight = Gauge("wssgate_exchanges_in_flight", "Exchanges under way", registry=self.registry)
        self._queue = Gauge("wssgate_ledger_queue", "Records waiting for their commit", registry=self.registry)
        self._revision = Gauge("wssgate_keystore_revision", "Keystore revision in use", registry=self.registry)
        self._expiry = Gauge(
            "wssgate_certificate_not_after_timestamp_seconds",
            "End of validity of a certificate, as Unix time",
            ("alias", "state"),
            registry=self.registry,
        )

    def count_message(
        self, endpoint: str, kind: str, outcome: str, reason: str | None, aliases: tuple[str, ...]
    ) -> None:
        """Count one record."""
        self._messages_of(endpoint, kind, outcome, reason or "").inc()
        for alias in aliases:
            self._verified_of(endpoint, alias).inc()

    def time_upstream(self, endpoint: str, seconds: float) -> None:
        """Take in how long a receiver took for its whole response."""
        self._upstream_of(endpoint).observe(seconds)

    def time_verification(self, endpoint: str, seconds: float) -> None:
        """Take in how long the verification of a response took."""
        self._verify_of(endpoint).observe(seconds)

    def time_ledger(self, seconds: float) -> None:
        """Take in how long a response waited for its record."""
        self._ledger_seconds.observe(seconds)

    def count_opinion(self, endpoint: str, opinion: str, seconds: float) -> None:
        """Count one second opinion and the time that it took."""
        self._opinions.labels(endpoint, opinion).inc()
        self._opinion_seconds.labels(endpoint).observe(seconds)

    def count_refused(self, status: int) -> None:
        """Count a request that the gateway answered by itself, without asking the receiver."""
        self._refused.labels(str(status)).inc()

    def watch_exchanges(self, under_way: Callable[[], int]) -> None:
        """Read the number of exchanges from `under_way` whenever it is asked for."""
        self._in_flight.set_function(under_way)

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Read the length of the ledger's queue from `depth` whenever it is asked for."""
        self._queue.set_function(depth)

    def show_trust(self, snapshot: TrustSnapshot) -> None:
        """Show revision and certificates of `snapshot`."""
        self._revision.set(snapshot.revision)
        self._expiry.clear()
        for entry in snapshot.entries:
            self._expiry.labels(entry.alias, str(entry.state)).set(entry.not_after.timestamp())

    def exposition(self) -> bytes:
        """Everything, in the text format of Prometheus."""
        return generate_latest(self.registry)
