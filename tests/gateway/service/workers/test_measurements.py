"""Several workers' measurements as one: sums that never go backwards."""

import json
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.exchange.metrics import Metrics
from gateway.service.workers.measurements import Measurements, report_of
from keystore import TrustedCertificate, TrustSnapshot
from tests.gateway.exchange.harness import KEYS


def _worker(messages: int, revision: int, in_flight: int) -> Metrics:
    metrics = Metrics()
    for _ in range(messages):
        metrics.count_message("orders", "message", "accepted", None, ("old",))
        metrics.time_ledger(0.002)
    metrics.watch_exchanges(lambda: in_flight)
    entry = TrustedCertificate.from_pem("old", (KEYS / "old.pem").read_bytes())
    metrics.show_trust(TrustSnapshot((entry,), revision))
    return metrics


def _reported(metrics: Metrics) -> Any:
    return json.loads(json.dumps(report_of(metrics.registry)))


def _samples(measurements: Measurements) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in measurements.collect()
        for sample in family.samples
    }


ACCEPTED = "wssgate_messages_total['', 'accepted', 'message', 'orders']"


def test_sums_and_the_oldest_revision() -> None:
    one, other = _worker(3, revision=7, in_flight=2), _worker(5, revision=6, in_flight=1)
    measurements = Measurements()
    measurements.take(1, _reported(one))
    measurements.take(2, _reported(other))
    found = _samples(measurements)
    assert found[ACCEPTED] == 8
    assert found["wssgate_ledger_wait_seconds_bucket['0.0025']"] == 8
    assert found["wssgate_ledger_wait_seconds_bucket['0.001']"] == 0
    assert found["wssgate_exchanges_in_flight[]"] == 3
    assert found["wssgate_keystore_revision[]"] == 6
    (expiry,) = (value for name, value in found.items() if name.startswith("wssgate_certificate_not_after"))
    assert expiry == next(iter(_worker_expiry(one)))
    created = [value for name, value in found.items() if name.startswith("wssgate_messages_created")]
    assert len(created) == 1
    assert created[0] < 2e9


def _worker_expiry(metrics: Metrics) -> list[float]:
    return [
        sample.value
        for family in metrics.registry.collect()
        if family.name == "wssgate_certificate_not_after_timestamp_seconds"
        for sample in family.samples
    ]


def test_what_one_that_ended_had_counted_stays_and_what_it_was_busy_with_does_not() -> None:
    measurements = Measurements()
    for number in range(3):
        measurements.take(number, _reported(_worker(4, revision=1, in_flight=3)))
        measurements.end(number)
    measurements.end(99)
    measurements.take(9, _reported(_worker(1, revision=2, in_flight=1)))
    found = _samples(measurements)
    assert found[ACCEPTED] == 13
    assert found["wssgate_ledger_wait_seconds_count[]"] == 13
    assert found["wssgate_exchanges_in_flight[]"] == 1
    assert found["wssgate_keystore_revision[]"] == 2


def test_text_is_that_of_one_worker_where_there_is_one() -> None:
    metrics = _worker(2, revision=1, in_flight=0)
    measurements = Measurements()
    measurements.take(1, _reported(metrics))
    assert measurements.exposition(CollectorRegistry()) == metrics.exposition()
