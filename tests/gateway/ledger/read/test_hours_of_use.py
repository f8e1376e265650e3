"""In which hours a certificate was used, and what was counted until an hour."""

from datetime import timedelta

from sqlalchemy import Engine, insert

from gateway.ledger import LedgerWriter, Role, seen_after, usage, use_hours
from gateway.ledger.database.ledger_tables import key_usage_hourly
from keystore import to_microseconds
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, rejected, signer

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
