"""Ledgers from before there were events, outages, pruned heartbeats, and whatever else honest gateways leave behind."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update

from gateway.ledger import (
    ChainState,
    EventKind,
    LedgerWriter,
    Prunable,
    SignedHead,
    Signing,
    SigningKey,
    verify_ledger,
)
from gateway.ledger.counts import MOST_NAMES
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import (
    chains,
    checkpoints,
    events,
    key_usage_hourly,
    key_uses_hourly,
    messages,
    traffic_hourly,
)
from gateway.ledger.event import content_text, event_hash
from gateway.ledger.hours import hour_of
from gateway.ledger.proof import chain_verification, rollup_comparison
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.overview import NEW_KEY
from gateway.ledger.read import event_window
from gateway.ledger.record_rows import row_of
from keystore import to_microseconds
from tests.databases import on_postgresql, on_sqlite, unprotected
from tests.gateway.ledger.load import NEW, NOON, OLD, accepted, mixture, rejected
from tests.gateway.ledger.proof.forging import Edit, Forged, forge
from tests.gateway.ledger.proof.scene import ALPHA, BETA, EVIL, JUNE, SERVED
from tests.gateway.ledger.retention.telling import pruned
from tests.gateway.ledger.watched_time import Watcher, long_steps

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
_YOUNG = {"server", "response_element", "signers", "receipts", "clock_offset"}


def _act(engine: Engine, *statements: Any) -> None:
    with writing(engine) as connection, unprotected(connection):
        for statement in statements:
            connection.execute(text(statement) if isinstance(statement, str) else statement)


def _details(engine: Engine, **options: Any) -> list[str]:
    report = verify_ledger(engine, **options)
    found = [f"{chain.state} {chain.event}: {chain.detail}" for chain in report.chains if not chain.is_intact]
    return found + [finding.detail for finding in report.findings]


def _write_earlier(engine: Engine, *days: float, instance: str = "old/1") -> str:
    """Records of a gateway from before there were events, with the counts that it made."""
    link = Link.first()
    with writing(engine) as connection:
        for day in days:
            record = accepted(OLD, time=NOON + day * DAY)
            row = row_of(record)
            row |= dict.fromkeys(_YOUNG)
            link = link.extend(row)
            connection.execute(insert(messages), row)
            hour = hour_of(row["time"])
            seen = {"hour": hour, "messages": 1, "first_seen": row["time"], "last_seen": row["time"]}
            cell = {"endpoint": record.endpoint, "operation": record.operation}
            kind = {name: row[name] for name in ("kind", "outcome", "reason", "released")}
            use = {"thumbprint": OLD.thumbprint, "how": "verified", "alias": OLD.alias, "key_id": OLD.key_id}
            connection.execute(insert(traffic_hourly), cell | kind | seen)
            connection.execute(insert(key_usage_hourly), cell | use | seen)
        head = {"writer": link.writer, "instance": instance, "sequence": link.sequence, "hash": link.hash}
        connection.execute(insert(chains), head)
    return link.writer


def _prune_earlier(engine: Engine, writer: str, until: int) -> None:
    """Remove records as a gateway of that time did it: nothing announces it."""
    with writing(engine) as connection:
        mine = (messages.c.writer == writer) & (messages.c.sequence <= until)
        row = connection.execute(select(messages).where(mine).order_by(messages.c.sequence.desc()).limit(1)).one()
        values = {"writer": writer, "sequence": until, "hash": row.hash, "time": row.time, "pruned_at": row.time}
        connection.execute(insert(checkpoints), values)
        connection.execute(delete(messages).where(mine))


def _start(engine: Engine, *records: Any, key: SigningKey | None = None, instance: str = "host/1") -> None:
    writer = LedgerWriter(engine, instance, key=key)
    for record in records:
        writer.submit(record).result(10)
    writer.tell(EventKind.CONFIGURATION, {"endpoints": {}}).result(10)
    assert writer.close(10)


@on_sqlite
class TestBeforeThereWereEvents:
    def test_it_is_told_apart_and_intact(self, engine: Engine) -> None:
        _write_earlier(engine, 0, 1, 2)
        report = verify_ledger(engine)
        assert (report.is_intact, report.unproven, report.signed_by(Signing.EARLIER)) == (True, [], 1)
        _start(engine, accepted(NEW, time=NOON + 3 * DAY), key=ALPHA)
        report = verify_ledger(engine, pinned=[ALPHA.public])
        assert (report.is_intact, report.signed_by(Signing.PINNED)) == (True, 1)

    def test_what_was_pruned_then_is_not_proven(self, engine: Engine) -> None:
        writer = _write_earlier(engine, 0, 1, 40)
        _prune_earlier(engine, writer, 2)
        report = verify_ledger(engine)
        assert report.is_intact
        assert report.unproven == [
            "no event tells of what was pruned: it was done before there were events",
            "nothing tells what was counted of records that went before there were events",
        ]

    def test_from_the_first_event_on_it_is(self, engine: Engine) -> None:
        writer = _write_earlier(engine, 0, 1, 40)
        _prune_earlier(engine, writer, 2)
        _start(engine, accepted(NEW, time=NOON + 41 * DAY))
        report = verify_ledger(engine)
        assert (report.is_intact, report.unproven) == (True, [])

    @pytest.mark.parametrize(
        ("statement", "finding"),
        [
            ("UPDATE traffic_hourly SET messages = 2 WHERE hour = (SELECT min(hour) FROM traffic_hourly)", "traffic_"),
            ("DELETE FROM traffic_hourly WHERE hour = (SELECT min(hour) FROM traffic_hourly)", "traffic_hourly"),
            ("UPDATE key_usage_hourly SET last_seen = last_seen - 1", "key_usage_hourly"),
            ("DELETE FROM key_usage_hourly WHERE hour = (SELECT min(hour) FROM traffic_hourly)", "key_usage_hourly"),
        ],
    )
    def test_its_counts_cannot_be_changed_any_more(self, engine: Engine, statement: str, finding: str) -> None:
        writer = _write_earlier(engine, 0, 1, 40)
        _prune_earlier(engine, writer, 2)
        _start(engine, accepted(NEW, time=NOON + 41 * DAY))
        _act(engine, statement)
        assert any(one.startswith(finding) for one in _details(engine))

    def test_what_is_pruned_of_it_later_is_announced_with_its_counts(self, engine: Engine) -> None:
        _write_earlier(engine, 0, 1, 40)
        _start(engine, accepted(NEW, time=NOON + 41 * DAY))
        prunable = Prunable({"orders": NOON + 2 * DAY}, NOON)
        assert pruned(engine, prunable, NOON + 100 * DAY).total == 2
        report = verify_ledger(engine)
        assert (report.is_intact, report.unproven) == (True, [])
        _act(engine, "DELETE FROM traffic_hourly WHERE hour = (SELECT min(hour) FROM traffic_hourly)")
        assert [one.partition(" at ")[0] for one in _details(engine)] == ["traffic_hourly"]

    def test_a_checkpoint_that_was_invented_after_the_first_event_is_found(self, engine: Engine) -> None:
        writer = _write_earlier(engine, 0, 1, 40)
        _start(engine, accepted(NEW, time=NOON + 41 * DAY))
        _prune_earlier(engine, writer, 2)
        found = _details(engine)
        assert f"of the writer {writer} up to record 2: no event announced it" in found
        assert any("no event tells what 2 records counted that were removed" in one for one in found)

    def test_a_record_without_signers_after_the_first_event_has_no_writer(self, engine: Engine) -> None:
        _start(engine, accepted(NEW, time=NOON))
        with reading(engine) as connection:
            started = connection.execute(select(events.c.time).where(events.c.number == 1)).scalar_one()
        days = started // (24 * 3600 * 10**6) - to_microseconds(NOON) // (24 * 3600 * 10**6)
        _write_earlier(engine, days + 2)
        assert "foreign None: no event introduces its writer" in _details(engine)

    def test_an_old_writer_that_is_invented_afterwards_is_found(self, engine: Engine) -> None:
        _write_earlier(engine, 0, 1)
        _start(engine, accepted(NEW, time=NOON + 41 * DAY))
        assert verify_ledger(engine).is_intact
        _write_earlier(engine, 2, instance="old/2")
        assert _details(engine) == ["foreign None: the first event of all does not know it"]

    def test_a_record_that_an_old_writer_added_in_these_days_is_none(self, engine: Engine) -> None:
        writer = _write_earlier(engine, 0, 1)
        _start(engine, accepted(NEW, time=NOON + 41 * DAY))
        with writing(engine) as connection:
            head = connection.execute(select(chains).where(chains.c.writer == writer)).one()
            row = row_of(accepted(OLD, time=NOON + 2 * DAY)) | dict.fromkeys(_YOUNG)
            link = Link(writer, head.sequence, head.hash).extend(row)
            connection.execute(insert(messages), row)
            connection.execute(
                update(chains).where(chains.c.writer == writer).values(sequence=link.sequence, hash=link.hash)
            )
        assert _details(engine) == ["foreign None: the first event of all does not know it"]

    def test_an_old_writer_may_go_on_while_the_first_event_is_written(self, engine: Engine) -> None:
        """As gateways of the older version do that are replaced one after the other."""
        _start(engine, accepted(NEW, time=NOON))
        _write_earlier(engine, (datetime.now(UTC) - NOON) / DAY)
        assert verify_ledger(engine).is_intact

    def test_a_head_of_nothing_was_not_written_by_a_gateway(self, engine: Engine) -> None:
        head = {"writer": "w", "instance": "x/1", "sequence": 0, "hash": "0" * 64}
        with writing(engine) as connection:
            connection.execute(insert(chains), head)
        assert _details(engine) == ["foreign None: it has a head, and neither a record nor an event"]


@on_sqlite
class TestHeartbeats:
    @pytest.fixture
    def watched(self, engine: Engine) -> Engine:
        """Three hours of one gateway, a heartbeat each ten minutes."""
        with long_steps():
            watcher = Watcher(engine, JUNE, SERVED, instance="alpha/1", key=ALPHA)
            for _ in range(3):
                watcher.record(accepted(OLD, time=watcher.instant()))
                watcher.watch(HOUR, HOUR / 6)
            watcher.stop()
        return engine

    def test_those_that_were_summed_up_may_go(self, watched: Engine) -> None:
        before = verify_ledger(watched).chains[0].events
        prunable = Prunable({"orders": JUNE + 100 * DAY}, JUNE + 100 * DAY)
        assert pruned(watched, prunable, JUNE + 200 * DAY).total == 3
        with reading(watched) as connection:
            kinds = connection.execute(select(events.c.kind).where(events.c.writer.in_(_alpha()))).scalars().all()
        assert kinds.count("heartbeat") == 0
        report = verify_ledger(watched, pruned_before=JUNE + 150 * DAY)
        assert report.is_intact
        assert report.chains[0].events == before
        assert [c.detail for c in verify_ledger(watched, pruned_before=JUNE).chains if not c.is_intact] == [
            "it is gone, and too young to be pruned"
        ]

    def test_the_rest_of_a_run_goes_next_time(self, watched: Engine) -> None:
        prunable = Prunable({"orders": JUNE + 100 * DAY}, JUNE + 100 * DAY)
        asked = iter([False, False, True])
        done = pruned(watched, prunable, JUNE + 200 * DAY, should_stop=lambda: next(asked, True))
        assert done.complete
        assert verify_ledger(watched).is_intact

    @pytest.mark.parametrize(
        ("where", "detail"),
        [
            ("number = 4", None),
            ("number > 22 AND kind <> 'stopped'", "it is gone, and no event sums it up"),
            ("number = 2", "event 2, which it knows, is gone"),
            ("kind = 'rollup-sealed' AND number < 12", "it does not follow the event that summed up before it"),
            ("number = 1", "the first event is gone"),
        ],
    )
    def test_nothing_else_may(self, watched: Engine, where: str, detail: str | None) -> None:
        _act(watched, f"DELETE FROM events WHERE {where}")  # noqa: S608 - those above
        (report,) = verify_ledger(watched).chains
        assert (report.detail if not report.is_intact else None) == detail

    def test_what_they_tell_must_be_what_the_records_count(self, watched: Engine) -> None:
        _act(
            watched,
            "UPDATE key_uses_hourly SET messages = messages + 1",
            "UPDATE traffic_hourly SET messages = messages + 1",
        )
        assert len(_details(watched)) == 6


def _alpha() -> Any:
    return select(chains.c.writer).where(chains.c.instance == "alpha/1")


@on_sqlite
class TestOutages:
    def test_records_that_came_late_are_dated_back_to_the_outage_and_no_further(self, engine: Engine) -> None:
        with long_steps():
            watcher = Watcher(engine, JUNE, SERVED, instance="alpha/1")
            watcher.record(accepted(OLD, time=watcher.instant()))
            watcher.beat()
            watcher.sleep(10 * timedelta(minutes=1))
            watcher.beat()
            watcher.record(accepted(NEW, time=watcher.instant()))
            watcher.record(accepted(OLD, time=watcher.instant() - timedelta(minutes=9)))
            assert verify_ledger(engine).is_intact
            for _ in range(4):
                watcher.sleep(timedelta(seconds=40))
                watcher.beat()
            watcher.record(accepted(OLD, time=watcher.instant()))
            watcher.record(accepted(OLD, time=watcher.instant() - timedelta(minutes=9)))
            watcher.stop()
        assert _details(engine) == ["altered None: its time runs backwards"]


@on_sqlite
class TestNames:
    def test_names_that_strangers_make_up_are_counted_together(self, engine: Engine) -> None:
        made_up = [
            rejected("unsigned", operation=f"{{urn:x}}Op{number}", time=NOON + timedelta(seconds=number))
            for number in range(MOST_NAMES + 20)
        ]
        known = accepted(OLD, operation=f"{{urn:x}}Op{MOST_NAMES + 5}", time=NOON + timedelta(seconds=900))
        again = rejected(
            "stale", recognised=(OLD,), operation=f"{{urn:x}}Op{MOST_NAMES + 5}", time=NOON + timedelta(seconds=901)
        )
        stale = rejected("stale", recognised=(OLD,), operation="{urn:x}Never", time=NOON + timedelta(seconds=902))
        _start(engine, *made_up, known, again, stale)
        assert verify_ledger(engine).is_intact
        others = (key_uses_hourly.c.operation == "*") & (key_uses_hourly.c.outcome == "rejected")
        with reading(engine) as connection:
            assert connection.execute(select(key_uses_hourly.c.messages).where(others)).scalar_one() == 1
        _act(engine, update(key_uses_hourly).where(others).values(messages=2))
        assert len(_details(engine)) == 1

    def test_where_few_are_known_none_is_among_the_others(self, engine: Engine) -> None:
        _start(engine, rejected("stale", recognised=(OLD,), operation="{urn:x}Op", time=NOON))
        _act(engine, "UPDATE traffic_hourly SET operation = '*'", "UPDATE key_uses_hourly SET operation = '*'")
        assert _details(engine)


@on_sqlite
class TestWhatWasNeverWritten:
    @pytest.mark.parametrize(
        ("change", "detail"),
        [
            ("content = '[]'", "it does not match its hash"),
            ("content = 'x'", "it does not match its hash"),
            ("content = (SELECT replace(hex(zeroblob(50000)), '00', '['))", "it does not match its hash"),
            ("clock_offset = 'x'", "it does not match its hash"),
            ("previous_hash = x'00'", "it does not match its hash"),
            ("records = 'x'", "it holds a value that this program never wrote"),
            ("signature = 'x'", "it is not signed with the key that the first event names"),
        ],
    )
    def test_events_are_found_and_break_nothing(self, engine: Engine, change: str, detail: str) -> None:
        _start(engine, accepted(OLD, time=NOON), key=ALPHA)
        _act(engine, f"UPDATE events SET {change} WHERE number = 2")  # noqa: S608 - those above
        assert [chain.detail for chain in verify_ledger(engine).chains] == [detail]

    @pytest.mark.parametrize(
        "change", ["signers = 'x'", "signers = '[1]'", "signers = '[{}]'", "time = 'x'", "keystore_revision = 'x'"]
    )
    def test_records_are_found_although_their_chain_holds(
        self, engine: Engine, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _start(engine, accepted(OLD, time=NOON))
        _act(engine, f"UPDATE messages SET {change}")  # noqa: S608 - those above
        monkeypatch.setattr(chain_verification, "digest_or_none", lambda _previous, row: row["hash"])
        report = verify_ledger(engine)
        assert [chain.detail for chain in report.chains] == ["it holds a value that this program never wrote"]

    def test_keys_that_cannot_be_read_are_relied_on_by_nobody(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _start(engine, accepted(OLD, time=NOON))
        _act(engine, "UPDATE messages SET verified_by = 'x'")
        monkeypatch.setattr(chain_verification, "digest_or_none", lambda _previous, row: row["hash"])
        assert [chain.relied_on for chain in verify_ledger(engine).chains] == [frozenset()]

    @pytest.mark.parametrize("change", ["messages = 'x'", "hour = 'x'", "last_seen = x'00'"])
    def test_counts_are_found_and_break_nothing(self, engine: Engine, change: str) -> None:
        _start(engine, accepted(OLD, time=NOON))
        _act(engine, f"UPDATE key_uses_hourly SET {change}")  # noqa: S608 - those above
        assert _details(engine)

    def test_only_so_many_cells_are_named(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rollup_comparison, "MOST_FINDINGS", 2)
        _start(engine, *map(mixture, range(20)))
        _act(engine, "DELETE FROM key_uses_hourly")
        found = _details(engine)
        assert (len(found), found[-1].endswith("more cells differ")) == (3, True)

    def test_a_ledger_of_very_many_cells_needs_little_memory(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rollup_comparison, "_HELD", 1)
        monkeypatch.setattr(chain_verification, "PAGE", 3)
        _write_earlier(engine, 0, 1)
        _start(engine, *map(mixture, range(1000, 1020)))
        assert verify_ledger(engine).is_intact


class TestNumbers:
    @on_sqlite
    @pytest.mark.parametrize("number", [0, -5])
    def test_they_begin_with_1(self, engine: Engine, number: int) -> None:
        """Whoever walks along from 1 on would not meet it."""
        _start(engine, accepted(OLD, time=NOON))
        copied = "CREATE TEMP TABLE one AS SELECT * FROM {0} WHERE {1} = 1"
        _act(
            engine,
            copied.format("messages", "sequence"),
            f"UPDATE one SET id = 'x', sequence = {number}",  # noqa: S608 - those above
            "INSERT INTO messages SELECT * FROM one",
        )
        assert _details(engine) == ["altered None: it stands where records were pruned"]
        _act(
            engine,
            f"DELETE FROM messages WHERE sequence = {number}",  # noqa: S608 - those above
            "DROP TABLE IF EXISTS temp.one",
            copied.format("events", "number"),
            f"UPDATE one SET number = {number}",  # noqa: S608 - those above
            "INSERT INTO events SELECT * FROM one",
        )
        assert _details(engine)[0] == f"altered {number}: events are numbered from 1 on"

    @on_postgresql
    @pytest.mark.parametrize("sequence", [1, 2, 3, 4])
    def test_each_is_there_once(self, engine: Engine, sequence: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the table is partitioned no constraint sees to it: also not at the end of a page."""
        monkeypatch.setattr(chain_verification, "PAGE", 2)
        _start(engine, *(accepted(OLD, time=NOON + number * HOUR) for number in range(4)))
        assert verify_ledger(engine).is_intact
        _act(
            engine,
            f"CREATE TEMP TABLE one AS SELECT * FROM messages WHERE sequence = {sequence}",  # noqa: S608 - those above
            "UPDATE one SET id = 'x', time = time + 1, hash = 'x'",
            "INSERT INTO messages SELECT * FROM one",
        )
        assert [chain.state for chain in verify_ledger(engine).chains] == [ChainState.ALTERED]


@on_sqlite
class TestKeys:
    def test_one_instance_signs_with_one_key(self, engine: Engine) -> None:
        _start(engine, accepted(OLD, time=NOON), key=ALPHA, instance="host/1")
        _start(engine, accepted(OLD, time=NOON), key=ALPHA, instance="host/2")
        _start(engine, accepted(OLD, time=NOON), key=BETA, instance="other/2")
        _start(engine, accepted(OLD, time=NOON), key=None, instance="host/3 (ledger prune)")
        assert verify_ledger(engine).is_intact
        _start(engine, accepted(OLD, time=NOON), key=EVIL, instance="host/4")
        finding = f"the instance host signs with two keys: {ALPHA.public} and {EVIL.public}"
        assert _details(engine) == [finding]

    def test_what_was_lost_explains_no_key(self, engine: Engine) -> None:
        _start(engine, accepted(OLD, time=NOON), key=ALPHA)
        writer = LedgerWriter(engine, "host/2", key=BETA)
        told = {"what": "lost-end", "expected": [ALPHA.public], "found": [BETA.public]}
        writer.tell(EventKind.RECOVERED, told).result(10)
        assert writer.close(10)
        assert len(_details(engine)) == 1

    def test_a_key_that_was_replaced_is_told(self, engine: Engine) -> None:
        _start(engine, accepted(OLD, time=NOON), key=ALPHA)
        writer = LedgerWriter(engine, "host/2", key=BETA)
        told = {"what": NEW_KEY, "expected": [ALPHA.public], "found": [BETA.public]}
        writer.tell(EventKind.RECOVERED, told).result(10)
        assert writer.close(10)
        assert verify_ledger(engine).is_intact
        assert [chain.state for chain in verify_ledger(engine, pinned=[ALPHA.public]).chains] == [
            ChainState.INTACT,
            ChainState.FOREIGN,
        ]


@on_sqlite
class TestEventsThatFitTheirHashes:
    """Written by somebody who knows how they are hashed, and of a gateway that signs nothing."""

    @staticmethod
    def _told_anew(engine: Engine, number: int, **changes: Any) -> list[str]:
        _start(engine, accepted(OLD, time=NOON), accepted(NEW, time=NOON))
        with writing(engine) as connection, unprotected(connection):
            row = dict(connection.execute(select(events).where(events.c.number == number)).mappings().one())
            for name, value in changes.items():
                row[name] = value(row[name]) if callable(value) else value
            row["hash"] = event_hash(row["previous_hash"], row)
            connection.execute(update(events).where(events.c.number == number).values(row))
        assert event_window.read_events(engine, 0).problems, "whoever decides by it is told as well, and gets no error"
        return [chain.detail for chain in verify_ledger(engine).chains]

    @pytest.mark.parametrize(
        ("number", "changes", "detail"),
        [
            (4, {"previous_hash": "f" * 64}, "it does not follow the event before it"),
            (4, {"records": 0, "records_hash": "0" * 64}, "it names an earlier record than the event before it"),
            (4, {"records_hash": "f" * 64}, "it knows record 2 with another hash"),
            (4, {"records": 99}, "it names a record that is not there"),
            (4, {"time": lambda time: time - 10**9}, "its time runs backwards"),
            (4, {"kind": "started"}, "it begins a chain that has begun already"),
            (4, {"kind": "party"}, "it is of the kind 'party', which is never written"),
            (4, {"content": '{"x":1}'}, "the head of the chain knows its last event otherwise"),
            (1, {"kind": "configuration"}, "the first event is gone"),
            (1, {"content": lambda text: text.replace("host/1", "host/2")}, "the head of the chain names the instance"),
            (3, {"content": lambda text: text.replace('"kept":[[1,"', '"kept":[[1,"f')}, "what it tells of kept was"),
            (
                3,
                {"content": lambda text: text.replace('"sealed":0', '"sealed":1')},
                "it does not follow the event that",
            ),
            (
                3,
                {"content": lambda text: text.replace('"kept":[[1,', '"kept":[[7,')},
                "event 7, which it knows, is gone",
            ),
            (3, {"content": lambda text: text.replace("needed", "present")}, "it does not tell what the records count"),
        ],
    )
    def test_they_must_follow_from_what_is_there(
        self, engine: Engine, number: int, changes: dict[str, Any], detail: str
    ) -> None:
        (found,) = self._told_anew(engine, number, **changes)
        assert found.startswith(detail)

    def test_events_between_two_sums_are_known_by_their_hashes(self, engine: Engine) -> None:
        def other(text: str) -> str:
            content = json.loads(text)
            content["kept"][0][1] = "f" * 64
            return content_text(content)

        assert self._told_anew(engine, 3, content=other) == ["it does not know the events before it as they are"]

    def test_an_old_chain_gets_no_events_afterwards(self, engine: Engine) -> None:
        writer = _write_earlier(engine, 0, 1)
        _start(engine, accepted(OLD, time=NOON + 2 * DAY))
        with writing(engine) as connection:
            head = connection.execute(select(chains).where(chains.c.writer == writer)).one()
            row = dict(connection.execute(select(events).where(events.c.number == 1)).mappings().one())
            row |= {"writer": writer, "records": 2, "records_hash": head.hash}
            row["hash"] = event_hash(row["previous_hash"], row)
            connection.execute(insert(events), row)
        assert "foreign 1: it begins behind records that nothing introduces" in _details(engine)


@on_sqlite
class TestNoted:
    @pytest.fixture
    def noting(self, engine: Engine) -> Engine:
        """A gateway that came later, and noted the end of the first."""
        _start(engine, accepted(OLD, time=NOON), accepted(NEW, time=NOON), instance="first/1")
        _start(engine, accepted(OLD, time=NOON), instance="second/1")
        return engine

    def _forged(self, engine: Engine, edit: Edit) -> list[str]:
        with writing(engine) as connection, unprotected(connection):
            forge(connection, edit, None, only=["first/1"])
        return _details(engine)

    def test_records_that_are_gone_are_missed_by_another_writer(self, noting: Engine) -> None:
        def cut(found: dict[str, Forged]) -> None:
            found["first/1"].records.pop()

        detail = "truncated None: the last 1 records are gone: events of other writers know them"
        assert self._forged(noting, cut) == [detail]

    def test_events_that_are_gone_are_missed_by_another_writer(self, noting: Engine) -> None:
        def cut(found: dict[str, Forged]) -> None:
            found["first/1"].events.pop()

        detail = "truncated 4: the last 1 events are gone: events of other writers know them"
        assert self._forged(noting, cut) == [detail]

    def test_records_that_were_written_anew_are_known_otherwise(self, noting: Engine) -> None:
        def alter(found: dict[str, Forged]) -> None:
            found["first/1"].records[-1]["detail"] = "x"

        detail = "altered None: an event of another writer knows it with another hash"
        assert self._forged(noting, alter) == [detail]

    def test_a_whole_chain_that_is_gone_is_missed(self, noting: Engine) -> None:
        first = "(SELECT writer FROM chains WHERE instance = 'first/1')"
        _act(
            noting,
            f"DELETE FROM messages WHERE writer = {first}",  # noqa: S608 - ours
            f"DELETE FROM events WHERE writer = {first}",  # noqa: S608 - ours
            "DELETE FROM chains WHERE instance = 'first/1'",
        )
        assert _details(noting)[0] == "truncated None: the whole chain is gone; events of other writers know it"


@on_sqlite
def test_a_ledger_that_nobody_has_written_is_intact(engine: Engine) -> None:
    report = verify_ledger(engine)
    assert (report.chains, report.findings, report.is_intact) == ([], [], True)


@on_sqlite
def test_what_is_written_and_pruned_meanwhile_is_no_forgery(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another gateway starts, this one goes on, and old records go, while the chains are walked along."""
    monkeypatch.setattr(chain_verification, "PAGE", 3)
    watcher = Watcher(engine, NOON, instance="host/1")
    for day in range(12):
        watcher.record(accepted(OLD, time=NOON + day * DAY))
    done: list[int] = []

    def meanwhile(_records: int) -> None:
        if not done:
            done.append(pruned(engine, Prunable({"orders": NOON + 8 * DAY}, NOON), NOON + 120 * DAY).total)
            watcher.record(accepted(NEW, time=NOON + 12 * DAY))
            _start(engine, accepted(NEW, time=NOON + 12 * DAY), instance="host/2")

    report = verify_ledger(engine, on_progress=meanwhile)
    assert (done, report.is_intact, [chain.pruned for chain in report.chains]) == ([8], True, [8, 0, 0])
    watcher.stop()


@on_sqlite
def test_a_signed_head_of_a_summed_up_heartbeat_is_enough(engine: Engine) -> None:
    """And one that is signed with another key, or knows another event, is a finding."""
    with long_steps():
        watcher = Watcher(engine, JUNE, SERVED, instance="alpha/1", key=ALPHA)
        watcher.record(accepted(OLD, time=watcher.instant()))
        watcher.beat()
        head = SignedHead.of(watcher.writer.head, ALPHA)
        watcher.watch(2 * HOUR)
        watcher.stop()
    assert pruned(engine, Prunable({}, JUNE + 100 * DAY), JUNE + 200 * DAY).total == 1
    assert verify_ledger(engine, signed_heads=[head], pinned=[ALPHA.public]).chains[0].is_intact
    other = SignedHead.of(watcher.writer.head, EVIL)
    assert verify_ledger(engine, signed_heads=[other]).chains[0].state is ChainState.FOREIGN
    forged = SignedHead.of(replace(watcher.writer.head, event_hash="f" * 64), ALPHA)
    detail = "a signed head knows it with another hash"
    assert verify_ledger(engine, signed_heads=[forged]).chains[0].detail == detail
