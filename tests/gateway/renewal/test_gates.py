"""The gates before an old key is retired, and before it is forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_settings
from gateway.ledger import How, UsageRow, migrate, open_database
from gateway.renewal import Delays, Evidence, MeasuredGates, delays_of, measure
from keystore import Blocker, State, TrustedCertificate
from keystore.store import KeystoreStore, StoredEntry
from tests.gateway.ledger.load import NOON
from tests.gateway.report.scene import DAY, GET, NEW, OLD, PLACE, RENEWED, Scene

SINCE = NOON - 200 * DAY
"""When the old key was trusted."""
FORTNIGHT = timedelta(days=14)


def stored(certificate: TrustedCertificate, row: int = 1, **fields: Any) -> StoredEntry:
    made = StoredEntry.of_certificate(certificate, at=NOON - 90 * DAY, who="eva")
    return replace(made, id=row, revision=1, **fields)


OLD_ENTRY, NEW_ENTRY, RENEWED_ENTRY = stored(OLD), stored(NEW, 2), stored(RENEWED, 3)


def seen(
    by: TrustedCertificate,
    day: float,
    *,
    operation: str | None = GET,
    endpoint: str = "orders",
    how: How = How.VERIFIED,
) -> UsageRow:
    at = NOON + day * DAY
    return UsageRow(endpoint, operation, by.alias, by.key_id, by.thumbprint, how, 1, 1.0, at, at)


def gates(*rows: UsageRow, now: float, hours: list[datetime] | None = None, **delays: timedelta) -> MeasuredGates:
    """Gates over these sightings, by a gateway that recorded something every hour unless `hours` says otherwise."""
    always = [NOON + timedelta(hours=n) for n in range(-24 * 300, 24 * 300)]
    known = {"orders": FORTNIGHT} | delays
    return MeasuredGates(
        Evidence(NOON + now * DAY, rows, always if hours is None else hours),
        {name: Delays(time) for name, time in known.items()},
    )


def retiring(
    measured: MeasuredGates,
    *others: StoredEntry,
    entry: StoredEntry = OLD_ENTRY,
    since: datetime = SINCE,
    kept: frozenset[str] | None = frozenset(),
) -> tuple[Blocker, ...]:
    return measured.before_retiring(entry, others, at=measured.evidence.taken_at, since=since, kept=kept)


def test_open_once_the_delivery_time_has_passed_and_the_new_key_carries_the_traffic() -> None:
    switched = (seen(OLD, 0), seen(NEW, 1))
    assert retiring(gates(*switched, now=14), NEW_ENTRY) == ()
    (blocker,) = retiring(gates(*switched, now=13.999), NEW_ENTRY)
    assert (blocker.endpoint, blocker.safe_at) == ("orders", NOON + FORTNIGHT)
    assert blocker.sentence == (
        "orders: the last message signed with it came at 2026-06-01 12:00:00Z, and others may be under way until the "
        "guaranteed delivery time of 14d has passed: earliest 2026-06-15 12:00:00Z"
    )


def test_what_is_shown_to_the_second_is_never_too_early() -> None:
    odd = replace(seen(OLD, 0), last_seen=NOON + timedelta(microseconds=1))
    (blocker,) = retiring(gates(odd, seen(NEW, 1), now=14), NEW_ENTRY)
    assert blocker.safe_at == NOON + FORTNIGHT + timedelta(seconds=1)


def test_a_rejected_message_tells_as_well_that_the_key_is_in_use() -> None:
    relapse = seen(OLD, 10, how=How.RECOGNISED)
    (blocker,) = retiring(gates(seen(OLD, 0), relapse, seen(NEW, 11), now=15), NEW_ENTRY)
    assert blocker.safe_at == NOON + 10 * DAY + FORTNIGHT


def test_closed_while_no_other_key_is_trusted() -> None:
    measured = gates(seen(OLD, 0), seen(NEW, 1), now=40)
    unusable = [
        stored(NEW, 2, state=State.STAGED),
        stored(NEW, 2, state=State.RETIRED),
        stored(NEW, 2, endpoints=frozenset({"invoices"})),
        stored(NEW, 2, trusted_until=NOON),
        replace(NEW_ENTRY, certificate=None),
    ]
    for others in [(), *((one,) for one in unusable)]:
        (blocker,) = retiring(measured, *others)
        assert (blocker.endpoint, blocker.safe_at) == ("orders", None)
        assert "no other key is trusted, so every response would be rejected" in blocker.sentence
    expired = gates(seen(OLD, 0), seen(NEW, 1), now=500, hours=[])
    assert "no other key is trusted" in retiring(expired, NEW_ENTRY)[0].sentence


def test_silence_is_no_evidence() -> None:
    (silent,) = retiring(gates(now=40), NEW_ENTRY)
    assert "no message was verified by another trusted key since this one was trusted at" in silent.sentence
    assert silent.safe_at is None
    before_it_was_trusted = gates(seen(NEW, -250), now=40)
    assert "silence is no evidence" in retiring(before_it_was_trusted, NEW_ENTRY)[0].sentence


def test_a_key_that_was_never_seen_waits_from_when_it_was_trusted() -> None:
    traffic = seen(NEW, 1)
    (blocker,) = retiring(gates(traffic, now=1), NEW_ENTRY, since=NOON)
    assert blocker.safe_at == NOON + FORTNIGHT
    assert "no message signed with it came since it was trusted at 2026-06-01 12:00:00Z" in blocker.sentence
    assert retiring(gates(traffic, now=14), NEW_ENTRY, since=NOON) == ()


def test_every_operation_has_to_be_carried_by_another_key() -> None:
    rows = seen(OLD, 0), seen(NEW, 1), seen(OLD, -1, operation=PLACE)
    (blocker,) = retiring(gates(*rows, now=40), NEW_ENTRY)
    assert blocker.sentence.startswith(f"orders: it is the key that carries {PLACE}: no other trusted key has")
    assert retiring(gates(*rows, seen(NEW, -0.5, operation=PLACE), now=40), NEW_ENTRY) == ()
    (again,) = retiring(gates(*rows, seen(NEW, -2, operation=PLACE), now=40), NEW_ENTRY)
    assert "carries" in again.sentence, "the new key was there first, and the old one came back"
    many = [seen(OLD, 0, operation=f"{{urn:x}}Op{n}") for n in range(5)]
    (listed,) = retiring(gates(*many, seen(OLD, 0, operation=None), now=40), NEW_ENTRY)
    assert "messages without an operation, {urn:x}Op0, {urn:x}Op1 and 3 more" in listed.sentence


def test_every_endpoint_that_it_is_trusted_for_has_its_own_gate() -> None:
    rows = (
        seen(OLD, 0),
        seen(NEW, 1),
        seen(OLD, 5, endpoint="invoices"),
        seen(NEW, 6, endpoint="invoices"),
    )
    measured = gates(*rows, now=20, invoices=timedelta(days=30))
    (blocker,) = retiring(measured, NEW_ENTRY)
    assert (blocker.endpoint, blocker.safe_at) == ("invoices", NOON + 35 * DAY)
    assert retiring(measured, NEW_ENTRY, kept=frozenset({"invoices"})) == ()
    assert retiring(measured, NEW_ENTRY, kept=None) == ()
    assert retiring(measured, NEW_ENTRY, entry=stored(OLD, endpoints=frozenset({"orders"}))) == ()


def test_an_endpoint_that_is_configured_no_more_still_has_messages_under_way() -> None:
    gone = seen(OLD, 10, endpoint="gone")
    (blocker,) = retiring(gates(seen(OLD, 0), seen(NEW, 1), gone, now=20), NEW_ENTRY)
    assert (blocker.endpoint, blocker.safe_at) == ("gone", NOON + 10 * DAY + FORTNIGHT)
    assert retiring(gates(seen(OLD, 0), seen(NEW, 1), gone, now=24), NEW_ENTRY) == ()


def test_a_renewed_certificate_over_the_same_key_keeps_the_gate_open() -> None:
    in_use = gates(seen(OLD, 0), now=0.1)
    assert retiring(in_use, RENEWED_ENTRY) == ()
    for too_short in (
        stored(RENEWED, 3, trusted_until=NOON + 13 * DAY),
        stored(RENEWED, 3, endpoints=frozenset({"invoices"})),
        stored(RENEWED, 3, state=State.STAGED),
    ):
        assert retiring(in_use, too_short)


def test_what_the_key_signed_counts_through_whichever_certificate() -> None:
    (blocker,) = retiring(gates(seen(RENEWED, 5), seen(NEW, 6), now=15), NEW_ENTRY)
    assert blocker.safe_at == NOON + 5 * DAY + FORTNIGHT


def test_a_key_withdrawn_as_compromised_protects_nothing_and_needs_no_protection() -> None:
    revoked = stored(RENEWED, 3, state=State.RETIRED, revoked=True)
    assert retiring(gates(seen(OLD, 0), now=0.1), revoked) == (), "its twin verifies nothing any more"
    successor = stored(NEW, 2), stored(NEW, 4, state=State.RETIRED, revoked=True)
    assert "no other key is trusted" in retiring(gates(seen(OLD, 0), seen(NEW, 1), now=40), *successor)[0].sentence


def test_time_in_which_nothing_was_recorded_does_not_count() -> None:
    def hours(*days: float) -> list[datetime]:
        return [NOON + day * DAY for day in days]

    switched = (seen(OLD, 0), seen(NEW, 12))
    # Down from day 1 to day 11: of these ten days three count.
    (blocker,) = retiring(gates(*switched, now=15, hours=hours(0, 1, 11, 12, 13, 14)), NEW_ENTRY)
    lost = 10 * DAY - timedelta(hours=1) - 3 * DAY
    assert blocker.safe_at == NOON + FORTNIGHT + lost
    assert "not counting 6 days in which nothing was recorded" in blocker.sentence
    assert retiring(gates(*switched, now=21, hours=hours(0, 1, 11, 12, 13, 14, 16, 18, 20)), NEW_ENTRY) == ()
    # A quiet long week-end is no outage; a pause that still lasts is counted like any other.
    assert retiring(gates(*switched, now=14, hours=hours(0, 3, 6, 9, 12)), NEW_ENTRY) == ()
    (lasting,) = retiring(gates(*switched, now=14, hours=hours(0, 3, 6, 9)), NEW_ENTRY)
    assert lasting.safe_at == NOON + FORTNIGHT + 2 * DAY - timedelta(hours=1)
    assert "not counting 47 hours" in lasting.sentence


def purging(measured: MeasuredGates, retired: float = 0) -> tuple[Blocker, ...]:
    entry = stored(OLD, state=State.RETIRED)
    return measured.before_purging(entry, at=measured.evidence.taken_at, since=NOON + retired * DAY)


def test_an_old_key_is_kept_for_90_days_after_it_was_exchanged() -> None:
    assert purging(gates(now=90)) == ()
    (blocker,) = purging(gates(now=89))
    assert blocker.safe_at == NOON + 90 * DAY
    assert blocker.sentence == (
        "old keys are kept for 90d after they were exchanged, and it was retired 2026-06-01 12:00:00Z; "
        "it may be purged from 2026-08-30 12:00:00Z on"
    )
    (relapse,) = purging(gates(seen(OLD, 20, how=How.RECOGNISED), now=90))
    assert relapse.safe_at == NOON + 110 * DAY
    assert "a message signed with it came as late as 2026-06-21" in relapse.sentence


def test_retention_makes_it_longer_and_never_shorter() -> None:
    def kept(days: int) -> MeasuredGates:
        measured = gates(now=90)
        return replace(measured, delays={"orders": Delays(FORTNIGHT, timedelta(days=days)), "x": Delays(FORTNIGHT)})

    assert purging(kept(1)) == ()
    short = {"orders": Delays(FORTNIGHT, timedelta(days=1))}
    assert purging(replace(gates(now=89), delays=short))[0].safe_at == NOON + 90 * DAY
    assert purging(kept(365))[0].safe_at == NOON + 365 * DAY
    elsewhere = stored(OLD, state=State.RETIRED, endpoints=frozenset({"x"}))
    assert kept(365).before_purging(elsewhere, at=NOON + 90 * DAY, since=NOON) == ()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    migrate(engine)
    made = Scene(engine)
    yield made
    made.close()
    engine.dispose()


def test_the_evidence_is_what_the_ledger_holds(scene: Scene, tmp_path: Path) -> None:
    minutes_a_day = 24 * 60
    scene.accept(0, 1, by=[OLD, RENEWED])
    scene.accept(2 * minutes_a_day, by=[NEW])
    scene.reject(3 * minutes_a_day, by=[OLD])
    evidence = measure(scene.engine, NOON + 4 * DAY)
    assert evidence.last_seen("orders", OLD.key_id) == NOON + 3 * DAY
    assert evidence.last_seen_anywhere(RENEWED.thumbprint) == NOON + timedelta(minutes=1)
    assert evidence.last_seen_anywhere(NEW.thumbprint) == NOON + 2 * DAY
    assert evidence.verified("orders", {NEW.key_id}) == {GET: NOON + 2 * DAY}
    assert evidence.endpoints_of(NEW.key_id) == {"orders"}
    assert list(evidence.hours) == [NOON, NOON + 2 * DAY, NOON + 3 * DAY]

    config = tmp_path / "gateway.toml"
    config.write_text(
        '[endpoint.orders]\npath = "/orders"\nupstream = "https://receiver.example/ws"\n'
        'guaranteed_delivery_time = "2d"\nretention = "120d"\n'
    )
    delays = delays_of(load_settings(config))
    assert delays == {"orders": Delays(timedelta(days=2), timedelta(days=120))}
    store = KeystoreStore(scene.engine)
    for entry in (OLD, NEW):
        store.add(entry.alias, entry.certificate, who="eva", why="", at=NOON)
    measured = MeasuredGates(evidence, delays)
    with pytest.raises(Exception, match="earliest 2026-06-06 12:00:00Z"):
        store.retire(OLD.alias, who="eva", why="", at=NOON + 4 * DAY, gates=measured)
