"""Strangers name operations; the roll-ups stay small."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from gateway.ledger import (
    LedgerWriter,
    MessageRecord,
    RecordRefused,
    expected_operations,
    remember_expected,
    verify_ledger,
)
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import key_uses_hourly, traffic_hourly
from gateway.ledger.proof import rollup_comparison, span_counts
from gateway.ledger.read import rejection_sums
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.read import stored_records as on_record
from gateway.ledger.write import counted_operations as operation_names
from gateway.present import OTHER_OPERATIONS
from tests.databases import unprotected
from tests.gateway.ledger.load import NOON, OLD, RENEWED, accepted, rejected


@pytest.fixture(autouse=True)
def _few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (operation_names, rollup_comparison):
        monkeypatch.setattr(module, "MOST_NAMES", 5)
    for module in (operation_names, rollup_comparison, span_counts):
        monkeypatch.setattr(module, "MOST_ACCEPTED_NAMES", 8)


def _add(writer: LedgerWriter, *made: MessageRecord) -> None:
    for future in [writer.submit(record) for record in made]:
        future.result(10)


def _counted(engine: Engine, endpoint: str = "orders") -> dict[str, int]:
    found: dict[str, int] = {}
    for row in sums.traffic(engine, endpoint):
        found[row.operation or ""] = found.get(row.operation or "", 0) + row.messages
    return found


def _unsigned(name: str, **fields: str) -> MessageRecord:
    return rejected("unsigned", operation=name, **fields)


def test_of_names_that_strangers_make_up_only_so_many_are_counted_by_themselves(
    engine: Engine, writer: LedgerWriter
) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number:03}") for number in range(40)))
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number:03}") for number in range(40)))
    counted = _counted(engine)
    assert len(counted) == 6
    assert (counted.pop(OTHER_OPERATIONS), set(counted.values())) == (70, {2})
    assert len({stored.record.operation for stored in on_record.records(engine, limit=100)}) == 40, "records keep them"


def test_an_accepted_operation_has_more_room_and_is_known_from_then_on(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in range(20)))
    late = "{urn:orders}Late"
    _add(writer, _unsigned(late))
    _add(writer, accepted(OLD, operation=late))
    _add(writer, _unsigned(late), _unsigned("{urn:orders}Later"))
    assert _counted(engine)[late] == 2
    assert _counted(engine)[OTHER_OPERATIONS] == 17
    with reading(engine) as connection:
        assert set(connection.execute(select(key_uses_hourly.c.operation)).scalars()) == {late}


def test_one_group_of_both_counts_the_accepted_name(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in range(20)))
    _add(writer, _unsigned("{urn:orders}New"), accepted(OLD, operation="{urn:orders}New"), _unsigned(""))
    assert _counted(engine)["{urn:orders}New"] >= 1
    assert _counted(engine)[""] == 1


def test_a_recognised_key_does_not_open_the_door_to_names(engine: Engine, writer: LedgerWriter) -> None:
    _add(
        writer,
        *(rejected("retired-key", recognised=(RENEWED,), operation=f"{{urn:x}}Op{number}") for number in range(20)),
    )
    with reading(engine) as connection:
        assert len(set(connection.execute(select(key_uses_hourly.c.operation)).scalars())) == 6
        assert len(set(connection.execute(select(traffic_hourly.c.operation)).scalars())) == 6


def test_each_endpoint_has_room_of_its_own(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in range(20)))
    _add(writer, _unsigned("{urn:x}A", endpoint="invoices"))
    assert _counted(engine, "invoices") == {"{urn:x}A": 1}


def test_the_most_frequent_rejections_are_listed_and_the_others_counted(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in (0, 1, 1, 2, 2, 2, 3)))
    _add(writer, rejected("dtd", mode="observe", released=True))
    found = rejection_sums.rejections(engine, limit=2)
    assert [(row.operation, row.messages) for row in found.rows] == [("{urn:x}Op2", 3), ("{urn:x}Op1", 2)]
    assert (found.more, found.messages, found.released) == (3, 8, 1)
    every = rejection_sums.rejections(engine)
    assert (len(every.rows), every.more) == (5, 0)
    assert rejection_sums.rejections(engine, "nowhere") == rejection_sums.Rejections((), 0, 0, 0)


def _signed(*numbers: int) -> list[MessageRecord]:
    return [accepted(OLD, operation=f"{{urn:x}}Call{number:03}") for number in numbers]


def test_of_names_that_clients_make_up_only_so_many_are_counted_by_themselves(
    engine: Engine, writer: LedgerWriter
) -> None:
    for _ in range(2):
        _add(writer, *_signed(*range(20)))
        _add(writer, *(_unsigned(f"{{urn:x}}Op{number:03}") for number in range(10)))
    counted = _counted(engine)
    assert (counted.pop(OTHER_OPERATIONS), counted) == (44, {f"{{urn:x}}Call{number:03}": 2 for number in range(8)})
    with reading(engine) as connection:
        assert len(set(connection.execute(select(key_uses_hourly.c.operation)).scalars())) == 9
    assert writer.close(), "which sums up: the events tell what was counted"
    assert verify_ledger(engine).is_intact


def test_what_is_expected_is_counted_by_itself_however_many_names_there_are(
    engine: Engine, writer: LedgerWriter
) -> None:
    remember_expected(engine, "orders", ["Monthly", "{urn:orders}Yearly"], NOON)
    assert set(expected_operations(engine)["orders"]) == {"Monthly", "{urn:orders}Yearly"}
    _add(writer, *_signed(*range(20)))
    _add(writer, accepted(OLD, operation="{urn:any}Monthly"), _unsigned("{urn:orders}Yearly"))
    _add(writer, accepted(OLD, operation="{urn:other}Yearly"))
    counted = _counted(engine)
    assert (counted["{urn:any}Monthly"], counted["{urn:orders}Yearly"], counted[OTHER_OPERATIONS]) == (1, 1, 13)
    # Announced later, a name has its own count from then on; what was counted before stays where it is.
    remember_expected(engine, "orders", ["Call019"], NOON)
    _add(writer, *_signed(19))
    assert _counted(engine)["{urn:x}Call019"] == 1
    assert writer.close(), "which sums up: the events tell what was counted"
    assert verify_ledger(engine).is_intact


def test_two_writers_that_fill_the_room_agree_with_what_is_verified(engine: Engine, writer: LedgerWriter) -> None:
    other = LedgerWriter(engine, "host:2")
    try:
        for number in range(12):
            _add((writer, other)[number % 2], *_signed(number))
        _add(writer, *_signed(*range(12)))
        _add(other, *_signed(*range(12)))
    finally:
        other.close()
    counted = _counted(engine)
    assert (counted.pop(OTHER_OPERATIONS), set(counted.values()), len(counted)) == (12, {3}, 8)
    assert writer.close(), "which sums up: the events tell what was counted"
    assert verify_ledger(engine).is_intact


def test_accepted_messages_that_somebody_moves_among_the_others_are_a_finding(
    engine: Engine, writer: LedgerWriter
) -> None:
    _add(writer, *_signed(*range(4)))
    with writing(engine) as connection, unprotected(connection):
        change = "SET operation = '*' WHERE operation = '{urn:x}Call003'"
        connection.execute(text(f"UPDATE key_uses_hourly {change}"))
    report = verify_ledger(engine)
    assert not report.is_intact
    assert "operation *" in " ".join(finding.detail for finding in report.findings)


@contextmanager
def _queries(engine: Engine) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "traffic_hourly" in statement or "expected_operations" in statement:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def test_whoever_makes_up_a_name_for_each_message_costs_a_few_queries_a_group(
    engine: Engine, writer: LedgerWriter
) -> None:
    _add(writer, *_signed(*range(20)))
    groups = writer.state.groups
    with _queries(engine) as asked:
        _add(writer, *_signed(*range(100, 400)), *(_unsigned(f"{{urn:x}}Op{number:03}") for number in range(300)))
    groups = writer.state.groups - groups
    reads = [statement for statement in asked if not statement.startswith("INSERT")]
    # Of at most 512 names two queries ask what is counted and three what is expected; that the room is taken is asked
    # once and for all, if not before.
    assert sum("RECURSIVE" in statement for statement in reads) <= 1
    assert len(reads) <= 5 * groups + 1
    _add(writer, *_signed(*range(8)))
    with _queries(engine) as asked:
        _add(writer, *_signed(*range(8)), _unsigned(""))
    assert [statement for statement in asked if not statement.startswith("INSERT")] == [], "what is known is not asked"


def test_what_has_no_record_is_told_by_the_names_that_the_roll_ups_use(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(rejected("unsigned", operation=f"op-{number}") for number in range(8)))
    known = set(_counted(engine)) - {OTHER_OPERATIONS}
    for name in (*sorted(known)[:1], "another", "further"):
        with pytest.raises(RecordRefused):
            writer.submit(accepted(OLD, operation=name, upstream_ms=float("nan"))).result(10)
    _add(writer, rejected("unsigned", operation="op-0"))
    uses = [row for row in sums.usage(engine) if str(row.outcome) == "failed"]
    assert {row.operation: row.messages for row in uses} == {min(known): 1, OTHER_OPERATIONS: 2}
