"""`wssgate tail` and `wssgate ledger list`: messages, one line each, as a filter names them."""

import csv
import io
import json
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import tail
from gateway.cli.ledger.list import command as list_command
from gateway.ledger import FILTER_NAMES, DatabaseUnavailable, LedgerWriter, MessageRecord, RecordFollower, open_database
from gateway.vocabulary import RecordedOutcome
from tests.gateway.cli.running import Run
from tests.gateway.ledger.load import NEW, OLD, accepted, rejected

NOW = datetime.now(UTC)
Write = Callable[..., None]


@pytest.fixture
def write(workplace: Path) -> Write:
    """Writes records, each by a gateway of its own."""

    def submit(*records: MessageRecord) -> None:
        engine = open_database(f"sqlite:///{workplace}/wssgate.db")
        writer = LedgerWriter(engine, "host:1")
        for record in records:
            writer.submit(record).result(10)
        assert writer.close(10)
        engine.dispose()

    return submit


def _ago(minutes: float, **fields: Any) -> dict[str, Any]:
    return {"time": NOW - timedelta(minutes=minutes)} | fields


def test_list_shows_the_newest_that_fit_one_line_each(run: Run, write: Write) -> None:
    made = [
        accepted(OLD, **_ago(300)),
        rejected("unsigned", **_ago(20)),
        accepted(NEW, **_ago(10, operation="{urn:orders}PlaceOrder")),
        rejected("wrapping", **_ago(5)),
    ]
    write(*made)

    def listed(*words: object) -> list[str]:
        out = run("ledger", "list", *words).out
        return [line for line in out.splitlines() if "(UTC)" not in line]

    assert [line.split()[-1] for line in listed()] == [record.id for record in made]
    assert [line.split()[-1] for line in listed("outcome:rejected")] == [made[1].id, made[3].id]
    assert [line.split()[-1] for line in listed("op:PlaceOrder", "key:acme-2026")] == [made[2].id]
    assert len(listed("since:1h")) == 3
    assert listed("reason:dtd") == ["None."]
    ran = run("ledger", "list", "-n", "2")
    assert "Older ones are left out" in ran.err
    assert made[3].id in ran.out
    assert made[1].id not in ran.out
    # And the id that is shown leads to the record.
    assert run("ledger", "show", listed()[0].split()[-1]).code == 0


def test_list_for_programs(run: Run, write: Write) -> None:
    made = [accepted(OLD, **_ago(2)), rejected("unsigned", **_ago(1))]
    write(*made)
    lines = [json.loads(line) for line in run("ledger", "list", "--json").out.splitlines()]
    assert [(line["schema"], line["id"]) for line in lines] == [("wssgate.record/1", one.id) for one in made]
    rows = list(csv.DictReader(io.StringIO(run("ledger", "list", "--csv").out)))
    assert [row["id"] for row in rows] == [one.id for one in made]
    assert run("ledger", "list", "--csv", "--json").code == 2


@pytest.mark.parametrize("command", [("ledger", "list"), ("tail",), ("ledger", "export")])
def test_a_filter_that_cannot_be_read_is_wrong_use(run: Run, workplace: Path, command: tuple[str, ...]) -> None:
    ran = run(*command, "rejected")
    assert (ran.code, "did you mean outcome:rejected?" in ran.err) == (2, True)
    ran = run(*command, "endpoint:nobody")
    assert (ran.code, "the endpoints are: orders" in ran.err) == (2, True)


def test_export_takes_the_same_filters(run: Run, write: Write) -> None:
    made = [accepted(OLD, **_ago(2)), rejected("unsigned", **_ago(1)), rejected("dtd", **_ago(1), endpoint="gone")]
    write(*made)
    lines = [json.loads(line) for line in run("ledger", "export", "outcome:rejected endpoint:gone").out.splitlines()]
    assert [line["id"] for line in lines] == [made[2].id]
    mixed = run("ledger", "export", "outcome:rejected", "--endpoint", "orders").out.splitlines()
    assert [json.loads(line)["id"] for line in mixed] == [made[1].id]
    ran = run("ledger", "export", "endpoint:orders", "--endpoint", "orders")
    assert (ran.code, "said by an option already" in ran.err) == (2, True)


def test_the_help_of_list_names_the_whole_language() -> None:
    told = set(re.findall(r"[a-z]+", list_command.__doc__ or ""))
    assert set(FILTER_NAMES) <= told


def test_tail_shows_what_is_recorded_meanwhile(run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_LOOK_SECONDS", 0.02)
    before = [accepted(OLD, **_ago(n)) for n in (3, 2, 1)]
    write(*before)
    came = [rejected("unsigned"), accepted(NEW), accepted(OLD, endpoint="invoices")]
    timer = threading.Timer(0.3, write, args=came)
    timer.start()

    ran = run("tail", "--lines", "2", "--count", "4", "outcome:accepted")

    timer.join()
    shown = [line.split()[-1] for line in ran.out.splitlines() if "(UTC)" not in line]
    assert shown == [one.id for one in (*before[1:], *sorted(came[1:], key=lambda one: (one.time, one.id)))]


def test_tail_ends_after_so_many_and_begins_where_it_is_told(run: Run, write: Write) -> None:
    before = [accepted(OLD, **_ago(n)) for n in (3, 2, 1)]
    write(*before)
    lines = run("tail", "-n", "2", "--count", "2").out.splitlines()
    assert [line.split()[-1] for line in lines if "(UTC)" not in line] == [one.id for one in before[1:]]
    (line,) = run("tail", "-n", "3", "--count", "1", "--json").out.splitlines()
    assert json.loads(line)["id"] == before[0].id


def test_tail_goes_on_after_the_database_could_not_be_read(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(accepted(OLD, **_ago(1)))
    new, calls = RecordFollower.new, iter([True, True, False])

    def sometimes(self: RecordFollower) -> list[Any]:
        if next(calls, False):
            raise DatabaseUnavailable("the ledger cannot be read: gone")
        return new(self)

    monkeypatch.setattr(tail, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(RecordFollower, "new", sometimes)
    ran = run("tail", "--count", "1")
    assert ran.code == 0
    assert ran.err.count("the ledger cannot be read: gone") == 1
    assert "acme-2024" in ran.out


def test_tail_ends_with_ctrl_c(run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    assert run("tail").code == 130


def test_failures_are_reported_with_why_and_next(run: Run, write: Write) -> None:
    failed = accepted(
        outcome=RecordedOutcome.FAILED,
        detail="the host name of the receiver cannot be resolved: name or service not known",
        released=False,
        **_ago(5),
    )
    old = accepted(outcome=RecordedOutcome.FAILED, detail="x", **_ago(60 * 24 * 8))
    write(old, failed)
    for ran in (run("report", "failures"), run("status"), run("ledger", "show", failed.id)):
        said = " ".join(ran.out.split())
        assert "the host name of the receiver cannot be resolved" in said
        assert "getent hosts NAME" in said
    found = json.loads(run("report", "failures", "--json").out)
    assert [row["record"] for row in found["rows"]] == [failed.id]  # of seven days
    assert json.loads(run("report", "failures", "--json", "--since", "30d").out)["messages"] == 2
    assert json.loads(run("report", "failures", "--json", "until:1d").out)["messages"] == 1
    assert json.loads(run("report", "failures", "--json", "-e", "orders", "op:None").out)["messages"] == 0
    status = json.loads(run("status", "--json").out)["endpoints"][0]
    assert status["last_failure"]["record"] == failed.id
    ran = run("report", "failures", "--csv", "--limit", "1", "--since", "30d")
    assert (len(ran.out.splitlines()), "--limit 0" in ran.err) == (2, True)
    assert run("report", "failures", "--csv", "--json").code == 2
