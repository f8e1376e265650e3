"""In which hours a certificate was used, and what was counted until an hour."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from gateway.ledger import LedgerWriter, RecordRefused, Role, seen_after, usage, use_hours
from gateway.ledger.database.ledger_tables import key_usage_hourly
from gateway.vocabulary import RecordedOutcome
from keystore import to_microseconds
from tests.databases import unprotected
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, rejected, signer
from tests.gateway.ledger.losing import tell_left

HOUR = timedelta(hours=1)
USES = (Role.NEEDED, Role.PRESENT, Role.EARLIER)
GET = OPERATIONS[0] or ""


def test_the_hours_of_one_cell(engine: Engine, writer: LedgerWriter) -> None:
    for minutes in (5, 20, 130):
        # Both certificates hold one key: each message is one.
        writer.submit(accepted(OLD, RENEWED, time=NOON + timedelta(minutes=minutes))).result(10)
    late = rejected("timestamp-stale", time=NOON + timedelta(minutes=30), signers=(signer(OLD, 77),))
    writer.submit(late).result(10)
    writer.submit(accepted(NEW, time=NOON)).result(10)
    writer.submit(accepted(OLD, time=NOON, operation=OPERATIONS[1])).result(10)
    writer.submit(accepted(OLD, time=NOON, server="b")).result(10)
    both = [str(OLD.thumbprint), str(RENEWED.thumbprint)]
    first, second = use_hours(engine, "orders", GET, "", both, USES)
    assert (first.messages, first.accepted) == (3, 2)
    assert (first.first_seen, first.last_seen) == (NOON + timedelta(minutes=5), NOON + timedelta(minutes=30))
    assert (second.messages, second.first_seen) == (1, NOON + timedelta(minutes=130))
    assert use_hours(engine, "orders", GET, "", both, [Role.REPEATED]) == []
    assert use_hours(engine, "orders", GET, "", [], USES) == []


def test_what_was_counted_before_roles_were_told_apart(engine: Engine) -> None:
    hour = to_microseconds(NOON) // 3_600_000_000
    for how, messages in (("verified", 7), ("recognised", 2)):
        with engine.begin() as connection:
            connection.execute(
                insert(key_usage_hourly).values(
                    endpoint="orders",
                    operation=GET,
                    thumbprint=str(OLD.thumbprint),
                    key_id=str(OLD.key_id),
                    alias=str(OLD.alias),
                    how=how,
                    hour=hour,
                    messages=messages,
                    first_seen=to_microseconds(NOON),
                    last_seen=to_microseconds(NOON),
                )
            )
    (found,) = use_hours(engine, "orders", GET, "", [str(OLD.thumbprint)], USES)
    assert (found.messages, found.accepted) == (9, 7)
    assert use_hours(engine, "orders", GET, "", [str(OLD.thumbprint)], [Role.NEEDED]) == []
    assert use_hours(engine, "orders", GET, "b", [str(OLD.thumbprint)], USES) == []


def test_counting_ends_with_the_hour_that_is_asked_for(engine: Engine, writer: LedgerWriter) -> None:
    for hours in (0, 1, 2, 3):
        writer.submit(accepted(OLD, time=NOON + hours * HOUR)).result(10)
    (row,) = usage(engine, "orders", until=NOON + 1.5 * HOUR)
    assert (row.messages, row.share, row.last_seen) == (2, 1.0, NOON + HOUR)
    thumbprints = [str(OLD.thumbprint)]
    assert seen_after(engine, "orders", GET, "", thumbprints, NOON, USES, until=NOON + 2 * HOUR).messages == 2
    assert seen_after(engine, "orders", GET, "", thumbprints, NOON, USES).messages == 3


def test_what_could_not_be_recorded_stands_beside_it(engine: Engine, writer: LedgerWriter) -> None:
    writer.submit(accepted(OLD)).result(10)
    for fields in ({}, {"operation": OPERATIONS[1]}, {"server": "b"}, {"endpoint": "other"}):
        with pytest.raises(RecordRefused):
            writer.submit(accepted(OLD, upstream_ms=float("nan"), **fields)).result(10)
    writer.submit(accepted(OLD, time=NOON + HOUR)).result(10)
    now = datetime.now(UTC)
    thumbprints = [str(OLD.thumbprint)]
    *recorded, told = use_hours(engine, "orders", GET, "", thumbprints, USES)
    assert [hour.messages for hour in recorded] == [1, 1]
    assert (told.messages, told.accepted) == (1, 0)
    assert now - HOUR < told.first_seen == told.last_seen < now + HOUR
    assert len(use_hours(engine, "orders", GET, "", thumbprints, [Role.PRESENT])) == 0
    assert len(use_hours(engine, "orders", GET, "", [str(NEW.thumbprint)], USES)) == 0
    rows = [row for row in usage(engine) if row.outcome is RecordedOutcome.FAILED]
    assert [(row.endpoint, row.operation, row.server, row.messages) for row in rows] == [
        ("orders", OPERATIONS[0], "", 1),
        ("orders", OPERATIONS[0], "b", 1),
        ("orders", OPERATIONS[1], "", 1),
        ("other", OPERATIONS[0], "", 1),
    ]
    assert len(usage(engine, "other")) == 1
    assert not [row for row in usage(engine, until=NOON + 2 * HOUR) if row.outcome is RecordedOutcome.FAILED]
    assert len(usage(engine, "orders", now - HOUR)) == 3
    assert len(usage(engine, "orders", now - HOUR, told.last_seen)) == 3, "the hour in which it ends is counted"
    assert usage(engine, "orders", now + 2 * HOUR) == []
    assert usage(engine, "orders", keys=[NEW.key_id]) == []


def test_a_pause_is_no_shorter_for_what_could_not_be_recorded(
    engine: Engine, writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told twice, days apart: nobody knows what lay in between."""
    for days in (0, 5):
        clock = writer._clock
        monkeypatch.setattr(clock, "now", lambda days=days: to_microseconds(NOON) + days * 86_400_000_000)
        with pytest.raises(RecordRefused):
            writer.submit(accepted(OLD, upstream_ms=float("nan"))).result(10)
        writer.submit(accepted(NEW, time=NOON)).result(10)
    (row,) = [row for row in usage(engine, gaps=True) if row.outcome is RecordedOutcome.FAILED]
    assert (row.messages, row.longest_gap) == (2, timedelta(days=5))


def test_what_was_altered_is_not_counted(engine: Engine, writer: LedgerWriter) -> None:
    with pytest.raises(RecordRefused):
        writer.submit(accepted(OLD, upstream_ms=float("nan"))).result(10)
    writer.submit(accepted(NEW)).result(10)
    assert len(usage(engine)) == 2
    altered = "UPDATE events SET content = replace(content, 'needed', 'present') WHERE kind = 'unrecorded'"
    with engine.begin() as connection, unprotected(connection):
        connection.execute(text(altered))
    assert len(usage(engine)) == 1


def test_where_nobody_knows_whether_there_was_one_no_hour_is_told(engine: Engine, tmp_path: Path) -> None:
    tell_left(engine, tmp_path / "ends", accepted(OLD))
    (row,) = usage(engine)
    assert (row.outcome, row.messages) == (RecordedOutcome.FAILED, 0)
    assert use_hours(engine, "orders", GET, "", [str(OLD.thumbprint)], USES) == []
