"""The language of filters: what it says, and what is told to whoever writes something else."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from gateway.ledger import FILTER_NAMES, FilterUnreadable, RecordFilter, parse_filter
from gateway.ledger.read.filter_language import MOST_TERMS
from tests.gateway.ledger.load import NOON


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ([], {}),
        ([""], {}),
        (["key:acme-2024"], {"key": "acme-2024"}),
        (
            ["key:acme-2024 op:Quote outcome:rejected since:2h"],
            {"key": "acme-2024", "operation": "Quote", "outcome": "rejected", "since": NOON - timedelta(hours=2)},
        ),
        (["endpoint:orders", "endpoint:invoices"], {"endpoint": ("orders", "invoices")}),
        (["op:{urn:orders}GetOrder"], {"operation": "{urn:orders}GetOrder"}),
        (["op:'{urn:a b}Get Order'"], {"operation": "{urn:a b}Get Order"}),
        (["OUTCOME:Rejected reason:UNKNOWN-key"], {"outcome": "rejected", "reason": "unknown-key"}),
        (["status:500 status:503"], {"status": (500, 503)}),
        (["released:no mode:observe kind:fault"], {"released": False, "mode": "observe", "kind": "fault"}),
        (["message:urn:uuid:1"], {"message_id": "urn:uuid:1"}),
        (["server:web:8080 instance:host:1"], {"server": "web:8080", "instance": "host:1"}),
        (
            ["since:2026-06-01T11:59:59.5Z until:10s"],
            {"since": NOON - timedelta(seconds=0.5), "until": NOON - timedelta(seconds=10)},
        ),
    ],
)
def test_what_is_said(texts: list[str], wanted: dict[str, Any]) -> None:
    if "until" in wanted:
        wanted["since"], wanted["until"] = wanted["since"] - timedelta(minutes=1), wanted["until"]
        texts = [texts[0].replace("11:59:59.5", "11:58:59.5")]
    assert parse_filter(texts, NOON) == RecordFilter(**wanted)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("acme", "'acme' is no term of a filter; write name:value with one of the names endpoint, op, key"),
        ("rejected", "did you mean outcome:rejected?"),
        ("unknown-key", "did you mean reason:unknown-key?"),
        ("operation:Quote", "did you mean op:...?"),
        ("alias:acme", "did you mean key:...?"),
        ("endpiont:orders", "did you mean endpoint:...?"),
        ("x:y", "'x:y' is no term of a filter; write"),
        ("key:", "'key:' names nothing: write key:VALUE, a key that signed it"),
        ("outcome:rejeted", "'rejeted' is none of accepted, rejected, passed, failed, did you mean rejected?"),
        ("outcome:zzz", "'zzz' is none of accepted, rejected, passed, failed"),
        ("reason:unknown", "did you mean unknown-key?"),
        ("status:5xx", "is no HTTP status: write three digits"),
        ("status:²00", "is no HTTP status: write three digits"),
        ("released:maybe", "is none of yes, no"),
        ("since:yesterday", "'since:yesterday': 'yesterday' is neither an instant such as"),
        ("since:99999999w", "is neither an instant"),
        ("since:999999w", "lies before the calendar's beginning"),
        ("since:1h since:2h", "since can be given once only"),
        ("since:1h until:2h", "until must be later than since"),
        ("op:'x", "a quote is opened and not closed"),
        (" ".join(["key:a"] * (MOST_TERMS + 1)), f"{MOST_TERMS} are the most"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(FilterUnreadable) as caught:
        parse_filter([text], NOON)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_an_option_said_is_not_said_again() -> None:
    beside = RecordFilter(endpoint="orders", since=NOON)
    assert parse_filter(["key:a"], NOON, beside=beside) == RecordFilter(endpoint="orders", since=NOON, key="a")
    with pytest.raises(FilterUnreadable, match="endpoint is said by an option already"):
        parse_filter(["endpoint:orders"], NOON, beside=beside)


def test_some_places_know_some_names_only() -> None:
    assert parse_filter(["endpoint:a"], NOON, names=("endpoint",)) == RecordFilter(endpoint="a")
    for text in ("key:a", "rejected", "x"):
        with pytest.raises(FilterUnreadable, match=r"with one of the names endpoint$"):
            parse_filter([text], NOON, names=("endpoint",))


def test_every_name_is_of_a_field() -> None:
    known = {field.name for field in fields(RecordFilter)}
    assert {name.field for name in FILTER_NAMES.values()} == known - {"thumbprint"}
