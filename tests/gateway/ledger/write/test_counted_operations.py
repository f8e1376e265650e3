"""Strangers name operations; the roll-ups stay small."""

import pytest
from sqlalchemy import Engine, select

from gateway.ledger import LedgerWriter, MessageRecord
from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, traffic_hourly
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.read import stored_records as on_record
from gateway.ledger.write import counted_operations as operation_names
from gateway.present import OTHER_OPERATIONS
from tests.gateway.ledger.load import OLD, RENEWED, accepted, rejected


@pytest.fixture(autouse=True)
def _few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_names, "MOST_NAMES", 5)


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


def test_an_accepted_operation_always_counts_and_is_known_from_then_on(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in range(20)))
    late = "{urn:orders}Late"
    _add(writer, _unsigned(late))
    _add(writer, accepted(OLD, operation=late))
    _add(writer, _unsigned(late), _unsigned("{urn:orders}Later"))
    assert _counted(engine)[late] == 2
    assert _counted(engine)[OTHER_OPERATIONS] == 17
    with reading(engine) as connection:
        assert set(connection.execute(select(key_usage_hourly.c.operation)).scalars()) == {late}


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
        assert len(set(connection.execute(select(key_usage_hourly.c.operation)).scalars())) == 6
        assert len(set(connection.execute(select(traffic_hourly.c.operation)).scalars())) == 6


def test_each_endpoint_has_room_of_its_own(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in range(20)))
    _add(writer, _unsigned("{urn:x}A", endpoint="invoices"))
    assert _counted(engine, "invoices") == {"{urn:x}A": 1}


def test_the_most_frequent_rejections_are_listed_and_the_others_counted(engine: Engine, writer: LedgerWriter) -> None:
    _add(writer, *(_unsigned(f"{{urn:x}}Op{number}") for number in (0, 1, 1, 2, 2, 2, 3)))
    _add(writer, rejected("dtd", mode="observe", released=True))
    found = sums.rejections(engine, limit=2)
    assert [(row.operation, row.messages) for row in found.rows] == [("{urn:x}Op2", 3), ("{urn:x}Op1", 2)]
    assert (found.more, found.messages, found.released) == (3, 8, 1)
    every = sums.rejections(engine)
    assert (len(every.rows), every.more) == (5, 0)
    assert sums.rejections(engine, "nowhere") == sums.Rejections((), 0, 0, 0)
