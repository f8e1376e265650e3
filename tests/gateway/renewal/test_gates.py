"""The gates before an old key is retired, and before it is forgotten."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.ledger import Role
from gateway.renewal import (
    Closing,
    Delays,
    Disturbance,
    Evidence,
    KeyUse,
    MeasuredGates,
    RecordedEndpoint,
    RecordedPolicy,
    Span,
    WaivedCell,
)
from gateway.vocabulary import RecordedOutcome
from keystore import Blocker, State, TrustedCertificate
from keystore.store import StoredEntry
from tests.gateway.ledger.load import NOON
from tests.gateway.report.scene import DAY, GET, NEW, OLD, PLACE, RENEWED

SINCE = NOON - 200 * DAY
"""When the old key was trusted."""
FORTNIGHT = timedelta(days=14)
ALWAYS = (Span(NOON - 300 * DAY, NOON + 300 * DAY),)


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
    role: Role = Role.NEEDED,
    outcome: RecordedOutcome = RecordedOutcome.ACCEPTED,
) -> KeyUse:
    at = NOON + day * DAY
    return KeyUse(endpoint, operation, "", by.thumbprint, by.key_id, by.alias, role, outcome, 1, at, at, None)


def policy(
    delivery: timedelta = FORTNIGHT,
    *,
    during: Span = ALWAYS[0],
    retention: timedelta = timedelta(days=90),
    requires_all: bool = False,
) -> RecordedPolicy:
    return RecordedPolicy(during, delivery, retention, requires_all)


def recorded(name: str, *policies: RecordedPolicy, closing: Closing | None = None) -> RecordedEndpoint:
    return RecordedEndpoint(name, policies, closing)


def evidence_of(
    *uses: KeyUse,
    now: float,
    watched: Sequence[Span] = ALWAYS,
    endpoints: Sequence[RecordedEndpoint] = (),
    disturbances: Sequence[Disturbance] = (),
) -> Evidence:
    """Evidence of gateways that watched all endpoints at the times `watched`, until `now`."""
    until = NOON + now * DAY
    found = {one.name: one for one in (endpoints or (recorded("orders", policy()),))}
    cut = [Span(span.start, min(span.end, until)) for span in watched if span.start < until]
    return Evidence(until, uses, found, dict.fromkeys(found, cut), disturbances)


def gates(*uses: KeyUse, now: float, **options: Any) -> MeasuredGates:
    """Gates asked at the very moment of the last event, with the endpoint `orders` configured."""
    evidence = evidence_of(*uses, now=now, **options)
    return MeasuredGates(evidence, {"orders": Delays(FORTNIGHT)}, NOON + now * DAY)


def retiring(
    measured: MeasuredGates,
    *others: StoredEntry,
    entry: StoredEntry = OLD_ENTRY,
    since: datetime = SINCE,
    kept: frozenset[str] | None = frozenset(),
    at: datetime | None = None,
) -> tuple[Blocker, ...]:
    answer = measured.before_retiring(entry, others, at=at or measured.asked_at, since=lambda _: since, kept=kept)
    assert answer.evidence == "" or json.loads(answer.evidence)["schema"] == "wssgate.gate/1"
    return answer.blockers


SWITCHED = (seen(OLD, 0), seen(NEW, 1))


def test_open_once_the_delivery_time_was_watched_and_the_new_key_carries_the_traffic() -> None:
    assert retiring(gates(*SWITCHED, now=14), NEW_ENTRY) == ()
    (blocker,) = retiring(gates(*SWITCHED, now=13.999), NEW_ENTRY)
    assert (blocker.endpoint, blocker.safe_at) == ("orders", NOON + FORTNIGHT)
    assert blocker.sentence == (
        "orders: the last message that needed it came at 2026-06-01 12:00:00Z, and others may be under way until the "
        "guaranteed delivery time of 14d has passed while somebody watched; watched so far: 13 d 23 h, so earliest "
        "2026-06-15 12:00:00Z if that goes on without a gap"
    )


def test_of_messages_without_a_record_it_is_said_when_that_was_told() -> None:
    unrecorded = replace(seen(OLD, 1), outcome=RecordedOutcome.FAILED)
    alone, early = retiring(gates(*SWITCHED, unrecorded, now=3), NEW_ENTRY)
    assert "it is the key that carries" in alone.sentence
    assert early.sentence.startswith(
        "orders: messages that needed it could not be recorded, as was told at 2026-06-02 12:00:00Z, and others may be "
        "under way until the guaranteed delivery time of 14d"
    )
    assert early.safe_at == NOON + timedelta(days=15)


def test_of_messages_that_a_killed_process_may_have_had_it_is_said_that_nobody_knows() -> None:
    left = replace(seen(OLD, 1), outcome=RecordedOutcome.FAILED, messages=0)
    alone, early = retiring(gates(*SWITCHED, left, now=3), NEW_ENTRY)
    assert "it is the key that carries" in alone.sentence
    assert early.sentence.startswith(
        "orders: a gateway process was killed, and messages that needed it may have come that were never recorded, as "
        "was told at 2026-06-02 12:00:00Z; others may be under way until the guaranteed delivery time of 14d"
    )


def test_what_a_gateway_has_met_just_now_keeps_the_gate_shut() -> None:
    met = replace(seen(OLD, 20), outcome=RecordedOutcome.FAILED, messages=0, is_under_way=True)
    asked = replace(gates(*SWITCHED, now=20), under_way=(met,))
    alone, early = retiring(asked, NEW_ENTRY)
    assert "it is the key that carries" in alone.sentence
    assert early.sentence.startswith("orders: a gateway has met messages that needed it within the last minute or two")
    assert early.safe_at == NOON + timedelta(days=34)
    moment = replace(seen(OLD, 20), last_seen=NOON + timedelta(days=20, minutes=-1))
    recorded = replace(asked, evidence=replace(asked.evidence, uses=(*asked.evidence.uses, moment)))
    _, early = retiring(recorded, NEW_ENTRY)
    assert early.sentence.startswith("orders: the last message that needed it came at 2026-06-21 11:59:00Z, and")
    assert early.safe_at == NOON + timedelta(days=34)
    assert retiring(replace(asked, under_way=(replace(met, role=Role.PRESENT),)), NEW_ENTRY) == ()
    assert retiring(replace(asked, under_way=(replace(met, key_id=NEW.key_id),)), NEW_ENTRY) == ()


def test_what_is_shown_to_the_second_is_never_too_early() -> None:
    odd = replace(seen(OLD, 0), last_seen=NOON + timedelta(microseconds=1))
    (blocker,) = retiring(gates(odd, seen(NEW, 1), now=14), NEW_ENTRY)
    assert blocker.safe_at == NOON + FORTNIGHT + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("last", "counts"),
    [
        ({"outcome": RecordedOutcome.REJECTED}, True),
        ({"role": Role.EARLIER}, True),
        ({"role": Role.REPEATED, "outcome": RecordedOutcome.REJECTED}, False),
        ({"role": Role.PRESENT}, False),
    ],
)
def test_which_uses_keep_the_gate_shut(last: dict[str, Any], counts: bool) -> None:
    blockers = retiring(gates(*SWITCHED, seen(OLD, 10, **last), seen(NEW, 11), now=15), NEW_ENTRY)
    assert bool(blockers) is counts
    if counts:
        assert blockers[0].safe_at == NOON + 10 * DAY + FORTNIGHT


def test_where_every_signature_has_to_verify_each_of_them_is_needed() -> None:
    uses = (*SWITCHED, seen(OLD, 10, role=Role.PRESENT), seen(NEW, 11))
    strict = policy(requires_all=True, during=Span(NOON + 14 * DAY, NOON + 16 * DAY))
    before = policy(during=Span(SINCE, NOON + 14 * DAY))
    (blocker,) = retiring(gates(*uses, now=15, endpoints=[recorded("orders", before, strict)]), NEW_ENTRY)
    assert blocker.safe_at == NOON + 10 * DAY + FORTNIGHT


def test_closed_while_no_other_key_is_trusted() -> None:
    measured = gates(*SWITCHED, now=40)
    unusable = [
        stored(NEW, 2, state=State.STAGED),
        stored(NEW, 2, state=State.RETIRED),
        stored(NEW, 2, endpoints=frozenset({"invoices"})),
        replace(NEW_ENTRY, certificate=None),
    ]
    for others in [(), *((one,) for one in unusable)]:
        (blocker,) = retiring(measured, *others)
        assert (blocker.endpoint, blocker.safe_at) == ("orders", None)
        assert "no other key is trusted, so every response would be rejected" in blocker.sentence


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
    assert "no message needed it since it was trusted at 2026-06-01 12:00:00Z, which tells" in blocker.sentence
    assert retiring(gates(traffic, now=14), NEW_ENTRY, since=NOON) == ()
    # Trusted again, or for one more endpoint: what was seen before says nothing about the time since.
    (again,) = retiring(gates(seen(OLD, -20), traffic, seen(NEW, 9), now=10), NEW_ENTRY, since=NOON + 5 * DAY)
    assert again.safe_at == NOON + 5 * DAY + FORTNIGHT


def test_every_operation_has_to_be_carried_by_another_key() -> None:
    rows = (*SWITCHED, seen(OLD, -1, operation=PLACE))
    (blocker,) = retiring(gates(*rows, now=40), NEW_ENTRY)
    assert blocker.sentence.startswith(f"orders: it is the key that carries {PLACE}: no other trusted key has")
    assert retiring(gates(*rows, seen(NEW, -0.5, operation=PLACE), now=40), NEW_ENTRY) == ()
    rejected_only = seen(NEW, 2, operation=PLACE, outcome=RecordedOutcome.REJECTED)
    assert retiring(gates(*rows, rejected_only, now=40), NEW_ENTRY), "the new key has verified nothing there"
    (again,) = retiring(gates(*rows, seen(NEW, -2, operation=PLACE), now=40), NEW_ENTRY)
    assert "carries" in again.sentence, "the new key was there first, and the old one came back"
    many = [seen(OLD, 0, operation=f"{{urn:x}}Op{n}") for n in range(5)]
    (listed,) = retiring(gates(*many, seen(OLD, 0, operation=None), now=40), NEW_ENTRY)
    assert "messages without an operation, {urn:x}Op0, {urn:x}Op1 and 3 more" in listed.sentence


def test_every_endpoint_that_it_is_trusted_for_has_its_own_gate() -> None:
    uses = (*SWITCHED, seen(OLD, 5, endpoint="invoices"), seen(NEW, 6, endpoint="invoices"))
    served = [recorded("orders", policy()), recorded("invoices", policy(timedelta(days=30)))]
    measured = gates(*uses, now=20, endpoints=served)
    (blocker,) = retiring(measured, NEW_ENTRY)
    assert (blocker.endpoint, blocker.safe_at) == ("invoices", NOON + 35 * DAY)
    assert retiring(measured, NEW_ENTRY, kept=frozenset({"invoices"})) == ()
    assert retiring(measured, NEW_ENTRY, kept=None) == ()
    assert retiring(measured, NEW_ENTRY, entry=stored(OLD, endpoints=frozenset({"orders"}))) == ()


def test_the_configuration_of_whoever_asks_can_only_add() -> None:
    """A file without the endpoint, or with a delivery time of a millisecond, opens nothing."""
    evidence = evidence_of(*SWITCHED, now=10)
    for delays in ({}, {"orders": Delays(timedelta(milliseconds=1))}, {"other": Delays(timedelta(milliseconds=1))}):
        blockers = retiring(MeasuredGates(evidence, delays, NOON + 10 * DAY), NEW_ENTRY)
        assert any(blocker.safe_at == NOON + FORTNIGHT for blocker in blockers)
    longer = MeasuredGates(evidence, {"orders": Delays(timedelta(days=30))}, NOON + 10 * DAY)
    assert retiring(longer, NEW_ENTRY)[0].safe_at == NOON + 30 * DAY
    # Shorter since yesterday: messages that were sent before are under way for as long as was promised then.
    shortened = [
        recorded(
            "orders",
            policy(during=Span(SINCE, NOON + 9 * DAY)),
            policy(timedelta(days=2), during=Span(NOON + 9 * DAY, NOON + 10 * DAY)),
        )
    ]
    measured = gates(*SWITCHED, now=10, endpoints=shortened)
    assert retiring(replace(measured, delays={}), NEW_ENTRY)[0].safe_at == NOON + FORTNIGHT


def test_an_endpoint_that_is_configured_no_more_counts_until_somebody_ends_it() -> None:
    gone = seen(OLD, 1, endpoint="gone")
    last_served = policy(timedelta(days=20), during=Span(SINCE, NOON + 2 * DAY))
    served = [recorded("orders", policy()), recorded("gone", last_served)]
    measured = gates(*SWITCHED, gone, now=40, endpoints=served)
    measured = replace(
        measured,
        evidence=replace(
            measured.evidence,
            watched={"orders": days((-300, 40)), "gone": (Span(SINCE, NOON + 2 * DAY),)},
        ),
    )
    alone, waiting = retiring(measured, NEW_ENTRY)
    assert "carries" in alone.sentence
    assert waiting.endpoint == "gone"
    assert "watched so far: 24 h, and nobody watches it now" in waiting.sentence
    ended = recorded("gone", last_served, closing=Closing(NOON + 3 * DAY, "eva", "switched off"))
    assert retiring(with_endpoint(measured, ended), NEW_ENTRY) == ()
    renamed = recorded("gone", last_served, closing=Closing(NOON + 3 * DAY, "eva", "renamed", "orders"))
    assert "carries" in retiring(with_endpoint(measured, renamed), NEW_ENTRY)[0].sentence, "its uses are the new name's"
    carried = replace(measured, evidence=replace(measured.evidence, uses=(*measured.evidence.uses, seen(NEW, 2))))
    assert retiring(with_endpoint(carried, renamed), NEW_ENTRY) == ()
    (late,) = retiring(
        with_endpoint(gates(*SWITCHED, gone, seen(NEW, 2), now=15, endpoints=served), renamed), NEW_ENTRY
    )
    assert (late.endpoint, late.safe_at) == ("orders", NOON + 1 * DAY + 20 * DAY), "with the delivery time it had"


def test_after_a_rename_a_successor_counts_only_where_gateways_take_it() -> None:
    at = NOON + 2 * DAY
    renamed = recorded("purchase", policy()), recorded("orders", policy(), closing=Closing(at, "eva", "x", "purchase"))
    uses = seen(OLD, 0), seen(NEW, 1), seen(NEW, 3, endpoint="purchase")
    measured = MeasuredGates(evidence_of(*uses, now=40, endpoints=renamed), {"purchase": Delays(FORTNIGHT)}, NOON)
    old = replace(OLD_ENTRY, endpoints=frozenset({"orders", "purchase"}))
    assert retiring(measured, replace(NEW_ENTRY, endpoints=frozenset({"purchase"})), entry=old) == ()
    (alone,) = retiring(measured, replace(NEW_ENTRY, endpoints=frozenset({"orders"})), entry=old)
    assert "purchase: no other key is trusted, so every response would be rejected" in alone.sentence


def with_endpoint(measured: MeasuredGates, one: RecordedEndpoint) -> MeasuredGates:
    endpoints = {**measured.evidence.recorded(), one.name: one}
    return replace(measured, evidence=replace(measured.evidence, endpoints=endpoints))


def test_names_that_lead_in_a_circle_end() -> None:
    circle = [
        recorded("a", closing=Closing(NOON, "eva", "", "b")),
        recorded("b", closing=Closing(NOON, "eva", "", "a")),
    ]
    assert evidence_of(now=1, endpoints=circle).names_of("a") == {"a", "b"}


def test_an_endpoint_without_any_known_delivery_time_waits_for_the_longest() -> None:
    unknown = seen(OLD, 5, endpoint="elsewhere")
    blockers = retiring(gates(*SWITCHED, unknown, now=20), NEW_ENTRY)
    assert [(b.endpoint, b.safe_at) for b in blockers] == [("elsewhere", NOON + 20 * DAY + FORTNIGHT)]


def test_a_renewed_certificate_over_the_same_key_keeps_the_gate_open() -> None:
    in_use = gates(seen(OLD, 0), now=0.1)
    assert retiring(in_use, RENEWED_ENTRY) == ()
    for too_short in (
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
    assert "no other key is trusted" in retiring(gates(*SWITCHED, now=40), *successor)[0].sentence


def days(*pairs: tuple[float, float]) -> list[Span]:
    return [Span(NOON + start * DAY, NOON + end * DAY) for start, end in pairs]


def test_only_watched_time_counts() -> None:
    down = days((-10, 1), (11, 100))
    (blocker,) = retiring(gates(*SWITCHED, seen(NEW, 12), now=15, watched=down), NEW_ENTRY)
    assert blocker.safe_at == NOON + 15 * DAY + (FORTNIGHT - 5 * DAY)
    assert "watched so far: 5 d 0 h" in blocker.sentence
    assert retiring(gates(*SWITCHED, seen(NEW, 12), now=24, watched=down), NEW_ENTRY) == ()
    # One second every three days is one second, and what two gateways saw at once is seen once.
    blinks = [Span(NOON + n * 3 * DAY, NOON + n * 3 * DAY + timedelta(seconds=1)) for n in range(30)]
    (blocker,) = retiring(gates(*SWITCHED, now=90, watched=blinks), NEW_ENTRY)
    assert "watched so far: 30 s, and nobody watches it now" in blocker.sentence
    twice = days((0, 8), (2, 10), (4, 5))
    assert evidence_of(now=20, watched=twice).watched_since("orders", NOON + 1 * DAY) == 9 * DAY
    assert evidence_of(now=20, watched=twice).gaps_since("orders", NOON - 1 * DAY) == days((-1, 0), (10, 20))
    assert evidence_of(now=8, watched=days((0, 8))).gaps_since("orders", NOON) == []
    assert Evidence(None).gaps_since("orders", NOON) == []


def test_a_gateway_that_has_just_started_need_not_have_told_yet() -> None:
    def sentence(started: timedelta) -> str:
        since = Span(NOON + 40 * DAY - started, NOON + 40 * DAY)
        served = recorded("orders", policy(), policy(during=since))
        (blocker,) = retiring(gates(*SWITCHED, now=40, watched=days((0, 5)), endpoints=[served]), NEW_ENTRY)
        return blocker.sentence

    assert "watched so far: 5 d 0 h, for the gateway that serves it since" in sentence(timedelta(seconds=10))
    assert "tells it only every half minute" in sentence(timedelta(seconds=60))
    assert "nobody watches it now" in sentence(timedelta(seconds=61))


def test_without_any_gateway_nothing_is_known() -> None:
    nothing = MeasuredGates(Evidence(None), {"orders": Delays(FORTNIGHT)}, NOON + 40 * DAY)
    silent, unwatched = retiring(nothing, NEW_ENTRY, since=NOON)
    assert "silence is no evidence" in silent.sentence
    assert "no gateway has told that it watches: start it with wssgate serve" in unwatched.sentence


def test_what_does_not_hold_together_keeps_every_gate_shut() -> None:
    broken = Disturbance("the evidence does not hold: host:1: no event introduces it")
    (blocker,) = retiring(gates(*SWITCHED, now=40, disturbances=[broken]), NEW_ENTRY)
    assert blocker.sentence == broken.sentence
    assert retiring(gates(*SWITCHED, now=40, disturbances=[broken]), NEW_ENTRY, kept=None) == ()


def test_after_a_database_was_put_back_the_time_begins_anew() -> None:
    restored = Disturbance("put back", NOON + 5 * DAY)
    (blocker,) = retiring(gates(*SWITCHED, now=15, disturbances=[restored]), NEW_ENTRY)
    assert blocker.safe_at == NOON + 5 * DAY + FORTNIGHT
    assert "the database was put back to an older state at 2026-06-06 12:00:00Z" in blocker.sentence
    assert retiring(gates(*SWITCHED, now=19, disturbances=[restored]), NEW_ENTRY) == ()


def test_the_clock_of_whoever_asks_moves_nothing() -> None:
    measured = gates(*SWITCHED, now=10)
    for asked_at in (NOON - 100 * DAY, NOON + 1000 * DAY):
        blockers = retiring(replace(measured, asked_at=asked_at), NEW_ENTRY)
        assert blockers[-1].safe_at == NOON + FORTNIGHT


def test_the_declared_successor_of_a_trusted_key_is_not_retired_by_mistake() -> None:
    measured = gates(seen(OLD, 0), now=60)
    successor = replace(NEW_ENTRY, replaces=(OLD.thumbprint,))
    (blocker,) = retiring(measured, OLD_ENTRY, entry=successor)
    assert blocker.sentence.startswith("orders: it is declared to replace acme-2024, which is trusted there still")
    assert "wssgate keystore set acme-2026 --no-replaces" in blocker.sentence
    assert retiring(measured, OLD_ENTRY, entry=replace(NEW_ENTRY, replaces=())) == ()
    # An end that comes later is asked for again when it is due; a renewed certificate over one key replaces no key.
    assert retiring(measured, OLD_ENTRY, entry=successor, at=NOON + 100 * DAY) == ()
    twin = replace(RENEWED_ENTRY, replaces=(OLD.thumbprint,))
    assert retiring(measured, OLD_ENTRY, NEW_ENTRY, entry=twin) == ()


def test_an_end_that_is_planned_has_to_be_late_enough() -> None:
    measured = gates(*SWITCHED, now=10)
    assert retiring(measured, NEW_ENTRY, at=NOON + FORTNIGHT) == ()
    assert retiring(measured, NEW_ENTRY, at=NOON + 13 * DAY)


def purging(measured: MeasuredGates, retired: float = 0, **fields: Any) -> tuple[Blocker, ...]:
    entry = stored(OLD, state=State.RETIRED, **fields)
    answer = measured.before_purging(entry, at=measured.asked_at, since=NOON + retired * DAY)
    assert json.loads(answer.evidence)["question"] == "purge"
    return answer.blockers


def test_an_old_key_is_kept_for_90_days_after_it_was_exchanged() -> None:
    assert purging(gates(now=90)) == ()
    (blocker,) = purging(gates(now=89))
    assert blocker.safe_at == NOON + 90 * DAY
    assert blocker.sentence == (
        "old keys are kept for 90d after they were exchanged, and it was retired 2026-06-01 12:00:00Z; "
        "it may be purged from 2026-08-30 12:00:00Z on"
    )
    (relapse,) = purging(gates(seen(OLD, 20, outcome=RecordedOutcome.REJECTED), now=90))
    assert relapse.safe_at == NOON + 110 * DAY
    assert "a message signed with it came as late as 2026-06-21" in relapse.sentence
    (behind,) = purging(replace(gates(now=50), asked_at=NOON + 100 * DAY))
    assert behind.sentence.endswith("by the ledger's clock, which a gateway told last at 2026-07-21 12:00:00Z")
    (unknown,) = purging(MeasuredGates(Evidence(None), {}, NOON + 100 * DAY))
    assert unknown.sentence.endswith("and no gateway has told yet what time it is")


def test_nothing_is_purged_while_something_is_not_told() -> None:
    left = replace(gates(now=90).evidence, disturbances=(Disturbance("a process was killed"),))
    (blocker,) = purging(replace(gates(now=90), evidence=left))
    assert (blocker.sentence, blocker.safe_at) == ("a process was killed", None)
    early = replace(gates(now=89), evidence=replace(gates(now=89).evidence, disturbances=left.disturbances))
    assert len(purging(early)) == 2
    met = replace(seen(OLD, 90), outcome=RecordedOutcome.FAILED, messages=0, is_under_way=True)
    (late,) = purging(replace(gates(now=90), under_way=(met,)))
    assert late.safe_at == NOON + 180 * DAY


def test_retention_makes_it_longer_and_never_shorter() -> None:
    def kept(number: int, now: float = 90) -> MeasuredGates:
        measured = gates(now=now)
        delays = {"orders": Delays(FORTNIGHT, timedelta(days=number)), "x": Delays(FORTNIGHT)}
        return replace(measured, delays=delays)

    assert purging(kept(1)) == ()
    assert purging(kept(1, now=89))[0].safe_at == NOON + 90 * DAY
    assert purging(kept(365))[0].safe_at == NOON + 365 * DAY
    assert purging(kept(365), endpoints=frozenset({"x"})) == ()
    told = gates(now=90, endpoints=[recorded("orders", policy(retention=timedelta(days=200)))])
    assert purging(told)[0].safe_at == NOON + 200 * DAY


def test_what_a_gate_saw_is_told_for_the_history() -> None:
    served = [recorded(name, policy()) for name in ("a", "b", "c", "d", "orders")]
    measured = gates(*SWITCHED, seen(NEW, 2, endpoint="a"), now=40, endpoints=served)
    answer = measured.before_retiring(OLD_ENTRY, [NEW_ENTRY], at=measured.asked_at, since=lambda _: SINCE)
    told = json.loads(answer.evidence)
    assert [one["endpoint"] for one in told["endpoints"]] == ["a", "b", "c", "d", "orders"]
    assert told["endpoints"][-1]["last_use"] == "2026-06-01T12:00:00Z"
    assert told["blockers"] == [blocker.sentence for blocker in answer.blockers]
    assert answer.summary.startswith(
        "a: never needed, watched for 240 d since it was trusted; guaranteed delivery time 14 d; "
    )
    assert answer.summary.endswith("; and 2 more endpoints")
    through_another = measured.before_retiring(OLD_ENTRY, [RENEWED_ENTRY], at=measured.asked_at, since=lambda _: SINCE)
    assert through_another.summary == "no endpoint loses a key by it"
    assert json.loads(through_another.evidence)["endpoints"][0]["because"]
    purge = measured.before_purging(stored(OLD, state=State.RETIRED), at=measured.asked_at, since=NOON - 99 * DAY)
    assert purge.summary == "kept for as long as old keys are kept"


YEARLY = "{urn:orders}Yearly"
LEFT_BEHIND = (*SWITCHED, seen(OLD, 0.5, operation=YEARLY))


def waiving(*cells: WaivedCell, now: float = 15, **options: Any) -> MeasuredGates:
    return replace(gates(*LEFT_BEHIND, now=now, **options), waived=frozenset(cells))


def cell(operation: str = YEARLY, **fields: Any) -> WaivedCell:
    return WaivedCell(**{"thumbprint": OLD.thumbprint, "endpoint": "orders", "operation": operation, **fields})


def test_a_waived_cell_is_not_asked_whether_it_switched() -> None:
    (blocker,) = retiring(waiving(), NEW_ENTRY)
    assert f"it is the key that carries {YEARLY}" in blocker.sentence
    assert retiring(waiving(cell()), NEW_ENTRY) == ()


@pytest.mark.parametrize(
    "other",
    [
        cell("{urn:orders}Other"),
        cell(endpoint="invoices"),
        cell(server="b2"),
        cell(thumbprint=NEW.thumbprint),
        cell(""),
    ],
    ids=lambda one: one.text,
)
def test_a_waiver_is_for_one_cell_of_one_old_certificate(other: WaivedCell) -> None:
    (blocker,) = retiring(waiving(other), NEW_ENTRY)
    assert f"it is the key that carries {YEARLY}" in blocker.sentence


def test_a_waiver_for_a_server_leaves_the_other_servers_asked() -> None:
    uses = [replace(seen(OLD, 0.5, operation=YEARLY), server=server) for server in ("b1", "b2")]
    measured = replace(gates(*SWITCHED, *uses, now=15), waived=frozenset({cell(server="b2")}))
    (blocker,) = retiring(measured, NEW_ENTRY)
    assert YEARLY in blocker.sentence
    both = replace(measured, waived=frozenset({cell(server="b1"), cell(server="b2")}))
    assert retiring(both, NEW_ENTRY) == ()


def test_messages_without_an_operation_are_waived_by_none() -> None:
    nameless = replace(gates(*SWITCHED, seen(OLD, 0.5, operation=None), now=15), waived=frozenset({cell("")}))
    assert retiring(nameless, NEW_ENTRY) == ()


def test_nobody_waives_the_delivery_time() -> None:
    (blocker,) = retiring(waiving(cell(), now=14.4), NEW_ENTRY)
    assert blocker.safe_at == NOON + 14.5 * DAY
    assert "the guaranteed delivery time of 14d" in blocker.sentence


def test_nobody_waives_that_another_key_works() -> None:
    alone = replace(gates(seen(OLD, 0, operation=YEARLY), now=40), waived=frozenset({cell()}))
    (blocker,) = retiring(alone, NEW_ENTRY)
    assert "silence is no evidence" in blocker.sentence
    (blocker,) = retiring(alone)
    assert "no other key is trusted" in blocker.sentence


def test_what_was_waived_stands_in_the_figures_for_ever() -> None:
    answer = waiving(cell(server=""), cell("{urn:orders}Other")).before_retiring(
        OLD_ENTRY, [NEW_ENTRY], at=NOON + 15 * DAY, since=lambda _: SINCE
    )
    (endpoint,) = json.loads(answer.evidence)["endpoints"]
    assert endpoint["waived"] == ["orders:{urn:orders}Other", f"orders:{YEARLY}"]
    assert answer.summary.endswith(f"; waived: orders:{{urn:orders}}Other, orders:{YEARLY}")
    many = waiving(*(cell(f"op{number}") for number in range(5)))
    assert many.before_retiring(OLD_ENTRY, [NEW_ENTRY], at=NOON + 15 * DAY, since=lambda _: SINCE).summary.endswith(
        "waived: orders:op0, orders:op1, orders:op2, ..."
    )


def test_a_waiver_goes_with_the_endpoint_to_its_new_name() -> None:
    at = NOON - DAY
    renamed = recorded("purchase", policy()), recorded("orders", policy(), closing=Closing(at, "eva", "x", "purchase"))
    uses = [replace(use, endpoint="purchase") for use in LEFT_BEHIND]
    evidence = evidence_of(*uses, now=15, endpoints=renamed)
    measured = MeasuredGates(evidence, {}, NOON + 15 * DAY, frozenset({cell()}))
    assert retiring(measured, NEW_ENTRY) == ()
    assert cell(server="b2").text == f"orders:{YEARLY}@b2"
