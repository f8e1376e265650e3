"""Counts since an instant within an hour: to the second, by the ledger's clock, as one by one."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import LedgerWriter, Role, end_of_hours, exact_beginning, rejections, usage
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.read import rest_of_hour as module
from gateway.ledger.read.rest_of_hour import rest_of_hour
from gateway.present import OTHER_OPERATIONS
from gateway.vocabulary import RecordedOutcome
from tests.databases import unprotected
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, rejected

HALF = NOON + timedelta(minutes=30)
SECOND = timedelta(seconds=1)


def _at(seconds: float, **fields: Any) -> dict[str, Any]:
    """Seconds after half past twelve."""
    return {"time": HALF + seconds * SECOND} | fields


@pytest.fixture
def filled(writer: LedgerWriter, engine: Engine) -> Engine:
    """Messages before half past, after it, and in the next hour."""
    records = [
        accepted(OLD, **_at(-1)),
        accepted(OLD, **_at(0)),
        accepted(OLD, NEW, **_at(1)),
        accepted(RENEWED, **_at(2, endpoint="invoices", operation=None)),
        accepted(OLD, **_at(3600)),
        rejected("unsigned", **_at(-1)),
        rejected("unsigned", **_at(1)),
        rejected("unsigned", **_at(3700, released=True)),
        rejected("retired-key", recognised=(RENEWED,), **_at(5)),
        accepted(outcome=RecordedOutcome.FAILED, **_at(6)),
    ]
    for record in records:
        writer.submit(record).result(10)
    return engine


def _usage(engine: Engine, since: datetime, **options: Any) -> dict[tuple[str, str, str], int]:
    rows = usage(engine, None, since, exact=True, **options)
    return {(row.endpoint, row.alias, str(row.outcome)): row.messages for row in rows}


def test_usage_is_counted_from_the_second_on(filled: Engine) -> None:
    assert exact_beginning(filled, HALF) == HALF
    assert _usage(filled, HALF) == {
        ("orders", "acme-2024", "accepted"): 3,
        ("orders", "acme-2026", "accepted"): 1,
        ("invoices", "acme-2025", "accepted"): 1,
        ("orders", "acme-2025", "rejected"): 1,
    }
    assert _usage(filled, HALF + SECOND)["orders", "acme-2024", "accepted"] == 2
    assert _usage(filled, HALF - SECOND)["orders", "acme-2024", "accepted"] == 4
    assert _usage(filled, HALF, keys=[NEW.key_id]) == {("orders", "acme-2026", "accepted"): 1}
    # Whole hours, and everything, are as they were.
    assert _usage(filled, NOON) == {(row.endpoint, row.alias, str(row.outcome)): row.messages for row in usage(filled)}
    row = next(row for row in usage(filled, "orders", HALF, exact=True) if row.alias == "acme-2024")
    assert (row.first_seen, row.last_seen, row.role) == (HALF, HALF + 3600 * SECOND, Role.NEEDED)
    assert row.share == 1.0
    new = next(row for row in usage(filled, "orders", HALF, exact=True) if row.alias == "acme-2026")
    assert new.share == pytest.approx(1 / 3)


def test_rejections_are_counted_from_the_second_on(filled: Engine) -> None:
    found = rejections(filled, None, HALF, exact=True)
    assert [(row.reason, row.messages, row.released) for row in found.rows] == [
        ("unsigned", 2, 1),
        ("retired-key", 1, 0),
    ]
    assert (found.messages, found.released, found.more) == (3, 1, 0)
    assert found.rows[0].first_seen == HALF + SECOND
    narrowed = rejections(filled, "orders", HALF, 1, exact=True)
    assert (len(narrowed.rows), narrowed.more, narrowed.messages) == (1, 1, 3)
    assert rejections(filled, "invoices", HALF, exact=True).rows == ()
    assert rejections(filled, None, NOON, exact=True) == rejections(filled, None, NOON)


HOUR = timedelta(hours=1)


def test_a_past_time_ends_with_its_last_hour(filled: Engine) -> None:
    assert [end_of_hours(at) - NOON for at in (NOON, NOON + SECOND, HALF, NOON + HOUR)] == [
        timedelta(),
        HOUR,
        HOUR,
        HOUR,
    ]
    last = NOON + HOUR - timedelta(microseconds=1)
    # Begins and ends within one hour: the rest of it, and nothing of the next one.
    assert _usage(filled, HALF, until=last)["orders", "acme-2024", "accepted"] == 2
    assert _usage(filled, HALF, until=NOON + HOUR)["orders", "acme-2024", "accepted"] == 3
    assert _usage(filled, NOON, until=last)["orders", "acme-2024", "accepted"] == 3
    whole = usage(filled, None, None, last)
    assert {row.alias: row.share for row in whole if row.outcome == "accepted" and row.alias == "acme-2024"} == {
        "acme-2024": 1.0
    }
    for since, messages, released in ((None, 3, 0), (NOON, 3, 0), (HALF, 2, 0)):
        found = rejections(filled, None, since, until=last, exact=True)
        assert (found.messages, found.released) == (messages, released)
    assert rejections(filled, None, HALF, until=NOON + HOUR, exact=True) == rejections(filled, None, HALF, exact=True)


def test_where_records_are_missing_the_whole_hour_is_counted(filled: Engine) -> None:
    with writing(filled) as connection, unprotected(connection):
        connection.execute(text("DELETE FROM messages WHERE endpoint = 'invoices'"))
    assert exact_beginning(filled, HALF) == NOON
    assert exact_beginning(filled, HALF, "invoices") == NOON
    assert exact_beginning(filled, HALF, "orders") == HALF
    assert exact_beginning(filled, NOON) == NOON


def test_records_from_before_signers_are_not_counted_by_them(filled: Engine) -> None:
    with writing(filled) as connection, unprotected(connection):
        connection.execute(text("UPDATE messages SET signers = NULL WHERE endpoint = 'invoices'"))
    assert exact_beginning(filled, HALF) == NOON


def test_operations_that_are_counted_together_are_counted_so_here_as_well(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "operations_on_record", lambda *_: set())
    with reading(filled) as connection:
        counts = rest_of_hour(connection, HALF, "orders")
    assert {name for _, name, *_ in counts.traffic.counts} == {OTHER_OPERATIONS}
    with reading(filled) as connection:
        counts = rest_of_hour(connection, HALF)
    assert ("invoices", "") in {(endpoint, name) for endpoint, name, *_ in counts.traffic.counts}


def test_the_rest_from_the_beginning_is_what_was_rolled_up(filled: Engine) -> None:
    with reading(filled) as connection:
        counts = rest_of_hour(connection, NOON)
    rolled_up = {(r.endpoint, r.operation or "", r.alias): r.messages for r in usage(filled, until=NOON)}
    found = {(cell[0], cell[1], cell[5]): count[0] for cell, count in counts.uses.by_cell().items()}
    assert found == rolled_up
    assert OPERATIONS[0] in {name for _, name, *_ in counts.traffic.counts}
