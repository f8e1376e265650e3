"""The reports for people: tables for a terminal of 100 columns.

Every cell is a `Text`, never a string: rich would read square brackets in a string as markup, and operation names come
from messages.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.ledger import UsageRow
from gateway.report.cells import Cell, CellState
from gateway.report.cutover import CutoverReport, EndpointCutover
from gateway.report.rejections import RejectionReport
from gateway.report.sentences import cell_sentence, endpoint_sentence
from gateway.report.text import OperationNames, age_text, count_text, instant_text, plain, share_text
from gateway.report.usage import UsageReport
from gateway.verify import advice_on

_STYLES = {
    CellState.OLD_ONLY: "yellow",
    CellState.EARLY: "bold red",
    CellState.MIXED: "yellow",
    CellState.SWITCHED: "bold green",
    CellState.SAME_KEY: "green",
    CellState.ONLY_KEY: "green",
    CellState.SILENT: "dim",
}
_PLAIN = {CellState.SWITCHED, CellState.ONLY_KEY, CellState.OLD_ONLY}


def usage_table(report: UsageReport) -> RenderableType:
    """Which key verified what, and below it what was rejected."""
    parts: list[RenderableType] = [
        _heading("Which key verified the accepted responses", report.generated, report.since)
    ]
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
    parts: list[RenderableType] = [_heading("Rejected responses", report.generated, report.since)]
    if not report.rows:
        parts.append(Text("None.", style="green"))
        return Group(*parts)
    for endpoint, found in groupby(report.rows, key=lambda row: row.endpoint):
        rows = list(found)
        names = OperationNames(row.operation for row in rows)
        table = _table(
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
                Text(instant_text(row.first_seen)),
                Text(instant_text(row.last_seen)),
                Text(age_text(row.last_seen, report.generated)),
            )
        parts += [_endpoint(endpoint), _indented(table)]
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
        yield _indented(Text.assemble((f"{plain(reason)}: ", "red"), advice))


def cutover_table(report: CutoverReport) -> RenderableType:
    """How far each endpoint and each of its operations has switched to the newest key."""
    parts: list[RenderableType] = [_heading("Switch to the newest key", report.generated, report.since)]
    if not report.endpoints:
        parts.append(Text("No endpoint is known.", style="yellow"))
    for cutover in report.endpoints:
        parts += _cutover_of_endpoint(cutover, report.generated)
    return Group(*parts)


def _usage_of_endpoint(
    endpoint: str, rows: Sequence[UsageRow], now: datetime, key_heading: str
) -> Iterable[RenderableType]:
    names = OperationNames(row.operation for row in rows)
    headings = ("operation", key_heading, "messages", "share", "first seen", "last seen", "ago")
    table = _table(headings, numbers={"messages", "ago"})
    previous: str | None = ""
    for row in rows:
        table.add_row(
            Text("" if row.operation == previous else names.short(row.operation)),
            Text(plain(row.alias), style="cyan"),
            Text(f"{row.messages:,}"),
            Text(share_text(row.share)),
            Text(instant_text(row.first_seen)),
            Text(instant_text(row.last_seen)),
            Text(age_text(row.last_seen, now)),
        )
        previous = row.operation
    yield _endpoint(endpoint)
    yield _indented(table)


def _cutover_of_endpoint(cutover: EndpointCutover, now: datetime) -> Iterable[RenderableType]:
    style = "bold green" if cutover.switched else "bold yellow" if cutover.laggards else ""
    yield _endpoint(cutover.endpoint)
    yield _indented(Text(plain(endpoint_sentence(cutover, now)), style=style))
    if not cutover.cells:
        return
    names = OperationNames(cell.operation for cell in cutover.cells)
    headings = ("operation", "state", "keys seen", "old key last seen", "only new key since", "messages")
    table = _table(headings, numbers={"messages"})
    for cell in cutover.cells:
        table.add_row(
            Text(names.short(cell.operation)),
            Text(str(cell.state), style=_STYLES[cell.state]),
            _keys(cell),
            Text("" if cell.last_old is None else instant_text(cell.last_old)),
            Text("" if cell.new_since is None else instant_text(cell.new_since)),
            Text(_since(cell)),
        )
    yield _indented(table)
    for cell in cutover.cells:
        # A cell that has switched and met nothing odd is told by its row.
        if cell.state not in _PLAIN or cell.rejected_new or cell.rejected_old:
            yield _indented(Text(f"{names.short(cell.operation)}: {plain(cell_sentence(cell, now))}", style="dim"))


def _keys(cell: Cell) -> Text:
    lines = []
    for key in cell.keys:
        counts = [f"{key.accepted:,}"] if key.accepted else []
        counts += [f"{key.rejected:,} rejected"] if key.rejected else []
        lines.append(Text.assemble((plain(key.alias), "cyan"), f" {', '.join(counts)}"))
    return Text("\n").join(lines) if lines else Text("none", style="dim")


def _since(cell: Cell) -> str:
    """New-key messages since the last old-key one; in a cell that has not switched, of how many that it takes."""
    if not cell.messages_since:
        return ""
    said = f"{'' if cell.exact else '≥ '}{cell.messages_since:,}"
    return f"{said} of {cell.messages_needed:,}" if cell.state is CellState.MIXED else said


def _heading(title: str, now: datetime, since: datetime | None) -> Text:
    window = "everything on record" if since is None else f"from {instant_text(since)} on (whole hours)"
    return Text.assemble((title, "bold"), f"\n{window}, as of {instant_text(now)}; times in UTC", style="")


def _endpoint(name: str) -> Text:
    return Text.assemble("\nendpoint ", (plain(name), "bold"))


def _table(headings: Iterable[str], numbers: set[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        fixed = heading in {
            "first seen",
            "last seen",
            "ago",
            "messages",
            "share",
            "state",
            "old key last seen",
            "only new key since",
        }
        table.add_column(
            Text(heading), justify="right" if heading in numbers else "left", overflow="fold", no_wrap=fixed
        )
    return table


def _indented(renderable: RenderableType) -> Padding:
    return Padding(renderable, (0, 0, 0, 2))
