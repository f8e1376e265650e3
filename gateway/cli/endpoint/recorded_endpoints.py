"""What is known of endpoints: by what the gateways recorded, and by the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.cli.workplace import Workplace
from gateway.ledger import WriterNow, writers_now
from gateway.renewal import Closing, Evidence, measure

DAY = timedelta(days=1)
FORTNIGHT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class KnownEndpoint:
    """One endpoint."""

    name: str
    configured: bool
    """By the configuration of whoever asks."""
    served_since: datetime | None
    """First and last instant at which a gateway served it, as far back as gates look; None where none did."""
    served_until: datetime | None
    instances: tuple[str, ...]
    """Which gateways did."""
    served_now_by: tuple[str, ...]
    reachable: bool | None
    """Whether each gateway that serves it now can reach its receiver; None where nobody knows."""
    watched_day: timedelta
    """How much of the last 24 hours somebody watched it, by the ledger's clock."""
    watched_fortnight: timedelta
    closing: Closing | None


@dataclass(frozen=True, slots=True)
class RecordedEndpoints:
    """All of them."""

    evidence: Evidence
    writers: Sequence[WriterNow]
    configured: frozenset[str]

    @classmethod
    def of(cls, workplace: Workplace) -> "RecordedEndpoints":
        """What the database and the configuration of `workplace` say."""
        return cls(measure(workplace.engine), writers_now(workplace.engine), frozenset(workplace.settings.endpoints))

    @property
    def used(self) -> frozenset[str]:
        """Those of which messages are counted, also from before gateways recorded their configuration."""
        return frozenset(use.endpoint for use in self.evidence.uses)

    def names(self) -> list[str]:
        """Every endpoint that is known in any way."""
        return sorted({*self.configured, *self.evidence.recorded(), *self.used})

    def served_now_by(self, name: str) -> tuple[str, ...]:
        """Which gateways serve the endpoint now."""
        return tuple(sorted({one.instance for one in self.writers if one.serves and name in one.endpoints}))

    def known(self, name: str) -> KnownEndpoint:
        """What is known of one."""
        evidence = self.evidence
        recorded = evidence.recorded().get(name)
        policies = () if recorded is None else recorded.policies
        now = evidence.taken_at
        reachable = [
            state.get("reachable") for one in self.writers if one.serves and (state := one.states.get(name)) is not None
        ]
        return KnownEndpoint(
            name,
            name in self.configured,
            min((policy.during.start for policy in policies), default=None),
            max((policy.during.end for policy in policies), default=None),
            tuple(sorted({policy.instance for policy in policies})),
            self.served_now_by(name),
            None if not reachable or None in reachable else all(reachable),
            timedelta(0) if now is None else evidence.watched_since(name, now - DAY),
            timedelta(0) if now is None else evidence.watched_since(name, now - FORTNIGHT),
            None if recorded is None else recorded.closing,
        )
