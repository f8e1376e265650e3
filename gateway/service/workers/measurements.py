"""The measurements of several workers as one: what each reports, summed up so that nothing ever goes backwards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from gateway.service.alert_metrics import ALERT_METRICS
from gateway.service.renewal_metrics import RENEWAL_METRICS

_GROWING: Final = frozenset({"counter", "histogram"})
"""Types whose samples only grow, so that those of a worker that has ended still count."""
_SMALLEST: Final = "wssgate_keystore_revision"
"""The revision that every worker has reached: one that lags behind is what an operator looks for."""
_SAME: Final = frozenset({"wssgate_certificate_not_after_timestamp_seconds", *RENEWAL_METRICS, *ALERT_METRICS})
"""The same in every worker that knows it; their sum would mean nothing."""

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and labels."""


def report_of(registry: CollectorRegistry) -> list[dict[str, Any]]:
    """Everything that `registry` measures, in values that JSON knows."""
    return [
        {
            "name": family.name,
            "documentation": family.documentation,
            "type": family.type,
            "samples": [[sample.name, sorted(sample.labels.items()), sample.value] for sample in family.samples],
        }
        for family in registry.collect()
    ]


@dataclass(slots=True)
class _Family:
    name: str
    documentation: str
    type: str
    samples: dict[Key, float] = field(default_factory=dict)

    @classmethod
    def read(cls, report: dict[str, Any]) -> "_Family":
        samples = {(name, tuple(map(tuple, labels))): value for name, labels, value in report["samples"]}
        return cls(report["name"], report["documentation"], report["type"], samples)

    def add(self, other: "_Family") -> None:
        """Take in what another worker reports of the same family."""
        for key, value in other.samples.items():
            self.samples[key] = self._together(key, self.samples[key], value) if key in self.samples else value

    def _together(self, key: Key, one: float, other: float) -> float:
        if key[0].endswith("_created") or self.name == _SMALLEST:
            return min(one, other)
        return max(one, other) if self.name in _SAME else one + other

    def metric(self) -> Metric:
        metric = Metric(self.name, self.documentation, self.type)
        for (name, labels), value in self.samples.items():
            metric.add_sample(name, dict(labels), value)
        return metric


class Measurements(Collector):
    """The last report of each worker, and what those that have ended had counted.

    What a worker that was killed had counted since its last report is not known any more; the ledger has every message.
    """

    def __init__(self) -> None:
        """Start without a worker."""
        self._reports: dict[int, dict[str, _Family]] = {}
        self._ended: dict[str, _Family] = {}

    def take(self, worker: int, report: Iterable[dict[str, Any]]) -> None:
        """Keep the newest `report` of the worker that was the `worker`-th to start."""
        self._reports[worker] = {family["name"]: _Family.read(family) for family in report}

    def end(self, worker: int) -> None:
        """The worker has ended: what it counted stays, what it was busy with does not."""
        for name, family in self._reports.pop(worker, {}).items():
            if family.type not in _GROWING:
                continue
            if name in self._ended:
                self._ended[name].add(family)
            else:
                self._ended[name] = family

    def collect(self) -> Iterator[Metric]:
        """All families, summed up (called by prometheus-client)."""
        found: defaultdict[str, list[_Family]] = defaultdict(list)
        for families in (self._ended, *self._reports.values()):
            for name, family in families.items():
                found[name].append(family)
        for name, (first, *others) in found.items():
            total = _Family(name, first.documentation, first.type, dict(first.samples))
            for other in others:
                total.add(other)
            yield total.metric()

    def exposition(self, registry: CollectorRegistry) -> bytes:
        """Everything, with what `registry` measures beside it, in the text format of Prometheus."""
        return generate_latest(registry) + generate_latest(self)
