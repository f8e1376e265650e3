"""What the gateways told, as the gates read it: through the real ledger, with clocks of the tests' own."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import EventKind, LedgerUnavailable, Role, open_database, signing_key, writing
from gateway.ledger.read import event_window
from gateway.renewal import Closing, Evidence, Span, endpoints_now, measure
from gateway.verify import Signer
from gateway.vocabulary import RecordedOutcome
from keystore import State
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, rejected
from tests.gateway.ledger.watched_time import Watcher, long_steps, served

GET = OPERATIONS[0]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECONDS_30 = timedelta(seconds=30)


@pytest.fixture
def engine(migrated_file: str) -> Iterator[Engine]:
    engine = open_database(migrated_file)
    yield engine
    engine.dispose()


def last(
    evidence: Evidence, key: str = OLD.key_id, endpoint: str = "orders"
) -> list[tuple[Role, RecordedOutcome, int]]:
    return sorted((use.role, use.outcome, use.messages) for use in evidence.uses if use.key_id == key)


def test_uses_come_from_sums_from_heartbeats_and_from_records_that_none_has_counted(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    one.record(accepted(OLD, time=one.instant()))
    with long_steps():
        one.watch(3 * HOUR)
    one.record(accepted(OLD, time=one.instant()), accepted(NEW, time=one.instant()))
    one.watch(SECONDS_30, SECONDS_30)
    one.record(rejected("timestamp-stale", time=one.instant(), recognised=(OLD,)))
    evidence = measure(engine)
    assert last(evidence) == [
        (Role.NEEDED, RecordedOutcome.ACCEPTED, 2),
        (Role.NEEDED, RecordedOutcome.REJECTED, 1),
    ]
    (stale,) = (use for use in evidence.uses if use.outcome is RecordedOutcome.REJECTED)
    assert (stale.endpoint, stale.operation, stale.last_seen) == ("orders", GET, one.instant())
    assert evidence.taken_at == one.instant()
    assert evidence.disturbances == ()
    before = measure(engine).uses
    one.stop()
    assert sorted(map(repr, measure(engine).uses)) == sorted(map(repr, before)), "stopping sums up, and adds nothing"


def test_only_heartbeats_make_time_watched(engine: Engine) -> None:
    one = Watcher(engine, NOON, {"orders": served(), "invoices": served()})
    one.watch(2 * MINUTE, SECONDS_30)
    one.reachable["orders"] = False
    one.watch(5 * MINUTE, SECONDS_30)
    one.reachable["orders"] = True
    one.sleep(10 * MINUTE)  # nothing was told: nobody knows
    one.watch(MINUTE, SECONDS_30)
    evidence = measure(engine)
    assert evidence.watched == {
        "orders": (Span(NOON, NOON + 2 * MINUTE), Span(NOON + 17 * MINUTE + SECONDS_30, NOON + 18 * MINUTE)),
        "invoices": (Span(NOON, NOON + 7 * MINUTE), Span(NOON + 17 * MINUTE + SECONDS_30, NOON + 18 * MINUTE)),
    }
    one.stop()


def test_what_two_gateways_watch_counts_once(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    two = Watcher(engine, NOON, instance="host/2")
    one.watch(MINUTE, SECONDS_30)
    two.sleep(MINUTE)
    for watcher in (one, two, one, two, two, two):
        watcher.watch(SECONDS_30, SECONDS_30)
    assert measure(engine).watched_since("orders", NOON) == 3 * MINUTE
    for watcher in (one, two):
        watcher.stop()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_set_back_dates_nothing_back(engine: Engine, restarted: bool) -> None:
    one = Watcher(engine, NOON)
    one.watch(MINUTE, SECONDS_30)
    if restarted:
        one.stop()
        one = Watcher(engine, NOON + MINUTE, off=-6 * DAY)
    else:
        one.off = -6 * DAY // timedelta(microseconds=1)
    (record,) = one.record(accepted(OLD, time=one.instant() - 6 * DAY))
    one.watch(MINUTE, SECONDS_30)
    evidence = measure(engine)
    (use,) = evidence.uses
    assert record.time == NOON + MINUTE - 6 * DAY, "what its own clock says stays on record"
    assert use.last_seen == NOON + MINUTE
    assert evidence.watched_since("orders", use.last_seen) == MINUTE
    assert abs(one.writer.state.clock_offset / 1e6 - 6 * 86400) < 1
    one.stop()


def test_a_second_gateway_days_behind_counts_by_the_time_of_the_first(engine: Engine) -> None:
    right = Watcher(engine, NOON)
    right.watch(MINUTE, SECONDS_30)
    behind = Watcher(engine, NOON + MINUTE, instance="host/2", off=-5 * DAY)
    behind.record(accepted(OLD, time=NOON + MINUTE - 5 * DAY))
    (use,) = measure(engine).uses
    assert use.last_seen == NOON + MINUTE
    right.stop()
    behind.stop()


def test_the_configuration_is_what_was_recorded(engine: Engine) -> None:
    one = Watcher(engine, NOON, {"orders": served(3 * DAY)})
    one.watch(MINUTE, SECONDS_30)
    one.configure({"purchase": served(DAY, signatures="any", retention=200 * DAY)})
    one.watch(MINUTE, SECONDS_30)
    evidence = measure(engine)
    orders, purchase = evidence.recorded()["orders"], evidence.recorded()["purchase"]
    assert [(p.during, p.guaranteed_delivery_time, p.requires_all) for p in orders.policies] == [
        (Span(NOON, NOON + MINUTE), 3 * DAY, True)
    ]
    assert [(p.during.start, p.guaranteed_delivery_time, p.requires_all) for p in purchase.policies] == [
        (NOON + MINUTE, DAY, False)
    ]
    one.writer.tell(
        EventKind.RENAMED, {"endpoint": "orders", "new_name": "purchase", "reason": "merged", "who": "eva"}
    ).result(10)
    one.writer.tell(EventKind.ENDED, {"endpoint": "purchase", "reason": "not really", "who": "eva"}).result(10)
    one.watch(MINUTE, SECONDS_30)
    found = measure(engine)
    assert found.recorded()["orders"].closing == Closing(NOON + 2 * MINUTE, "eva", "merged", "purchase")
    assert found.names_of("purchase") == {"orders", "purchase"}
    assert found.recorded()["purchase"].closing is None, "it is still served: it did not end"
    assert found.every_name_of("orders") == found.every_name_of("purchase") == {"orders", "purchase"}
    assert endpoints_now(found, ["bills"]) == {"bills": {"bills"}, "purchase": {"orders", "purchase"}}
    one.stop()


def test_names_that_were_changed_in_a_circle_are_all_names_of_it(engine: Engine) -> None:
    one = Watcher(engine, NOON, {"orders": served(), "purchase": served()})
    one.watch(MINUTE, SECONDS_30)
    one.configure({})
    for old, new in (("orders", "purchase"), ("purchase", "orders")):
        told = {"endpoint": old, "new_name": new, "reason": "changed our minds", "who": "eva"}
        one.writer.tell(EventKind.RENAMED, told).result(10)
    one.watch(MINUTE, SECONDS_30)
    assert measure(engine).every_name_of("orders") == {"orders", "purchase"}
    one.stop()


def test_old_events_are_out_of_the_window_unless_an_endpoint_asks_for_longer(engine: Engine) -> None:
    first = Watcher(engine, NOON - 250 * DAY, {"gone": served()})
    first.record(accepted(OLD, time=first.instant(), endpoint="gone"))
    first.stop()
    second = Watcher(engine, NOON)
    second.watch(MINUTE, SECONDS_30)
    assert measure(engine).uses == ()
    assert "gone" not in measure(engine).recorded()
    assert len(measure(engine, longest=130 * DAY).uses) == 1
    second.configure({"orders": served(130 * DAY)})
    second.watch(MINUTE, SECONDS_30)
    assert len(measure(engine).uses) == 1
    second.stop()


def test_what_was_counted_before_roles_were_told_apart_counts_as_use(engine: Engine) -> None:
    noon = int(NOON.timestamp() * 1e6)
    with writing(engine) as connection:
        for how in ("verified", "recognised"):
            connection.execute(
                text(
                    "INSERT INTO key_usage_hourly VALUES "
                    "('orders', :operation, :thumbprint, :how, 1, 'acme-2024', :key, 5, :first, :last)"
                ),
                {
                    "operation": GET,
                    "thumbprint": OLD.thumbprint,
                    "how": how,
                    "key": OLD.key_id,
                    "first": noon,
                    "last": noon + 1,
                },
            )
    evidence = measure(engine)
    assert evidence.taken_at is None
    assert last(evidence) == [
        (Role.EARLIER, RecordedOutcome.ACCEPTED, 5),
        (Role.EARLIER, RecordedOutcome.REJECTED, 5),
    ]


def test_a_database_that_was_put_back_disturbs_the_evidence(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    one.watch(MINUTE, SECONDS_30)
    one.writer.tell(EventKind.RECOVERED, {"what": "restored", "expected": [], "found": []}).result(10)
    one.watch(MINUTE, SECONDS_30)
    (disturbance,) = measure(engine).disturbances
    assert disturbance.at == NOON + MINUTE
    one.stop()


def test_repetitions_and_what_was_not_needed_are_told_apart(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    beside = Signer(RENEWED, State.TRUSTED, 1, "7" * 64, ("Body",), needed=False)
    again = Signer(NEW, State.TRUSTED, 0, "8" * 64, ("Body",))
    one.record(accepted(NEW, time=one.instant(), signers=(again, beside)))
    one.record(rejected("timestamp-stale", time=one.instant(), signers=(again,)))
    one.watch(SECONDS_30, SECONDS_30)
    evidence = measure(engine)
    assert last(evidence, NEW.key_id) == [
        (Role.NEEDED, RecordedOutcome.ACCEPTED, 1),
        (Role.REPEATED, RecordedOutcome.REJECTED, 1),
    ]
    assert [use.role for use in evidence.uses_of(NEW.key_id)] == [Role.NEEDED]
    assert evidence.uses_of(RENEWED.key_id, "orders")[0].role is Role.PRESENT
    assert [use.role for use in evidence.needed_uses(RENEWED.key_id, "orders", NOON)] == [Role.PRESENT], (
        "all are needed"
    )
    one.configure({"orders": served(signatures="any")})
    one.stop()


MANIPULATIONS = {
    "the last event": ("DELETE FROM events WHERE number = (SELECT max(number) FROM events)", "last of its events"),
    "an event in the middle": ("DELETE FROM events WHERE number = 4", "before its number 5 are missing or altered"),
    "the content of one": (
        "UPDATE events SET content = replace(content, 'true', 'false') WHERE number = 4",
        "event 4 does not fit its hash",
    ),
    "no JSON": ("UPDATE events SET content = '[]' WHERE number = 4", "event 4 does not fit its hash"),
    "the first": ("DELETE FROM events WHERE number = 1", "no event introduces it"),
    "a record": ("DELETE FROM messages WHERE sequence = 2", "the last of its records are missing or altered"),
    "a record of several": (
        "DELETE FROM messages WHERE sequence = 2",
        "records from number 2 on are missing or altered",
    ),
    "a record that none has counted": (
        "UPDATE messages SET signers = '[]' WHERE sequence = 2",
        "records from number 2 on are missing or altered",
    ),
    "a record of another type": (
        "UPDATE messages SET request_bytes = x'00' WHERE sequence = 2",
        "records from number 2 on are missing or altered",
    ),
    "the head": ("UPDATE chains SET sequence = 1", "the end of its chains is not signed with its key"),
    "the signature": ("UPDATE chains SET signature = NULL", "the end of its chains is not signed with its key"),
    "the configuration": (
        "UPDATE events SET content = replace(content, '1209600000000', '1') WHERE number = 2",
        "event 2 does not fit its hash",
    ),
}


@pytest.mark.parametrize("manipulation", MANIPULATIONS)
def test_what_was_changed_disturbs_the_evidence(engine: Engine, tmp_path: Path, manipulation: str) -> None:
    key, _ = signing_key(tmp_path / "key")
    one = Watcher(engine, NOON, key=key)
    one.record(accepted(NEW, time=one.instant()))
    one.watch(2 * MINUTE, SECONDS_30)
    one.record(accepted(OLD, time=one.instant()))
    if manipulation == "a record of several":
        one.record(accepted(OLD, time=one.instant()))
    assert measure(engine).disturbances == ()
    statement, finding = MANIPULATIONS[manipulation]
    manipulate(engine, statement)
    assert any(finding in disturbance.sentence for disturbance in measure(engine).disturbances)
    manipulate(engine, "SELECT 1")
    one.writer.close(0)


@pytest.mark.parametrize("signers", ["x", "[1]", "[{}]"])
def test_signers_that_were_never_written_disturb_it_even_where_their_hash_fits(
    engine: Engine, signers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Watcher(engine, NOON)
    one.record(accepted(OLD, time=one.instant()))
    manipulate(engine, f"UPDATE messages SET signers = '{signers}'")  # noqa: S608 - those above
    monkeypatch.setattr(event_window, "digest_or_none", lambda _previous, row: row["hash"])
    (disturbance,) = measure(engine).disturbances
    assert "its record 1 holds a value that this program never wrote" in disturbance.sentence
    one.stop()


def manipulate(engine: Engine, statement: str) -> None:
    """What somebody does who may write the database: triggers are no obstacle."""
    with writing(engine) as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(statement))


def test_sums_of_hours_hang_together(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    with long_steps():
        one.watch(6 * HOUR)
    assert measure(engine).disturbances == ()
    manipulate(engine, "DELETE FROM events WHERE kind = 'heartbeat' AND number < 12")
    assert measure(engine).disturbances == (), "heartbeats that were summed up may go"
    assert measure(engine).watched_since("orders", NOON) > 5 * HOUR
    manipulate(
        engine,
        "DELETE FROM events WHERE number = (SELECT min(number) FROM events WHERE kind = 'rollup-sealed')",
    )
    found = [disturbance.sentence for disturbance in measure(engine).disturbances]
    assert any("which sums up an hour, is missing or altered" in sentence for sentence in found)
    one.stop()


def test_a_writer_that_somebody_invented_watches_nothing(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    one.watch(MINUTE, SECONDS_30)
    manipulate(
        engine,
        "INSERT INTO chains (writer, instance, sequence, hash, event_number, event_hash, time) SELECT "
        "'invented', 'host/9', 0, hash, 1, event_hash, time FROM chains",
    )
    evidence = measure(engine)
    assert "no event introduces it" in evidence.disturbances[0].sentence
    assert [seen.instance for seen in evidence.writers] == ["host/1"]
    one.stop()


def test_a_chain_that_another_one_saw_must_still_be_there(engine: Engine) -> None:
    one = Watcher(engine, NOON)
    one.record(accepted(OLD, time=one.instant()))
    one.watch(MINUTE, SECONDS_30)
    one.stop()
    two = Watcher(engine, NOON + 2 * MINUTE, instance="host/2")
    two.watch(MINUTE, SECONDS_30)
    assert measure(engine).disturbances == ()
    for table in ("events", "messages", "chains"):
        manipulate(engine, f"DELETE FROM {table} WHERE writer = '{one.writer.writer}'")  # noqa: S608 - our own
    (disturbance,) = measure(engine).disturbances
    assert f"it saw records and events of {one.writer.writer} that are gone" in disturbance.sentence
    two.stop()


def test_a_configuration_that_ended_before_the_window_is_no_policy_any_more(engine: Engine) -> None:
    with long_steps(10 * DAY):
        one = Watcher(engine, NOON, {"orders": served(timedelta(days=3))})
        one.watch(100 * DAY, 10 * DAY)
        one.configure({"orders": served(timedelta(days=2))})
        one.watch(100 * DAY, 10 * DAY)
        both = measure(engine).recorded()["orders"].policies
        one.watch(200 * DAY, 10 * DAY)
    one.stop()
    (left,) = measure(engine).recorded()["orders"].policies
    assert [policy.guaranteed_delivery_time.days for policy in (*both, left)] == [3, 2, 2]


def test_a_message_that_could_not_be_recorded_is_a_use_of_its_key(engine: Engine, migrated_file: str) -> None:
    database = Path(migrated_file.removeprefix("sqlite:///"))
    one = Watcher(engine, NOON)
    one.record(accepted(OLD, time=one.instant()), accepted(NEW, time=one.instant()))
    one.watch(MINUTE, SECONDS_30)
    away = database.with_suffix(".away")
    database.rename(away)
    with pytest.raises(LedgerUnavailable):
        one.record(accepted(OLD, time=one.instant()))
    away.rename(database)
    one.watch(SECONDS_30, SECONDS_30)
    came = one.instant()
    one.watch(MINUTE, SECONDS_30)
    evidence = measure(engine)
    assert last(evidence) == [
        (Role.NEEDED, RecordedOutcome.ACCEPTED, 1),
        (Role.NEEDED, RecordedOutcome.FAILED, 1),
    ]
    assert max(use.last_seen for use in evidence.needed_uses(OLD.key_id, "orders", NOON)) == came
    assert {use.outcome for use in evidence.uses_of(NEW.key_id)} == {RecordedOutcome.ACCEPTED}
    one.stop()
    manipulate(engine, "UPDATE events SET content = '{\"uses\":[]}' WHERE kind = 'unrecorded'")
    assert any("does not fit its hash" in one.sentence for one in measure(engine).disturbances)
