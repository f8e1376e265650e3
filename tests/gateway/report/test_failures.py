"""`report failures`: what the receivers failed with, told apart, with what to do about each."""

import csv
import io
import re
from pathlib import Path

import pytest

from gateway.ledger import RecordFilter
from gateway.report import (
    FAILURE_ADVICE,
    FailureKind,
    failure_kind,
    failure_report,
    failures_csv,
    failures_json,
    failures_table,
    record_advice,
)
from gateway.verify import ADVICE, Reason
from gateway.vocabulary import RecordedOutcome
from tests.gateway.ledger.load import NOON, OLD, accepted, rejected
from tests.gateway.report.scene import Scene, at
from tests.gateway.report.test_renderings import EVIL, _shown

ROOT = Path(__file__).parents[3]
REFUSED = "no connection to the receiver: connection refused"
REDIRECT = "the receiver answered with a redirect to https://login.example/sso (HTTP status 302), which is not followed"


def _fail(scene: Scene, minutes: float, detail: str, status: int | None = None, endpoint: str = "orders") -> str:
    fields = {"outcome": RecordedOutcome.FAILED, "detail": detail, "upstream_status": status, "endpoint": endpoint}
    record = accepted(time=at(minutes), released=False, **fields)
    scene.add(record)
    return record.id


def test_every_sentence_of_the_outbound_side_is_known() -> None:
    """Each sentence in its source that a failure is raised with."""
    found = set()
    for file in (ROOT / "gateway" / "wire" / "outbound").glob("*.py"):
        text = file.read_text()
        raised = r"(?:Unreachable|TlsFailed|TimedOut|BrokenOff|Disconnected|NotHttp|Unsendable|cls)\(\s*f?\"([^\"]+)\""
        found |= set(re.findall(raised, text)) | set(re.findall(r"detail(?:: str)? = f?\"(the [^\"]+)\"", text))
    assert len(found) >= 12
    unknown = {sentence for sentence in found if failure_kind(sentence) is FailureKind.OTHER}
    assert unknown == {"the look-up of the receiver's name was given up: its connections close"}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_has_its_advice(kind: FailureKind) -> None:
    advice = FAILURE_ADVICE[kind]
    assert advice.endswith(".")
    assert sum(advice == other for other in FAILURE_ADVICE.values()) == 1


def test_what_is_not_known_is_other() -> None:
    assert failure_kind("something of a newer version") is FailureKind.OTHER
    assert failure_kind("") is FailureKind.OTHER


def test_failures_are_counted_by_what_went_wrong(scene: Scene) -> None:
    first = _fail(scene, 0, REFUSED)
    last = _fail(scene, 5, REFUSED)
    elsewhere = _fail(scene, 7, REDIRECT, 302)
    other = _fail(scene, 6, REFUSED, endpoint="invoices")
    scene.add(accepted(OLD, time=at(6)), rejected("unsigned", time=at(6), detail=REFUSED))

    def rows(wanted: RecordFilter, limit: int | None = None) -> list[tuple[str, str, int, str]]:
        report = failure_report(scene.engine, wanted, now=at(10), limit=limit)
        return [(r.endpoint, str(failure_kind(r.detail)), r.messages, r.record) for r in report.found.rows]

    assert rows(RecordFilter()) == [
        ("invoices", "refused", 1, other),
        ("orders", "redirect", 1, elsewhere),
        ("orders", "refused", 2, last),
    ]
    assert first != last
    # Exact to the second, whatever outcome is asked for.
    assert rows(RecordFilter(endpoint="orders", since=at(5), until=at(7), outcome="accepted")) == [
        ("orders", "refused", 1, last)
    ]
    report = failure_report(scene.engine, RecordFilter(), now=at(10), limit=1)
    assert (len(report.found.rows), report.found.more, report.found.messages) == (1, 2, 4)
    assert "... and 2 rows more: wssgate report failures --limit 0" in _shown(failures_table(report))


def test_the_table_says_why_and_what_next(scene: Scene) -> None:
    _fail(scene, 0, REDIRECT, 302)
    _fail(scene, 1, EVIL)
    shown = _shown(failures_table(failure_report(scene.engine, RecordFilter(since=at(0)), now=at(1))), 80)
    assert "\x1b" not in shown
    assert "from 2026-06-01 12:00:00, as of 2026-06-01 12:01:00; times in UTC" in shown
    assert "to https://login.example/sso" in " ".join(shown.split())
    assert "set it as upstream" in " ".join(shown.split())
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines())
    nothing = failure_report(scene.engine, RecordFilter(until=NOON), now=at(1))
    assert "None." in _shown(failures_table(nothing))


def test_for_programs(scene: Scene) -> None:
    record = _fail(scene, 0, REFUSED)
    report = failure_report(scene.engine, RecordFilter(until=at(1)), now=at(1))
    found = failures_json(report)
    assert (found["schema"], found["messages"], found["more"]) == ("wssgate.failures/1", 1, 0)
    assert (found["since"], found["until"]) == (None, "2026-06-01T12:01:00Z")
    assert found["rows"] == [
        {
            "endpoint": "orders",
            "failure": "refused",
            "detail": REFUSED,
            "upstream_status": None,
            "messages": 1,
            "first_seen": "2026-06-01T12:00:00Z",
            "last_seen": "2026-06-01T12:00:00Z",
            "record": record,
            "advice": FAILURE_ADVICE[FailureKind.REFUSED],
        }
    ]
    (line,) = csv.DictReader(io.StringIO(failures_csv(report)))
    assert (line["failure"], line["messages"], line["record"]) == ("refused", "1", record)


def test_what_to_do_about_a_record() -> None:
    assert record_advice(accepted(OLD)) is None
    assert record_advice(rejected("unsigned")) == ADVICE[Reason.UNSIGNED]
    failed = accepted(outcome=RecordedOutcome.FAILED, detail=REFUSED)
    assert record_advice(failed) == FAILURE_ADVICE[FailureKind.REFUSED]
