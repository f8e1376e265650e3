"""What a writer tells beside the records: events that hang together, whatever happens to its transactions."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, text, update

from gateway.ledger import (
    AlreadyRecorded,
    ChainState,
    Event,
    EventKind,
    LedgerUnavailable,
    LedgerWriter,
    SigningKey,
    add_statement,
    is_signed_by,
    verify_chain,
    verify_ledger,
)
from gateway.ledger.clock import LedgerClock, own_clock, steady_clock
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import chains, events, messages
from gateway.ledger.event import LONGEST_STEP, event_hash
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.uses import Uses, count_row
from gateway.ledger.write import writer as writer_module
from keystore import CHAIN_START, from_microseconds
from keystore.store import KeystoreStore, history_anchor
from tests.databases import on_sqlite
from tests.gateway.ledger.load import NEW, NOON, OLD, RENEWED, accepted, mixture, rejected, signer
from tests.gateway.ledger.losing import lose_one_answer
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
KEY: Final = SigningKey.of(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
UP: Final = {"orders": {"serving": True, "reachable": True, "since": None}}
BEAT: Final = {"endpoints": UP, "keystore_revision": 1}
CONFIGURATION: Final = {"endpoints": {"orders": {"mode": "enforce"}}}


class Time:
    """Both clocks of a machine that is somewhere in an hour."""

    def __init__(self) -> None:
        # In the future of any clock, so that PostgreSQL's own does not decide: the mark of a head does.
        self.own = (own_clock() // HOUR + 24 * 365) * HOUR + 600 * SECOND
        self.steady = steady_clock()

    def pass_(self, seconds: float) -> None:
        self.own += int(seconds * SECOND)
        self.steady += seconds

    def clock(self) -> LedgerClock:
        return LedgerClock(lambda: self.own, lambda: self.steady)


@pytest.fixture
def hour(engine: Engine) -> Time:
    """A ledger in which the present is the eleventh minute of an hour, by what another chain tells."""
    hour = Time()
    head = {"writer": "before", "instance": "before", "sequence": 7, "hash": "7" * 64, "time": hour.own}
    with writing(engine) as connection:
        connection.execute(insert(chains), head | {"event_number": 3, "event_hash": "3" * 64})
    return hour


@pytest.fixture
def telling(engine: Engine, hour: Time) -> Iterator[LedgerWriter]:
    writer = LedgerWriter(engine, "host:1", key=KEY, started={"version": "1.0"}, clock=hour.clock())
    yield writer
    writer.close()


def _told(engine: Engine, writer: str | None = None) -> list[Event]:
    """The events of a writer, after looking whether they hang together and are signed."""
    with reading(engine) as connection:
        query = select(events).order_by(events.c.writer, events.c.number)
        rows = [row for row in connection.execute(query).mappings() if writer in {None, row["writer"]}]
        heads = {row["writer"]: row for row in connection.execute(select(chains)).mappings()}
    previous: dict[str, Event] = {}
    for row in rows:
        event = Event.of_row(row)
        before = previous.get(event.writer)
        assert event.number == (before.number + 1 if before else 1)
        assert event.previous_hash == (before.hash if before else CHAIN_START)
        assert event.hash == event_hash(event.previous_hash, row)
        assert event.signature is None or is_signed_by(KEY.public, event.hash, event.signature)
        assert before is None or event.at >= before.at
        previous[event.writer] = event
    for event in previous.values():
        assert (heads[event.writer]["event_number"], heads[event.writer]["event_hash"]) == (event.number, event.hash)
    return [Event.of_row(row) for row in rows]


def _kinds(engine: Engine, writer: str | None = None) -> list[str]:
    return [event.kind for event in _told(engine, writer)]


def _counts(uses: Any) -> dict[tuple[str, str, str], int]:
    """Messages by alias, role and outcome."""
    found: dict[tuple[str, str, str], int] = {}
    for _, _, _, _, _, alias, role, outcome, count, *_ in uses:
        found[alias, role, outcome] = found.get((alias, role, outcome), 0) + count
    return found


def _recomputed(engine: Engine, writer: str, after: int = 0) -> Uses:
    """The uses of the records of a writer, one by one."""
    uses = Uses()
    with reading(engine) as connection:
        query = select(messages).where(messages.c.writer == writer, messages.c.sequence > after)
        for row in connection.execute(query).mappings():
            count_row(uses, row, row["operation"])
    return uses


def test_a_chain_begins_with_who_writes_it_and_what_else_there_is(engine: Engine, telling: LedgerWriter) -> None:
    telling.submit(accepted(OLD)).result(10)
    (started,) = _told(engine)
    assert (started.kind, started.number, started.records, started.records_hash) == ("started", 1, 0, CHAIN_START)
    told = {name: started.content[name] for name in ("version", "instance", "public_key", "heads")}
    assert told == {
        "version": "1.0",
        "instance": "host:1",
        "public_key": KEY.public,
        "heads": [["before", 7, "7" * 64, 3, "3" * 64]],
    }
    assert started.signature is not None


def test_the_ends_of_the_chains_are_signed_in_every_commit(engine: Engine, telling: LedgerWriter, hour: Time) -> None:
    for _ in range(3):
        hour.pass_(1)
        telling.submit(accepted(OLD)).result(10)
        with reading(engine) as connection:
            row = connection.execute(select(chains).where(chains.c.writer == telling.writer)).one()
        link = Link(row.writer, row.sequence, row.hash)
        head = Head(link, row.event_number, row.event_hash, row.time)
        assert head == telling.head
        assert row.time >= hour.own - 5 * SECOND
        assert is_signed_by(KEY.public, head.text, row.signature)
        assert head.text == f"wssgate.head/1,{row.time},{row.writer},{row.sequence},{row.hash},1,{row.event_hash}"
        assert not is_signed_by(KEY.public, head.text.replace(",1,", ",2,"), row.signature)


def test_without_a_key_nothing_is_signed(engine: Engine, writer: LedgerWriter) -> None:
    writer.submit(accepted(OLD)).result(10)
    (started,) = _told(engine)
    assert (started.signature, started.content["public_key"]) == (None, "")
    with reading(engine) as connection:
        assert connection.execute(select(chains.c.signature)).scalar_one() is None


def test_a_heartbeat_tells_what_the_records_since_the_last_one_add(
    engine: Engine, telling: LedgerWriter, hour: Time
) -> None:
    telling.submit(accepted(OLD)).result(10)
    hour.pass_(20)
    telling.submit(accepted(OLD)).result(10)
    telling.submit(rejected("dtd", recognised=(NEW,))).result(10)
    hour.pass_(10)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    hour.pass_(30)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    telling.submit(accepted(OLD)).result(10)
    hour.pass_(30)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    _, first, second, third = _told(engine)
    assert [_counts(event.content["uses"]) for event in (first, second, third)] == [
        {("acme-2024", "needed", "accepted"): 2, ("acme-2026", "needed", "rejected"): 1},
        {},
        {("acme-2024", "needed", "accepted"): 1},
    ]
    assert [event.content["seconds"] for event in (first, second, third)] == [30 * SECOND] * 3
    assert [event.records for event in (first, second, third)] == [3, 3, 4]
    assert first.content["endpoints"] == UP


def test_every_hour_is_summed_up_and_so_is_the_end(engine: Engine, telling: LedgerWriter, hour: Time) -> None:
    telling.tell(EventKind.CONFIGURATION, CONFIGURATION).result(10)
    begin = hour.own
    for number in range(3):
        telling.submit(mixture(number)).result(10)
        hour.pass_(30)
        telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    end = hour.own
    hour.pass_(3600)  # a pause: nobody watched
    telling.submit(mixture(3)).result(10)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    hour.pass_(30)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    telling.submit(mixture(4)).result(10)
    writer = telling.writer
    telling.close()
    told = _told(engine, writer)
    kinds = [event.kind for event in told]
    assert kinds == [
        "started",
        "configuration",
        *["heartbeat"] * 4,
        "rollup-sealed",
        "heartbeat",
        "rollup-sealed",
        "stopped",
    ]
    first, last = told[6], told[8]
    assert (first.content["sealed"], first.content["sealed_hash"]) == (0, CHAIN_START)
    assert (last.content["sealed"], last.content["sealed_hash"]) == (first.number, first.hash)
    assert first.content["from"] == begin == told[0].at
    assert first.content["until"] == last.content["from"] == first.at
    (watched,) = first.content["watched"]["orders"]
    assert watched == [begin, end]
    assert last.content["watched"] == {"orders": [[first.at, hour.own]]}
    assert first.content["kept"] == [[event.number, event.hash] for event in told[:2]]
    assert [head[0] for head in first.content["heads"]] == ["before"], "it ended in the very instant of the beginning"
    assert last.content["heads"] == []
    sums = Uses.of_rows(first.content["uses"]).merge(Uses.of_rows(last.content["uses"]))
    assert sums.counts == _recomputed(engine, writer).counts
    beats = [Uses.of_rows(e.content["uses"]) for e in told if e.kind == "heartbeat" and e.number < first.number]
    assert Uses.of_rows(first.content["uses"]).counts == beats[0].merge(beats[1]).merge(beats[2]).merge(beats[3]).counts


def test_what_others_wrote_in_the_hour_is_told_with_its_sum(engine: Engine, telling: LedgerWriter, hour: Time) -> None:
    telling.submit(mixture(0)).result(10)
    hour.pass_(1)
    other = LedgerWriter(engine, "host:2", clock=hour.clock())
    other.submit(mixture(1)).result(10)
    hour.pass_(3600)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    sealed = _told(engine, telling.writer)[-1]
    assert other.head.place in sealed.content["heads"]
    other.close()


def test_where_what_people_made_ended_is_told_at_the_beginning_and_with_each_sum(
    engine: Engine, telling: LedgerWriter, hour: Time
) -> None:
    telling.submit(mixture(0)).result(10)
    said = add_statement(engine, "acme", "confirmed", "bob", {"step": 2}, datetime.now(UTC))
    KeystoreStore(engine).add("acme", issue("acme"), **BY)
    with reading(engine) as connection:
        changed = history_anchor(connection)
    assert changed is not None
    hour.pass_(3600)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    told = _told(engine, telling.writer)
    assert (told[0].kind, told[-1].kind) == ("started", "rollup-sealed")
    assert told[0].content["histories"] == {"keystore": [0, CHAIN_START], "renewals": [0, CHAIN_START]}
    assert told[-1].content["histories"] == {"keystore": [1, changed.hash], "renewals": [1, said.hash]}
    report = verify_ledger(engine)
    assert [finding for finding in report.findings if finding.about == "statements"] == []
    assert [(end.revision, end.hash) for end in report.keystore_ends] == [(1, changed.hash)]


@pytest.mark.parametrize("asleep", [True, False], ids=["asleep", "stood still"])
def test_a_time_in_which_nothing_ran_was_not_watched(
    engine: Engine, telling: LedgerWriter, hour: Time, asleep: bool
) -> None:
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    if asleep:
        hour.pass_(1800)
    else:
        hour.pass_(30)
        hour.own += 1770 * SECOND  # a virtual machine that was halted: only its clock was put right
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    *_, last = _told(engine)
    # On PostgreSQL the server's clock decides, which did not stand still.
    if asleep or engine.dialect.name == "sqlite":
        assert last.content["seconds"] == 1800 * SECOND > LONGEST_STEP
    telling.close()
    sealed = next(event for event in _told(engine) if event.kind == "rollup-sealed")
    assert sum(end - start for start, end in sealed.content["watched"].get("orders", [])) <= 30 * SECOND


def test_a_transaction_that_fails_changes_nothing_of_what_is_told(
    engine: Engine, telling: LedgerWriter, hour: Time
) -> None:
    telling.submit(accepted(OLD)).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
    hour.pass_(30)
    with pytest.raises(LedgerUnavailable, match="the event could not be written"):
        telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO events"))
    telling.submit(accepted(OLD)).result(10)
    hour.pass_(5)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    assert _kinds(engine) == ["started", "heartbeat"]
    assert _counts(_told(engine)[-1].content["uses"]) == {("acme-2024", "needed", "accepted"): 2}
    assert _told(engine)[-1].content["seconds"] == 35 * SECOND
    assert telling.state.recovered is None


def test_one_record_that_is_refused_changes_nothing_of_what_is_told(engine: Engine, telling: LedgerWriter) -> None:
    record = accepted(OLD)
    telling.submit(record).result(10)
    with pytest.raises(AlreadyRecorded):
        telling.submit(record).result(10)
    telling.submit(accepted(NEW)).result(10)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    assert _counts(_told(engine)[-1].content["uses"]) == {
        ("acme-2024", "needed", "accepted"): 1,
        ("acme-2026", "needed", "accepted"): 1,
    }
    assert [report.state for report in verify_chain(engine) if report.rows] == [ChainState.INTACT]


@pytest.mark.parametrize("begun", [0, 1], ids=["at the beginning", "later"])
@pytest.mark.parametrize("what", ["record", "heartbeat"])
def test_a_commit_whose_answer_was_lost_is_told_once(
    engine: Engine, hour: Time, begun: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = LedgerWriter(engine, "host:1", key=KEY, clock=hour.clock())
    for _ in range(begun):
        telling.submit(accepted(NEW)).result(10)
    lose_one_answer(monkeypatch)
    waiter = telling.submit(accepted(OLD)) if what == "record" else telling.tell(EventKind.HEARTBEAT, BEAT)
    with pytest.raises(LedgerUnavailable):
        waiter.result(10)
    hour.pass_(30)
    telling.submit(accepted(OLD)).result(10)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    told = _told(engine, telling.writer)
    assert [event.kind for event in told].count("started") == 1
    uses = Uses()
    for event in told[1:]:
        uses.merge(Uses.of_rows(event.content["uses"]))
    assert uses.counts == _recomputed(engine, telling.writer).counts
    assert telling.state.recovered is None
    assert telling.close()
    assert {r.state for r in verify_chain(engine) if r.rows} == {ChainState.INTACT}


def test_an_end_that_somebody_else_wrote_is_never_signed(engine: Engine, telling: LedgerWriter, hour: Time) -> None:
    # Who changes the end of a chain and then breaks the connection must not get it signed.
    for number in range(3):
        telling.submit(mixture(number)).result(10)
    writer = telling.writer
    with writing(engine) as connection:
        mine = chains.c.writer == writer
        connection.execute(update(chains).where(mine).values(hash="f" * 64))
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
    with pytest.raises(LedgerUnavailable):
        telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO events"))
    telling.submit(mixture(3)).result(10)
    assert telling.writer != writer
    started, recovered = _told(engine, telling.writer)
    assert (started.kind, recovered.kind) == ("started", "recovered")
    assert recovered.content["expected"][:3] != recovered.content["found"][:3]
    assert recovered.content["found"][2] == "f" * 64


def test_nor_is_one_that_was_written_while_an_outcome_was_not_known(
    engine: Engine, telling: LedgerWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling.submit(mixture(0)).result(10)
    writer = telling.writer
    lose_one_answer(monkeypatch)
    with pytest.raises(LedgerUnavailable):
        telling.submit(mixture(1)).result(10)
    with writing(engine) as connection:
        connection.execute(update(chains).where(chains.c.writer == writer).values(hash="f" * 64))
    telling.submit(mixture(2)).result(10)
    assert telling.writer != writer
    assert _kinds(engine, telling.writer) == ["started", "recovered", "unrecorded"]


def test_an_end_that_is_not_where_it_was_is_noticed_without_any_failure(
    engine: Engine, telling: LedgerWriter, hour: Time
) -> None:
    telling.submit(mixture(0)).result(10)
    writer = telling.writer
    with writing(engine) as connection:
        connection.execute(update(chains).where(chains.c.writer == writer).values(sequence=0, hash=CHAIN_START))
    with pytest.raises(LedgerUnavailable, match="does not end where its writer left it"):
        telling.submit(mixture(1)).result(10)
    telling.submit(mixture(2)).result(10)
    assert _kinds(engine, telling.writer) == ["started", "recovered", "unrecorded"]


def _put_back(engine: Engine, writer: LedgerWriter, database: Path, copy: bytes) -> None:
    """Put the file of an earlier moment in the place of the database."""
    writer._chains.open_anew()
    engine.dispose()
    restored = database.with_name("restored.db")
    restored.write_bytes(copy)
    restored.rename(database)


@on_sqlite
@pytest.mark.parametrize("knew", [True, False], ids=["earlier", "before its beginning"])
def test_what_a_database_lost_that_was_put_back_is_told_in_a_new_chain(
    engine: Engine, tmp_path: Path, knew: bool
) -> None:
    writer = LedgerWriter(engine, "host:1", key=KEY)
    if knew:
        writer.tell(EventKind.CONFIGURATION, CONFIGURATION).result(10)
    database = tmp_path / "wssgate.db"
    engine.dispose()
    writer._chains.open_anew()
    copy = database.read_bytes()
    if not knew:
        writer.tell(EventKind.CONFIGURATION, CONFIGURATION).result(10)
    found = writer.head
    for number in range(3):
        writer.submit(mixture(number)).result(10)
    lost = writer.head
    _put_back(engine, writer, database, copy)
    # The attempt that would tell it fails: it stays to be told.
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE key_uses_hourly RENAME TO gone"))
    with pytest.raises(LedgerUnavailable, match="no such table"):
        writer.submit(mixture(3)).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO key_uses_hourly"))
    writer.submit(mixture(4)).result(10)
    assert writer.writer != lost.writer
    told = _told(engine, writer.writer)
    assert [event.kind for event in told] == ["started", "recovered", "configuration", "unrecorded"]
    assert told[1].content == {
        "what": "lost-end",
        "expected": lost.place,
        "found": found.place if knew else [],
    }
    assert told[2].content == CONFIGURATION, "what the new chain tells is told of some configuration"
    assert writer.state.recovered is not None
    assert f"the records of {lost.writer} up to number 3 had been written, and it knows" in writer.state.recovered
    # It is told once.
    writer.submit(mixture(5)).result(10)
    writer.tell(EventKind.HEARTBEAT, BEAT).result(10)
    assert _kinds(engine, writer.writer) == ["started", "recovered", "configuration", "unrecorded", "heartbeat"]
    assert (
        Uses.of_rows(_told(engine, writer.writer)[-1].content["uses"]).counts
        == _recomputed(engine, writer.writer).counts
    )
    assert writer.close()
    assert {report.state for report in verify_chain(engine) if report.rows} == {ChainState.INTACT}


def test_a_configuration_that_could_not_be_told_is_told_as_soon_as_something_can_be(
    engine: Engine, telling: LedgerWriter
) -> None:
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
    with pytest.raises(LedgerUnavailable):
        telling.tell(EventKind.CONFIGURATION, CONFIGURATION).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO events"))
    telling.submit(mixture(0)).result(10)
    assert _kinds(engine) == ["started", "configuration"]
    # And another one after it.
    other: dict[str, Any] = {"endpoints": {}}
    telling.tell(EventKind.CONFIGURATION, other).result(10)
    telling.tell(EventKind.CONFIGURATION, other).result(10)
    assert [event.content for event in _told(engine)[1:]] == [CONFIGURATION, other, other]


def test_who_does_not_wait_any_more_for_an_event_stops_nobody(engine: Engine, telling: LedgerWriter) -> None:
    telling.submit(mixture(0)).result(10)
    with telling._inbox.condition:  # the writer's thread cannot take it yet
        future = telling.tell(EventKind.HEARTBEAT, BEAT)
        assert future.cancel()
    telling.submit(mixture(1)).result(10)
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    assert _kinds(engine) == ["started", "heartbeat", "heartbeat"]
    assert telling.healthy
    assert telling.state.failed == 0


def test_a_writer_that_wrote_nothing_tells_nothing(engine: Engine) -> None:
    assert LedgerWriter(engine, "host:1").close()
    assert _told(engine) == []


def test_the_database_refuses_to_change_or_remove_events(engine: Engine, telling: LedgerWriter, hour: Time) -> None:
    telling.tell(EventKind.HEARTBEAT, BEAT).result(10)
    for change in ("UPDATE events SET time = 0", "DELETE FROM events WHERE kind = 'heartbeat'", "DELETE FROM chains"):
        with pytest.raises(Exception, match=r"append-only|never removed"), writing(engine) as connection:
            connection.execute(text(change))
    telling.close()  # summed up: the heartbeats may go, and nothing else
    with pytest.raises(Exception, match="append-only"), writing(engine) as connection:
        connection.execute(text("DELETE FROM events"))
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM events WHERE kind = 'heartbeat'"))


def test_a_record_is_dated_by_when_it_came_and_not_by_when_it_was_written(
    engine: Engine, hour: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    telling = LedgerWriter(engine, "host:1", clock=hour.clock())
    telling.submit(mixture(0)).result(10)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
        connection.execute(text("ALTER TABLE key_uses_hourly RENAME TO gone_too"))
    telling.enqueue(accepted(OLD, time=from_microseconds(hour.own)))
    came = telling._clock.now()
    deadline = time.monotonic() + 10
    while telling.healthy and time.monotonic() < deadline:
        time.sleep(0.01)
    hour.pass_(100)
    hour.own += 40 * 24 * HOUR  # the administrator puts a clock right, or wrong
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE gone_too RENAME TO key_uses_hourly"))
        connection.execute(text("ALTER TABLE gone RENAME TO events"))
    assert telling.close()
    with reading(engine) as connection:
        row = connection.execute(select(messages).order_by(messages.c.sequence.desc()).limit(1)).one()
    shift = 40 * 24 * HOUR if engine.dialect.name == "sqlite" else 0  # the ledger's clock followed the machine's
    assert abs(row.time + row.clock_offset - came - shift) <= SECOND


def test_uses_are_counted_by_name_and_come_back_from_an_event() -> None:
    uses = Uses()
    assert not uses
    uses.count_record(accepted(OLD, signers=(signer(OLD, 1), signer(RENEWED, 1, needed=False))), "op", 100)
    uses.count_record(accepted(OLD, signers=(signer(OLD, 2, signed_at=NOON),)), "op", 50)
    rows = json.loads(json.dumps(uses.rows()))
    assert Uses.of_rows(rows).counts == uses.counts
    old, renewed = uses.rows()
    assert old[5:] == ["acme-2024", "needed", "accepted", 2, 50, 100, int(NOON.timestamp()) * SECOND]
    assert renewed[5:] == ["acme-2025", "present", "accepted", 1, 100, 100, None]
