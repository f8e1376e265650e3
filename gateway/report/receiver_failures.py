"""The failures of the receivers: model, table, JSON and CSV of `report failures`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text
from sqlalchemy import Engine

from gateway.ledger import FailureRow, Failures, RecordFilter, failures
from gateway.present import (
    age_text,
    bare_table,
    count_text,
    csv_text,
    endpoint_heading,
    indented,
    instant_in_table,
    instant_json,
    plain,
)
from gateway.report.failure_kinds import FAILURE_ADVICE, failure_kind
from gateway.report.rejections import MOST_ROWS

FAILURES_SCHEMA: Final = "wssgate.failures/1"


@dataclass(frozen=True, slots=True)
class FailureReport:
    """What the receivers failed with."""

    generated: datetime
    since: datetime | None
    until: datetime | None
    found: Failures


def failure_report(
    engine: Engine, wanted: RecordFilter, *, now: datetime, limit: int | None = MOST_ROWS
) -> FailureReport:
    """Count the failures among the records that fit `wanted`; exact to the second.

    Args:
        engine: The ledger's database.
        wanted: Which records.
        now: The instant of the report.
        limit: Rows of the report, the most frequent ones; None lists all of them.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    return FailureReport(now, wanted.since, wanted.until, failures(engine, wanted, limit))


def failures_table(report: FailureReport) -> RenderableType:
    """A block for each failure: how often and when, why, and what to do next."""
    begin = "everything on record" if report.since is None else f"from {instant_in_table(report.since)}"
    end = "" if report.until is None else f" to {instant_in_table(report.until)}"
    title = f"\n{begin}{end}, as of {instant_in_table(report.generated)}; times in UTC"
    parts: list[RenderableType] = [Text.assemble(("Failures of the receivers", "bold"), title)]
    if not report.found.rows:
        parts.append(Text("None.", style="green"))
    for endpoint, rows in groupby(report.found.rows, key=lambda row: row.endpoint):
        parts.append(endpoint_heading(endpoint))
        parts += [indented(_block(row, report.generated)) for row in rows]
    if report.found.more:
        left_out = f"\n... and {count_text(report.found.more, 'row')} more: wssgate report failures --limit 0"
        parts.append(Text(left_out, style="dim"))
    return Group(*parts)


def _block(row: FailureRow, now: datetime) -> RenderableType:
    listed = bare_table(("", ""), numbers=set())
    listed.show_header = False
    for name, value, style in _lines(row, now):
        listed.add_row(Text(name, style="dim"), Text(plain(value), style=style))
    return Group(listed, Text(""))


def _lines(row: FailureRow, now: datetime) -> Iterable[tuple[str, str, str]]:
    kind = failure_kind(row.detail)
    yield "failure", str(kind), "bold yellow"
    age = age_text(row.last_seen, now)
    yield "messages", f"{row.messages:,}", ""
    yield "first", instant_in_table(row.first_seen), ""
    yield "last", f"{instant_in_table(row.last_seen)} ({age if age == 'now' else f'{age} ago'})", ""
    yield "record", row.record, ""
    yield "why", row.detail, ""
    yield "next", FAILURE_ADVICE[kind], ""


def failures_json(report: FailureReport) -> dict[str, object]:
    """The report as an object of the schema `wssgate.failures/1`."""
    return {
        "schema": FAILURES_SCHEMA,
        "generated": instant_json(report.generated),
        "since": instant_json(report.since),
        "until": instant_json(report.until),
        "messages": report.found.messages,
        "more": report.found.more,
        "rows": [_row(row) for row in report.found.rows],
    }


def _row(row: FailureRow) -> dict[str, Any]:
    kind = failure_kind(row.detail)
    return {
        "endpoint": row.endpoint,
        "failure": str(kind),
        "detail": row.detail,
        "upstream_status": row.upstream_status,
        "messages": row.messages,
        "first_seen": instant_json(row.first_seen),
        "last_seen": instant_json(row.last_seen),
        "record": row.record,
        "advice": FAILURE_ADVICE[kind],
    }


_COLUMNS: Final = (
    "endpoint",
    "failure",
    "detail",
    "upstream_status",
    "messages",
    "first_seen",
    "last_seen",
    "record",
    "advice",
)


def failures_csv(report: FailureReport) -> str:
    """One line a failure and endpoint, with a header."""
    return csv_text(_COLUMNS, ([_row(row)[name] for name in _COLUMNS] for row in report.found.rows))
