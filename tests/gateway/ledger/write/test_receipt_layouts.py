"""Receipts on their way into the database: layouts are stored once, few, and with the record that needs them."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from gateway.ledger import (
    ChainState,
    LedgerError,
    LedgerWriter,
    MessageRecord,
    ReceiptDamaged,
    find_record,
    reading,
    receipts_of,
    records,
    verify_chain,
    writing,
)
from gateway.ledger.database.ledger_tables import receipt_layouts
from gateway.ledger.write import receipt_layouts as module
from gateway.verify import SignatureReceipt
from tests.databases import refuse
from tests.gateway.ledger.load import accepted
from tests.gateway.ledger.receipt_samples import record_of_message


def with_receipt(signed_info: bytes, **fields: object) -> MessageRecord:
    """A record with one receipt."""
    record = accepted(**fields)
    signature = replace(record.signatures[0], receipt=SignatureReceipt(signed_info, b"value"))
    return replace(record, signatures=(signature,))


def odd(number: int) -> bytes:
    """A SignedInfo of a layout of its own."""
    return f"<SignedInfo><A{number}/></SignedInfo>".encode()


def layouts(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(receipt_layouts)).scalar_one()


def written(writer: LedgerWriter, *made: MessageRecord) -> None:
    for waiting in [writer.submit(record) for record in made]:
        waiting.result(10)


@pytest.mark.parametrize("message", ["timestamp-signed", "two-signatures-old-and-new", "soap-fault-11"])
def test_receipts_come_back_as_they_were(engine: Engine, writer: LedgerWriter, message: str) -> None:
    record = record_of_message(message)
    expected = {n: s.receipt for n, s in enumerate(record.signatures) if s.receipt is not None}
    assert expected
    written(writer, record)
    assert receipts_of(engine, find_record(engine, record.id)) == expected
    assert layouts(engine) == 1
    (report,) = verify_chain(engine)
    assert (report.state, report.rows) == (ChainState.INTACT, 1)


def test_a_record_without_receipts_has_none(engine: Engine, writer: LedgerWriter) -> None:
    record = record_of_message("unsigned")
    written(writer, record)
    stored = find_record(engine, record.id)
    assert stored.receipts is None
    assert receipts_of(engine, stored) == {}


def test_one_that_is_too_large_leaves_the_others(engine: Engine, writer: LedgerWriter) -> None:
    record = record_of_message("two-signatures-old-and-new")
    huge = replace(record.signatures[0], receipt=SignatureReceipt(b"x" * 100_000, b"value"))
    written(writer, replace(record, signatures=(huge, record.signatures[1])))
    assert set(receipts_of(engine, find_record(engine, record.id))) == {1}


def test_layouts_are_bounded_and_nothing_is_lost_by_it(
    engine: Engine, writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LAYOUTS", 3)
    written(writer, *(with_receipt(odd(number)) for number in range(12)))
    assert layouts(engine) == 3
    written(writer, with_receipt(odd(0), endpoint="invoices"))
    written(writer, with_receipt(odd(100), endpoint="invoices"))
    assert layouts(engine) == 4, "the layout of the other endpoint serves, and each endpoint has a number of its own"
    found = [receipts_of(engine, stored)[0].signed_info for stored in records(engine)]
    assert set(found) == {odd(number) for number in (*range(12), 100)}


def test_a_writer_goes_on_with_the_layouts_that_are_there(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LAYOUTS", 2)
    for number in (0, 1, 2, 0):
        writer = LedgerWriter(engine, "host:1")
        written(writer, with_receipt(odd(number)))
        assert writer.close(10)
    assert layouts(engine) == 2
    texts = [stored.receipts or "" for stored in records(engine)]
    assert sum('[[0,"",' in text for text in texts) == 1


def test_two_writers_add_the_same_layout(engine: Engine) -> None:
    writers = [LedgerWriter(engine, f"host:{number}") for number in range(2)]
    for number in range(5):
        for writer in writers:
            written(writer, with_receipt(odd(number)))
    assert all(writer.close(10) for writer in writers)
    assert layouts(engine) == 5


@pytest.fixture
def refusing(engine: Engine) -> None:
    with writing(engine) as connection:
        refuse(connection, "INSERT ON messages", "not today", "NEW.detail = 'refused'")


@pytest.mark.usefixtures("refusing")
def test_a_layout_whose_transaction_was_taken_back_is_added_again(engine: Engine, writer: LedgerWriter) -> None:
    with pytest.raises(LedgerError):
        writer.submit(with_receipt(odd(1), detail="refused")).result(10)
    assert layouts(engine) == 0
    record = with_receipt(odd(1))
    written(writer, record)
    assert receipts_of(engine, find_record(engine, record.id))[0].signed_info == odd(1)


def test_the_database_refuses_changes_to_layouts(engine: Engine, writer: LedgerWriter) -> None:
    record = with_receipt(odd(1))
    written(writer, record)
    for change in (delete(receipt_layouts), update(receipt_layouts).values(layout="[]")):
        with pytest.raises(DBAPIError, match="append-only"), writing(engine) as connection:
            connection.execute(change)
    with writing(engine) as connection:
        connection.execute(insert(receipt_layouts).values(id="0" * 64, endpoint="orders", layout="[]"))
    assert receipts_of(engine, find_record(engine, record.id))[0].signed_info == odd(1)


def test_a_layout_that_is_gone_is_told(engine: Engine, writer: LedgerWriter) -> None:
    record = with_receipt(odd(1))
    written(writer, record)
    stored = find_record(engine, record.id)
    text = (stored.receipts or "").replace('[[0,"', '[[0,"' + "0" * 64 + '",["x"],""],[1,"', 1)
    with pytest.raises(ReceiptDamaged, match="is not there"):
        receipts_of(engine, replace(stored, receipts=text))
