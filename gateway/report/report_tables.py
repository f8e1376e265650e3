"""The reports for people: tables of key usage and of rejections."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.ledger import UsageRow
from gateway.present import (
    OperationNames,
    age_text,
    bare_table,
    count_text,
    endpoint_heading,
    heading,
    indented,
    instant_in_table,
    plain,
    share_text,
)
from gateway.report.rejections import RejectionReport
from gateway.report.usage import UsageReport
from gateway.verify import advice_on


def usage_table(report: UsageReport) -> RenderableType:
    """Which key verified what, and below it what was rejected."""
    parts: list[RenderableType] = [heading("Which key verified the accepted responses", report.generated, report.since)]
    if not report.rows:
        parts.append(Text("No response has been accepted in this time.", style="yellow"))
    for endpoint, rows in groupby(report.rows, key=lambda row: row.endpoint):
        parts += _usage_of_endpoint(endpoint, list(rows), report.generated, "key")
    if report.recognised:
        parts.append(Text("\nKeys that are known but not trusted, or not admitted, and signed rejected responses"))
        for endpoint, rows in groupby(report.recognised, key=lambda row: row.endpoint):
            parts += _usage_of_endpoint(endpoint, list(rows), report.generated, "not trusted")
    parts += [Text(""), rejections_table(report.rejections, with_advice=False)]
    return Group(*parts)


def rejections_table(report: RejectionReport, *, with_advice: bool = True) -> RenderableType:
    """What was rejected, why, and what to do about it."""
    parts: list[RenderableType] = [heading("Rejected responses", report.generated, report.since)]
    if not report.rows:
        parts.append(Text("None.", style="green"))
        return Group(*parts)
    for endpoint, found in groupby(report.rows, key=lambda row: row.endpoint):
        rows = list(found)
        names = OperationNames(row.operation for row in rows)
        table = bare_table(
            ("operation", "reason", "messages", "first seen", "last seen", "ago"), numbers={"messages", "ago"}
        )
        for row in rows:
            reason = Text(plain(row.reason), style="red")
            if row.released:
                reason.append(f" ({row.released:,} delivered)", style="bold red")
            table.add_row(
                Text(names.short(row.operation)),
                reason,
                Text(f"{row.messages:,}"),
                Text(instant_in_table(row.first_seen)),
                Text(instant_in_table(row.last_seen)),
                Text(age_text(row.last_seen, report.generated)),
            )
        parts += [endpoint_heading(endpoint), indented(table)]
    if report.more:
        left_out = f"\n... and {count_text(report.more, 'row')} more: wssgate report rejections --limit 0"
        parts.append(Text(left_out, style="dim"))
    if with_advice:
        parts += _advice(report)
    if report.released:
        warning = f"\nDelivered all the same, because the endpoint was in mode observe: {report.released:,}"
        parts.append(Text(warning, style="bold red"))
    return Group(*parts)


def _advice(report: RejectionReport) -> Iterable[RenderableType]:
    yield Text("\nWhat to do next", style="bold")
    for reason in dict.fromkeys(row.reason for row in report.rows):
        # A ledger may hold reasons of a newer version.
        advice = advice_on(reason) or "look it up in the documentation of the version that recorded it"
        yield indented(Text.assemble((f"{plain(reason)}: ", "red"), advice))


def _usage_of_endpoint(
    endpoint: str, rows: Sequence[UsageRow], now: datetime, key_heading: str
) -> Iterable[RenderableType]:
    names = OperationNames(row.operation for row in rows)
    headings = ("operation", key_heading, "messages", "share", "first seen", "last seen", "ago")
    table = bare_table(headings, numbers={"messages", "ago"})
    previous: str | None = ""
    for row in rows:
        table.add_row(
            Text("" if row.operation == previous else names.short(row.operation)),
            Text(plain(row.alias), style="cyan"),
            Text(f"{row.messages:,}"),
            Text(share_text(row.share)),
            Text(instant_in_table(row.first_seen)),
            Text(instant_in_table(row.last_seen)),
            Text(age_text(row.last_seen, now)),
        )
        previous = row.operation
    yield endpoint_heading(endpoint)
    yield indented(table)
