from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import How, LedgerWriter, MessageRecord, RecordFilter, Succession, start_of_hour
from gateway.ledger.database.connections import writing
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.read import stored_records as on_record
from tests.databases import drop_trigger
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, rejected

GET, PLACE, _ = OPERATIONS
MINUTE = timedelta(minutes=1)


class Ledger:
    """Writes records and waits for them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = LedgerWriter(engine, "host:1")

    def add(self, *records: MessageRecord) -> None:
        for future in [self._writer.submit(record) for record in records]:
            future.result(10)

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    ledger = Ledger(engine)
    yield ledger
    ledger.close()


def _at(minutes: float, *entries: Any, **fields: Any) -> MessageRecord:
    return accepted(*entries, time=NOON + minutes * MINUTE, **fields)


def test_usage_counts_by_cell_and_certificate(ledger: Ledger) -> None:
    ledger.add(
        _at(0, OLD), _at(61, OLD), _at(1, NEW), _at(2, OLD, operation=PLACE), _at(3, OLD, endpoint="invoices"), _at(4)
    )
    ledger.add(rejected("retired-key", recognised=(RENEWED,), time=NOON + MINUTE))
    rows = [(r.endpoint, r.operation, r.alias, r.messages, round(r.share, 3)) for r in sums.usage(ledger.engine)]
    assert rows == [
        ("invoices", GET, "acme-2024", 1, 1.0),
        ("orders", GET, "acme-2024", 2, 0.5),
        ("orders", GET, "acme-2026", 1, 0.25),
        ("orders", PLACE, "acme-2024", 1, 1.0),
    ]
    old = sums.usage(ledger.engine, endpoint="orders")[0]
    assert (old.first_seen, old.last_seen) == (NOON, NOON + 61 * MINUTE)
    assert (old.thumbprint, old.key_id, old.how) == (OLD.thumbprint, OLD.key_id, How.VERIFIED)
    (recognised,) = sums.usage(ledger.engine, how=How.RECOGNISED)
    assert (recognised.alias, recognised.messages, recognised.share) == ("acme-2025", 1, 1.0)


def test_certificates_over_one_key_share_their_messages(ledger: Ledger) -> None:
    ledger.add(_at(0, OLD, RENEWED), _at(1, OLD, RENEWED))
    assert [(r.alias, r.messages, r.share) for r in sums.usage(ledger.engine)] == [
        ("acme-2024", 2, 1.0),
        ("acme-2025", 2, 1.0),
    ]


def test_an_entry_that_was_renamed_is_one_row(ledger: Ledger) -> None:
    renamed = type(OLD)(type(OLD.alias)("acme-former"), OLD.key_id, OLD.thumbprint)
    ledger.add(_at(0, OLD), _at(70, renamed), _at(71, renamed))
    (row,) = sums.usage(ledger.engine)
    assert (row.alias, row.messages, row.share, row.first_seen) == ("acme-former", 3, 1.0, NOON)


def test_since_cuts_at_the_hour(ledger: Ledger) -> None:
    ledger.add(_at(-1, OLD), _at(0, OLD), _at(30, OLD))
    since = NOON + 20 * MINUTE
    assert start_of_hour(since) == NOON
    assert [row.messages for row in sums.usage(ledger.engine, since=since)] == [2]
    assert [row.messages for row in sums.traffic(ledger.engine, since=since)] == [2]
    assert sums.usage(ledger.engine, since=NOON + 60 * MINUTE) == []


def test_rejections_by_reason(ledger: Ledger) -> None:
    ledger.add(accepted(OLD), rejected("unsigned"), rejected("unsigned", mode="observe", released=True))
    ledger.add(rejected("not-soap", operation=None, time=NOON + MINUTE))
    found = [(r.operation, r.reason, r.messages, r.released, r.last_seen) for r in sums.rejections(ledger.engine).rows]
    assert found == [(GET, "unsigned", 2, 1, NOON), (None, "not-soap", 1, 0, NOON + MINUTE)]


def test_traffic_counts_everything(ledger: Ledger) -> None:
    ledger.add(accepted(OLD), accepted(OLD), rejected("unsigned"))
    ledger.add(accepted(kind="wsdl", outcome="passed", operation=None))
    found = [(r.operation, r.kind, r.outcome, r.reason, r.released, r.messages) for r in sums.traffic(ledger.engine)]
    assert found == [
        (None, "wsdl", "passed", None, True, 1),
        (GET, "message", "accepted", None, True, 2),
        (GET, "message", "rejected", "unsigned", False, 1),
    ]
    assert sums.traffic(ledger.engine, endpoint="nothing") == []


@pytest.mark.parametrize(
    ("after", "messages", "first"),
    [
        (-1, 5, 0),
        (0, 4, 1),
        (1, 3, 59),
        (58, 3, 59),
        (59, 2, 61),
        (60, 2, 61),
        (61, 1, 200),
        (200, 0, None),
        (5000, 0, None),
    ],
)
def test_what_was_seen_after_an_instant_is_exact(ledger: Ledger, after: int, messages: int, first: int | None) -> None:
    # Other cells, keys and outcomes around them must not count.
    for minute in (0, 1, 59, 61, 200):
        ledger.add(_at(minute, NEW), _at(minute, OLD), _at(minute, NEW, operation=PLACE))
        ledger.add(rejected("staged-key", recognised=(NEW,), time=NOON + minute * MINUTE))
    found = sums.seen_after(ledger.engine, "orders", GET, [NEW.thumbprint], NOON + after * MINUTE)
    moment: datetime | None = None if first is None else NOON + first * MINUTE
    assert found == Succession(messages, moment, exact=True)
    staged = sums.seen_after(ledger.engine, "orders", GET, [NEW.thumbprint], NOON + after * MINUTE, How.RECOGNISED)
    assert staged == found


def test_messages_of_two_certificates_over_one_key_count_once(ledger: Ledger) -> None:
    ledger.add(_at(0, OLD, RENEWED), _at(5, OLD, RENEWED), _at(70, OLD, RENEWED), _at(71, OLD))
    both = [OLD.thumbprint, RENEWED.thumbprint]
    assert sums.seen_after(ledger.engine, "orders", GET, both, NOON) == Succession(3, NOON + 5 * MINUTE, exact=False)


def test_removed_records_make_the_count_a_least_one(ledger: Ledger) -> None:
    ledger.add(_at(0, NEW), _at(5, NEW), _at(70, NEW))
    with writing(ledger.engine) as connection:
        drop_trigger(connection, "messages_are_only_pruned")
        connection.execute(text("DELETE FROM messages"))
    found = sums.seen_after(ledger.engine, "orders", GET, [NEW.thumbprint], NOON)
    assert found == Succession(1, NOON + 70 * MINUTE, exact=False)


def test_no_certificates_were_never_seen(engine: Engine) -> None:
    assert sums.seen_after(engine, "orders", None, [], NOON) == Succession(0, None, exact=True)


def test_records_by_filter_newest_first(ledger: Ledger) -> None:
    first, second = _at(0, OLD), _at(1, NEW)
    third = rejected("retired-key", recognised=(OLD,), time=NOON + 2 * MINUTE, operation=None)
    ledger.add(first, second, third)

    def ids(**wanted: Any) -> list[str]:
        return [stored.record.id for stored in on_record.records(ledger.engine, RecordFilter(**wanted))]

    assert ids() == [third.id, second.id, first.id]
    assert ids(outcome="rejected") == ids(reason="retired-key") == ids(operation="") == [third.id]
    assert ids(thumbprint=OLD.thumbprint) == [third.id, first.id]
    assert ids(thumbprint="%") == []
    assert ids(operation=GET, since=NOON + MINUTE, until=NOON + 2 * MINUTE) == [second.id]
    assert ids(endpoint="invoices") == []
    assert [s.record for s in on_record.records(ledger.engine, limit=1)] == [third]
    assert on_record.records(ledger.engine, limit=-1) == []


def test_an_unknown_record_is_none(engine: Engine) -> None:
    assert on_record.record(engine, "no such id") is None
