"""Records as lines: what is told of each, and where a narrow terminal breaks them."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.ledger import MessageRecord, StoredRecord
from gateway.report import RecordLines
from gateway.verify import EmbeddedCertificate
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome
from keystore import KeyId, Thumbprint
from tests.gateway.ledger.load import NEW, NOON, OLD, accepted, rejected
from tests.gateway.report.test_renderings import EVIL

_UNKNOWN = EmbeddedCertificate(
    "CN=x", "CN=x", 1, NOON, NOON, KeyId("a" * 64), Thumbprint("beef" * 16), "c" * 40, signature_good=True, der=b""
)


def _stored(record: MessageRecord) -> StoredRecord:
    return StoredRecord(record, "w", 1, "0", "1")


def _lines(*records: MessageRecord, width: int | None = None) -> list[str]:
    lines = RecordLines(width)
    lines.make_room([_stored(record) for record in records])
    return [line for record in records for line, _ in lines.lines(_stored(record))]


def test_a_line_tells_when_what_where_who_and_which_record() -> None:
    record = accepted(OLD, NEW, server="web-1")
    (day, line) = _lines(record)
    assert day == "2026-06-01 (UTC)"
    assert line == f"12:00:00  accepted  orders at web-1  GetOrder  acme-2024, acme-2026  {record.id}"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (rejected("unsigned"), "unsigned  orders  GetOrder  -  "),
        (rejected("unsigned", released=True, mode=Mode.OBSERVE), "unsigned (let through)  orders"),
        (rejected("retired-key", recognised=(OLD,)), "GetOrder  acme-2024  "),
        (rejected("unknown-key", embedded=_UNKNOWN), "GetOrder  unknown beefbeef  "),
        (rejected("unsigned", signers=None), "GetOrder  -  "),
        (accepted(outcome=RecordedOutcome.PASSED, kind=MessageKind.WSDL), "passed wsdl  orders"),
        (accepted(outcome=RecordedOutcome.FAILED, upstream_status=None), "failed  orders"),
        (accepted(outcome=RecordedOutcome.FAILED, upstream_status=302), "failed 302  orders"),
        (accepted(operation=None), "orders  (no operation)"),
    ],
)
def test_what_came_of_it(record: MessageRecord, words: str) -> None:
    assert words in _lines(record)[1]


def test_columns_stand_below_each_other_and_days_are_told_once() -> None:
    fields: list[dict[str, Any]] = [{}, {"endpoint": "a-longer-name"}, {"time": NOON + timedelta(days=1)}]
    lines = _lines(*(accepted(OLD, **one) for one in fields))
    assert [line for line in lines if "UTC" in line] == ["2026-06-01 (UTC)", "2026-06-02 (UTC)"]
    assert len({line.index("GetOrder") for line in lines if "GetOrder" in line}) == 1


def test_a_narrow_terminal_breaks_between_columns_only() -> None:
    record = accepted(OLD, server="a-server-with-a-long-name", operation="{urn:x}AnOperationWithALongName")
    lines = _lines(record, width=60)
    assert len(lines) > 2
    assert all(len(line) <= 60 for line in lines)
    for whole in ("orders at a-server-with-a-long-name", "AnOperationWithALongName", record.id):
        assert any(whole in line for line in lines)
    # What is longer than the screen stands alone, and whole.
    assert any(line.strip() == "AnOperationWithALongName" for line in _lines(record, width=20))


def test_no_name_reaches_the_terminal_raw() -> None:
    for line in _lines(rejected("unsigned", operation=EVIL, server=EVIL)):
        assert line.isprintable()
