from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import (
    LedgerWriter,
    MessageRecord,
    RecordFilter,
    Role,
    Succession,
    UsageRow,
    seen_after,
    start_of_hour,
    usage,
)
from gateway.ledger.database.connections import writing
from gateway.ledger.read import rejection_sums
from gateway.ledger.read import roll_up_sums as sums
from gateway.ledger.read import stored_records as on_record
from gateway.verify import VerifiedBy
from tests.databases import drop_trigger
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, rejected, signer

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


def _seen(
    ledger: Ledger, after: datetime, *entries: VerifiedBy, server: str = "", roles: Collection[Role] = (Role.NEEDED,)
) -> Succession:
    thumbprints = [entry.thumbprint for entry in entries]
    return seen_after(ledger.engine, "orders", GET, server, thumbprints, after, roles)


def _at(minutes: float, *entries: Any, **fields: Any) -> MessageRecord:
    return accepted(*entries, time=NOON + minutes * MINUTE, **fields)


def test_usage_counts_by_cell_and_certificate(ledger: Ledger) -> None:
    ledger.add(
        _at(0, OLD), _at(61, OLD), _at(1, NEW), _at(2, OLD, operation=PLACE), _at(3, OLD, endpoint="invoices"), _at(4)
    )
    ledger.add(rejected("retired-key", recognised=(RENEWED,), time=NOON + MINUTE))
    found = sums.usage(ledger.engine)
    rows = [(r.endpoint, r.operation, r.alias, r.messages, round(r.share, 3)) for r in found if r.outcome == "accepted"]
    assert rows == [
        ("invoices", GET, "acme-2024", 1, 1.0),
        ("orders", GET, "acme-2024", 2, 0.5),
        ("orders", GET, "acme-2026", 1, 0.25),
        ("orders", PLACE, "acme-2024", 1, 1.0),
    ]
    old = sums.usage(ledger.engine, endpoint="orders")[0]
    assert (old.first_seen, old.last_seen) == (NOON, NOON + 61 * MINUTE)
    assert (old.thumbprint, old.key_id, old.role) == (OLD.thumbprint, OLD.key_id, Role.NEEDED)
    (rejection,) = (row for row in found if row.outcome == "rejected")
    assert (rejection.alias, rejection.messages, rejection.share) == ("acme-2025", 1, 1.0)


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
    assert sums.usage(ledger.engine, gaps=True, since=NOON + 60 * MINUTE) == []


def test_rejections_by_reason(ledger: Ledger) -> None:
    ledger.add(accepted(OLD), rejected("unsigned"), rejected("unsigned", mode="observe", released=True))
    ledger.add(rejected("not-soap", operation=None, time=NOON + MINUTE))
    found = [
        (r.operation, r.reason, r.messages, r.released, r.last_seen)
        for r in rejection_sums.rejections(ledger.engine).rows
    ]
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
        ledger.add(_at(minute, NEW), _at(minute, OLD), _at(minute, NEW, operation=PLACE), _at(minute, NEW, server="b"))
        present = (signer(NEW, minute + 1, needed=False), signer(OLD, minute + 1))
        ledger.add(rejected("staged-key", signers=present, time=NOON + minute * MINUTE))
        ledger.add(rejected("staged-key", signers=present, time=NOON + minute * MINUTE))  # again: no use
    found = _seen(ledger, NOON + after * MINUTE, NEW)
    moment: datetime | None = None if first is None else NOON + first * MINUTE
    assert found == Succession(messages, moment, exact=True)
    assert _seen(ledger, NOON + after * MINUTE, NEW, roles=(Role.PRESENT,)) == found


def test_messages_of_two_certificates_over_one_key_count_once(ledger: Ledger) -> None:
    ledger.add(_at(0, OLD, RENEWED), _at(5, OLD, RENEWED), _at(70, OLD, RENEWED), _at(71, OLD))
    assert _seen(ledger, NOON, OLD, RENEWED) == Succession(3, NOON + 5 * MINUTE, exact=False)


def test_removed_records_make_the_count_a_least_one(ledger: Ledger) -> None:
    ledger.add(_at(0, NEW), _at(5, NEW), _at(70, NEW))
    with writing(ledger.engine) as connection:
        drop_trigger(connection, "messages_are_only_pruned")
        connection.execute(text("DELETE FROM messages"))
    found = _seen(ledger, NOON, NEW)
    assert found == Succession(1, NOON + 70 * MINUTE, exact=False)


def test_no_certificates_were_never_seen(engine: Engine) -> None:
    nothing = Succession(0, None, exact=True)
    assert seen_after(engine, "orders", None, "", [], NOON, tuple(Role)) == nothing
    assert seen_after(engine, "orders", None, "", [OLD.thumbprint], NOON, ()) == nothing


@pytest.mark.parametrize("minute", [10, 70])
def test_the_strongest_role_of_a_certificate_in_a_message_counts(ledger: Ledger, minute: int) -> None:
    # In the hour of the instant, which is counted from its records, and in a later one, which is from the roll-ups.
    add = {"time": NOON + minute * MINUTE}
    ledger.add(
        accepted(OLD, signers=(signer(OLD, 1, needed=False), signer(OLD, 2, signature=1), signer(NEW, 1)), **add),
        accepted(OLD, signers=(signer(OLD, 3, needed=False),), **add),
        accepted(OLD, signers=(signer(OLD, 3, repeated=True),), **add),
    )
    ledger.add(
        rejected("dtd", signers=(signer(OLD, 3), signer(OLD, 4, needed=False, signature=1)), **add),  # 3 again
        rejected("dtd", signers=(signer(OLD, 3), signer(OLD, 4, needed=False, signature=1)), **add),  # both again
        rejected("dtd", signers=(signer(OLD, 5), signer(OLD, 4, signature=1)), **add),
    )
    counted = {role: _seen(ledger, NOON, OLD, roles=(role,)).messages for role in Role}
    assert counted == {Role.NEEDED: 3, Role.PRESENT: 2, Role.REPEATED: 1, Role.EARLIER: 0}
    assert all(_seen(ledger, NOON, OLD, roles=(role,)).exact for role in Role)
    told = {(row.role, row.outcome): row.messages for row in usage(ledger.engine) if row.alias == OLD.alias}
    assert told == {
        (Role.NEEDED, "accepted"): 2,
        (Role.PRESENT, "accepted"): 1,
        (Role.NEEDED, "rejected"): 1,
        (Role.PRESENT, "rejected"): 1,
        (Role.REPEATED, "rejected"): 1,
    }


def test_cells_are_told_apart_by_the_server_that_answered(ledger: Ledger) -> None:
    ledger.add(_at(0, OLD, server="a"), _at(1, NEW, server="a"), _at(2, OLD, server="b"), _at(3, OLD))
    told = [(row.server, row.alias, row.messages, row.share) for row in usage(ledger.engine)]
    assert told == [
        ("", "acme-2024", 1, 0.25),
        ("a", "acme-2024", 1, 0.25),
        ("a", "acme-2026", 1, 0.25),
        ("b", "acme-2024", 1, 0.25),
    ]
    assert [row.alias for row in usage(ledger.engine, keys=[NEW.key_id])] == ["acme-2026"]
    assert usage(ledger.engine, keys=[]) == []
    assert _seen(ledger, NOON, OLD, server="b") == Succession(1, NOON + 2 * MINUTE, exact=True)
    assert _seen(ledger, NOON, OLD, server="a") == Succession(0, None, exact=True)


def _only(ledger: Ledger, **wanted: Any) -> UsageRow:
    (row,) = usage(ledger.engine, **wanted)
    return row


def test_the_longest_time_without_a_message(ledger: Ledger) -> None:
    ledger.add(_at(0, OLD), _at(50, OLD))  # within one hour nobody looks
    assert _only(ledger, gaps=True).longest_gap == timedelta(0)
    ledger.add(_at(70, OLD), _at(400, OLD))
    assert (_only(ledger, gaps=True).longest_gap, _only(ledger).longest_gap) == (330 * MINUTE, timedelta(0))
    # Another key, another server or another outcome is another time.
    ledger.add(_at(200, NEW), _at(201, OLD, server="b"), rejected("dtd", recognised=(OLD,), time=NOON + 202 * MINUTE))
    (row,) = (
        row
        for row in usage(ledger.engine, keys=[OLD.key_id], gaps=True)
        if (row.alias, row.server, row.outcome) == (OLD.alias, "", "accepted")
    )
    assert row.longest_gap == 330 * MINUTE
    # A new name for the entry is no pause, nor does it hide one.
    renamed = type(OLD)(type(OLD.alias)("acme-former"), OLD.key_id, OLD.thumbprint)
    ledger.add(_at(250, renamed), _at(900, renamed), _at(910, OLD))
    (row,) = (row for row in usage(ledger.engine, gaps=True) if row.messages == 7)
    assert (row.alias, row.longest_gap) == ("acme-2024", 500 * MINUTE)
    # What lies before the time that is asked for makes no gap within it.
    assert max(row.longest_gap for row in usage(ledger.engine, gaps=True, since=NOON + 400 * MINUTE)) == 500 * MINUTE
    assert max(row.longest_gap for row in usage(ledger.engine, gaps=True, since=NOON + 900 * MINUTE)) == timedelta(0)


def test_the_latest_instant_of_signing(ledger: Ledger) -> None:
    signed = (NOON - 5 * MINUTE, NOON - 3 * MINUTE, None)
    ledger.add(*(_at(n, signers=(signer(OLD, n + 1, signed_at=at),)) for n, at in enumerate(signed)))
    ledger.add(_at(90, signers=(signer(OLD, 9, signed_at=NOON - 4 * MINUTE),)))
    assert _only(ledger).last_signed == NOON - 3 * MINUTE
    # Only one of a certificate's signatures covers the Timestamp; it is the same whichever comes first.
    both = (signer(OLD, 10), signer(OLD, 11, signature=1, signed_at=NOON))
    for signers in (both, both[::-1]):
        ledger.add(_at(91, signers=signers))
        assert _only(ledger).last_signed == NOON


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
    (newest,) = on_record.records(ledger.engine, limit=1)
    assert newest.record == replace(third, clock_offset=newest.record.clock_offset)
    assert on_record.records(ledger.engine, limit=-1) == []


def test_a_record_counts_for_a_key_if_any_of_its_signatures_is_of_that_key(ledger: Ledger) -> None:
    """Neither what verified it nor what was recognised names a signer that was merely there."""
    both = accepted(NEW, time=NOON, signers=(signer(NEW, 1), signer(OLD, 2, signature=1, needed=False)))
    stale = rejected("timestamp-stale", time=NOON + MINUTE, signers=(signer(OLD, 3),))
    ledger.add(both, stale, accepted(NEW, time=NOON + 2 * MINUTE))

    def ids(**wanted: Any) -> list[str]:
        return [stored.record.id for stored in on_record.records(ledger.engine, RecordFilter(**wanted))]

    assert ids(thumbprint=OLD.thumbprint) == [stale.id, both.id]
    for name in (OLD.alias, OLD.thumbprint, OLD.key_id):
        assert ids(key=str(name)) == [stale.id, both.id]
    # Of a certificate of the same key only the key id is the same.
    assert ids(key=str(RENEWED.alias)) == []


def test_an_unknown_record_is_none(engine: Engine) -> None:
    assert on_record.record(engine, "no such id") is None
