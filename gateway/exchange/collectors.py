"""Counters and histograms of one event loop, as plain numbers that are put into Prometheus' form when asked for.

prometheus-client's own find their labels and take a lock at every step, some thirty steps for a message. These are
counted in by the event loop alone, which also answers who asks.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Counts(Collector):
    """A counter with labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        """Begin at zero; `name` is without `_total`."""
        self._name, self._documentation, self._labels = name, documentation, tuple(labels)
        self._counts: dict[tuple[str, ...], int] = {}
        self._begun: dict[tuple[str, ...], float] = {}

    def count(self, *values: str) -> None:
        """Count one with these values of the labels."""
        counts = self._counts
        if values in counts:
            counts[values] += 1
        else:
            counts[values] = 1
            self._begun[values] = time.time()

    def collect(self) -> Iterator[Metric]:
        """The samples (called by prometheus-client)."""
        metric = Metric(self._name, self._documentation, "counter")
        for values, count in self._counts.items():
            labels = dict(zip(self._labels, values, strict=True))
            metric.add_sample(f"{self._name}_total", labels, float(count))
            metric.add_sample(f"{self._name}_created", labels, self._begun[values])
        yield metric


class _Cell:
    __slots__ = ("begun", "buckets", "total")

    def __init__(self, buckets: int) -> None:
        self.buckets = [0] * buckets
        self.total = 0.0
        self.begun = time.time()


class Seconds(Collector):
    """A histogram of seconds, with one label or none."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], label: str | None = None) -> None:
        """Begin empty, with buckets up to `bounds` and one for what is beyond."""
        self._name, self._documentation, self._bounds, self._label = name, documentation, tuple(bounds), label
        self._shown = [str(floatToGoString(bound)) for bound in (*bounds, float("inf"))]  # type: ignore[no-untyped-call]
        self._cells: dict[str, _Cell] = {}
        if label is None:
            self._cells[""] = self._cell()

    def observe(self, seconds: float, value: str = "") -> None:
        """Take in `seconds`, with this value of the label."""
        cell = self._cells.get(value)
        if cell is None:
            cell = self._cells[value] = self._cell()
        cell.buckets[bisect_left(self._bounds, seconds)] += 1
        cell.total += seconds

    def collect(self) -> Iterator[Metric]:
        """The samples (called by prometheus-client)."""
        metric = Metric(self._name, self._documentation, "histogram")
        for value, cell in self._cells.items():
            labels = {} if self._label is None else {self._label: value}
            count = 0
            for bound, in_bucket in zip(self._shown, cell.buckets, strict=True):
                count += in_bucket
                metric.add_sample(f"{self._name}_bucket", {**labels, "le": bound}, float(count))
            metric.add_sample(f"{self._name}_count", labels, float(count))
            metric.add_sample(f"{self._name}_sum", labels, cell.total)
            metric.add_sample(f"{self._name}_created", labels, cell.begun)
        yield metric

    def _cell(self) -> _Cell:
        return _Cell(len(self._bounds) + 1)
