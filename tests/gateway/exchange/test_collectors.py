"""Plain numbers have the form that prometheus-client gives its own."""

import re

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway.exchange.collectors import Counts, Seconds

BOUNDS = (0.0001, 0.25, 1, 2.5)
TIMES = (0.0, 0.0001, 0.00011, 0.25, 0.9, 1.0, 2.5, 2.6, 100.0)


def _shown(registry: CollectorRegistry) -> list[str]:
    text = generate_latest(registry).decode()
    assert "_created" in text
    return sorted(re.sub(r"(_created.*) .*", r"\1", line) for line in text.splitlines())


def test_counters_and_histograms_look_like_those_of_the_library() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts = Counts("messages", "What came", ("kind", "reason"))
    seconds, waits = Seconds("times", "How long", BOUNDS, "endpoint"), Seconds("waits", "How long", BOUNDS)
    for collector in (counts, seconds, waits, Seconds("none", "Nothing", BOUNDS), Counts("never", "Nothing", ("a",))):
        ours.register(collector)
    counter = Counter("messages", "What came", ("kind", "reason"), registry=theirs)
    histogram = Histogram("times", "How long", ("endpoint",), buckets=BOUNDS, registry=theirs)
    plain = Histogram("waits", "How long", buckets=BOUNDS, registry=theirs)
    Histogram("none", "Nothing", buckets=BOUNDS, registry=theirs)
    Counter("never", "Nothing", ("a",), registry=theirs)
    for number, time in enumerate(TIMES):
        endpoint = 'or"ders' if number % 3 else "invoices"
        counts.count("message", endpoint)
        counter.labels("message", endpoint).inc()
        seconds.observe(time, endpoint)
        histogram.labels(endpoint).observe(time)
        waits.observe(time)
        plain.observe(time)
    assert _shown(ours) == _shown(theirs)
