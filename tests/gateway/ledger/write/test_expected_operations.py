"""Which operations are expected is remembered, within bounds."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from gateway.ledger import expected_operations, reading, remember_expected
from gateway.ledger.database import ledger_tables
from gateway.ledger.write import expected_operations as writing

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _seen(engine: Engine) -> dict[str, int]:
    columns = ledger_tables.expected_operations.c
    with reading(engine) as connection:
        return {row.operation: row.seen for row in connection.execute(select(columns.operation, columns.seen))}


def test_what_is_announced_is_expected_of_its_endpoint(engine: Engine) -> None:
    assert expected_operations(engine) == {}
    assert remember_expected(engine, "orders", ["{urn:o}Get", "Put", "", "Put"], NOW) == 0
    assert remember_expected(engine, "invoices", {"{urn:i}Get"}, NOW) == 0
    assert remember_expected(engine, "invoices", [], NOW) == 0
    assert expected_operations(engine) == {"invoices": ("{urn:i}Get",), "orders": ("Put", "{urn:o}Get")}


def test_what_is_announced_again_stays_and_nothing_goes(engine: Engine) -> None:
    remember_expected(engine, "orders", ["A", "B"], NOW)
    remember_expected(engine, "orders", ["B", "C"], NOW + timedelta(microseconds=7))
    seen = _seen(engine)
    assert set(seen) == {"A", "B", "C"}
    assert seen["B"] - seen["A"] == seen["C"] - seen["A"] == 7


def test_a_configuration_stands_in_the_place_of_what_was_expected(engine: Engine) -> None:
    remember_expected(engine, "orders", ["A", "B"], NOW)
    remember_expected(engine, "invoices", ["A"], NOW)
    remember_expected(engine, "orders", ["B", "C"], NOW, instead=True)
    assert expected_operations(engine) == {"invoices": ("A",), "orders": ("B", "C")}
    remember_expected(engine, "orders", [], NOW, instead=True)
    assert expected_operations(engine) == {"invoices": ("A",)}


def test_whoever_announces_too_much_pushes_nobody_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_EXPECTED", 3)
    assert remember_expected(engine, "orders", ["X", "Y"], NOW) == 0
    assert remember_expected(engine, "orders", ["A", "B", "C", "X"], NOW) == 2
    assert expected_operations(engine) == {"orders": ("A", "X", "Y")}
    assert remember_expected(engine, "orders", ["B", "Y"], NOW) == 1
    assert remember_expected(engine, "invoices", ["A", "B"], NOW) == 0, "each endpoint has room of its own"
    assert remember_expected(engine, "orders", ["A", "B", "C", "D"], NOW, instead=True) == 1
    assert expected_operations(engine)["orders"] == ("A", "B", "C")


def test_texts_that_no_database_holds_are_bounded_and_cleaned(engine: Engine) -> None:
    remember_expected(engine, "orders", ["A" * 1000, "B\0\ud800"], NOW)
    assert [len(name) for name in expected_operations(engine)["orders"]] == [512, 3]
