"""Rows and roll-ups by prepared texts: the same rows as by one statement each, whatever the size of the group."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.database.prepared import insert_rows
from gateway.ledger.proof.chain import Link
from gateway.ledger.record_rows import row_of
from gateway.ledger.write.counted_operations import CountedOperations
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.receipt_layouts import ReceiptLayouts
from gateway.ledger.write.storing import store_records
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups
from tests.gateway.ledger.load import mixture


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 47])
def test_a_group_of_any_size_is_stored_whole_and_in_order(engine: Engine, count: int) -> None:
    group = [Encoded(record, row_of(record) | {"clock_offset": 7}) for record in map(mixture, range(count))]
    with writing(engine) as connection:
        link, _ = store_records(connection, group, Link.first(), ReceiptLayouts(), CountedOperations(), 0)
    with reading(engine) as connection:
        found = [dict(row) for row in connection.execute(select(messages).order_by(messages.c.sequence)).mappings()]
    assert found == [encoded.row for encoded in group]
    assert link.sequence == count
    assert stored_rollups(engine) == counted_from_rows(engine)


def test_one_row_that_is_there_already_takes_the_group_back(engine: Engine) -> None:
    rows = [row_of(mixture(number)) for number in range(20)]
    link = Link.first()
    for row in rows:
        link = link.extend(row)
    rows[17].update(id=rows[3]["id"], time=rows[3]["time"])  # where months are apart the instant is in the key
    with pytest.raises(IntegrityError), writing(engine) as connection:
        insert_rows(connection, messages, rows)
    with reading(engine) as connection:
        assert connection.execute(select(messages.c.id)).all() == []
