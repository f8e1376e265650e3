"""What is told of a message: each rejection, the first of what passes, the others only to who asks for all."""

import dataclasses
import logging
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from gateway.exchange.message_log import MessageLog
from tests.gateway.ledger.load import NEW, OLD, accepted, rejected


@pytest.fixture
def debugging() -> Iterator[None]:
    logger = logging.getLogger("wssgate.exchange")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    yield
    logger.setLevel(before)


def test_each_rejection_is_told() -> None:
    log, record = MessageLog(), rejected("digest-mismatch")
    with capture_logs() as lines:
        log.recorded(record)
        log.recorded(record)
    assert [(line["event"], line["log_level"], line["reason"]) for line in lines] == [
        ("rejected", "warning", "digest-mismatch")
    ] * 2


def test_the_first_message_of_a_key_is_told() -> None:
    log = MessageLog()
    with capture_logs() as lines:
        for entries in ((OLD,), (OLD,), (NEW,), (OLD,), (NEW, OLD)):
            log.recorded(accepted(*entries))
        log.recorded(dataclasses.replace(accepted(OLD), endpoint="invoices"))
    assert [(line["endpoint"], line["keys"], line["log_level"]) for line in lines] == [
        ("orders", "acme-2024", "info"),
        ("orders", "acme-2026", "info"),
        ("orders", "acme-2026,acme-2024", "info"),
        ("invoices", "acme-2024", "info"),
    ]
    assert {line["event"] for line in lines} == {"accepted, first since the start"}


def test_every_message_is_told_to_who_wants_to_know_all(debugging: None) -> None:
    log, record = MessageLog(), accepted(OLD)
    with capture_logs() as lines:
        for _ in range(3):
            log.recorded(record)
    assert [line["log_level"] for line in lines] == ["info", "debug", "debug"]
    assert lines[-1]["event"] == "accepted"
    assert lines[-1]["record"] == record.id
