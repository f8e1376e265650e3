"""Where the renewals stand, and which certificates expire, for Prometheus."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from gateway.renewal import Expiry, RenewalStatus

_OPEN: Final = "wssgate_renewals_open"
_SETTLED: Final = "wssgate_renewal_step_settled"
_RELAPSES: Final = "wssgate_renewal_relapses"
_LATE: Final = "wssgate_renewal_late"
_EXPIRY: Final = "wssgate_certificate_expiry_days"
RENEWAL_METRICS: Final = frozenset({_OPEN, _SETTLED, _RELAPSES, _LATE, _EXPIRY})
"""Their names: one worker of a gateway has them, and the others do not."""


class RenewalMetrics:
    """The gauges of one process. No label holds anything that a client or a receiver chooses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Show nothing yet."""
        # With a label, though it has one value only: without one it would read 0 where nobody has looked.
        self._open = Gauge(_OPEN, "Renewals that are open", ("by",), registry=registry)
        self._settled = Gauge(
            _SETTLED,
            "Whether a step of an open renewal is done, said or not needed",
            ("renewal", "step"),
            registry=registry,
        )
        self._relapses = Gauge(
            _RELAPSES,
            "Operations in which the old key came back, and is not gone again",
            ("renewal",),
            registry=registry,
        )
        self._late = Gauge(
            _LATE, "Whether the announced time of a switch has passed without it", ("renewal",), registry=registry
        )
        self._expiry = Gauge(
            _EXPIRY,
            "Days until a trusted certificate expires, and whether an open renewal replaces it",
            ("alias", "renewal"),
            registry=registry,
        )

    def show(self, statuses: Sequence[RenewalStatus], expiring: Sequence[Expiry]) -> None:
        """Show where these renewals stand, and nothing of others."""
        self.clear()
        self._open.labels("everybody").set(sum(status.renewal.is_open for status in statuses))
        for status in statuses:
            name = status.renewal.name
            self._relapses.labels(name).set(sum(not one.is_over for one in status.relapses))
            if not status.renewal.is_open:
                continue
            self._late.labels(name).set(status.is_late)
            for step in status.steps:
                self._settled.labels(name, str(step.number)).set(step.mark.is_settled)
        for one in expiring:
            self._expiry.labels(str(one.alias), "open" if one.renewal else "none").set(one.days_left)

    def clear(self) -> None:
        """Show nothing: another process does."""
        for gauge in (self._open, self._settled, self._relapses, self._late, self._expiry):
            gauge.clear()
