"""The reports for people: tables of key usage and of rejections."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from gateway.ledger import Role, UsageRow
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
    title = heading("Which key verified the accepted responses", report.generated, report.since, report.until)
    parts: list[RenderableType] = [title, *_only(report.only)]
    if not report.rows:
        parts.append(Text("No response has been accepted in this time.", style="yellow"))
    for endpoint, rows in groupby(report.rows, key=lambda row: row.endpoint):
        parts += _usage_of_endpoint(endpoint, list(rows), report.generated)
    if report.recognised:
        parts.append(Text("\nKnown keys that signed rejected responses: they are in use all the same"))
        for endpoint, rows in groupby(report.recognised, key=lambda row: row.endpoint):
            parts += _usage_of_endpoint(endpoint, list(rows), report.generated)
    if report.repeated:
        parts.append(Text("\nKnown keys whose earlier messages came again and were rejected: no use of them"))
        for endpoint, rows in groupby(report.repeated, key=lambda row: row.endpoint):
            parts += _usage_of_endpoint(endpoint, list(rows), report.generated)
    if report.rejections is not None:
        parts += [Text(""), rejections_table(report.rejections, with_advice=False)]
    return Group(*parts)


def rejections_table(report: RejectionReport, *, with_advice: bool = True) -> RenderableType:
    """What was rejected, why, and what to do about it."""
    title = heading("Rejected responses", report.generated, report.since, report.until)
    parts: list[RenderableType] = [title, *_only(report.only)]
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


def _only(asked: str) -> Iterable[RenderableType]:
    """That the report leaves something out, and by which filter."""
    if asked:
        yield Text(f"only {plain(asked)}", style="yellow")


def _advice(report: RejectionReport) -> Iterable[RenderableType]:
    yield Text("\nWhat to do next", style="bold")
    for reason in dict.fromkeys(row.reason for row in report.rows):
        # A ledger may hold reasons of a newer version.
        advice = advice_on(reason) or "look it up in the documentation of the version that recorded it"
        yield indented(Text.assemble((f"{plain(reason)}: ", "red"), advice))


def _usage_of_endpoint(endpoint: str, rows: Sequence[UsageRow], now: datetime) -> Iterable[RenderableType]:
    yield endpoint_heading(endpoint)
    yield _UsageRows(rows, now)


_NAMES: Final = ("operation", "server", "key")
_NUMBERS: Final = ("messages", "share", "first seen", "last seen", "ago")
_LEFT_OUT: Final = ("first seen", "share", "ago")
"""Columns that go on a narrow screen, in this order, before names are broken over many lines."""
_NAME_AT_MOST: Final = 15
"""Characters of a name that are made room for; a longer one may be broken over two lines."""


class _UsageRows:
    """The rows of one endpoint, in the columns that the screen has room for."""

    def __init__(self, rows: Sequence[UsageRow], now: datetime) -> None:
        """Show `rows` as of `now`."""
        names = OperationNames(row.operation for row in rows)
        self._cells: list[dict[str, Text]] = []
        previous: tuple[str | None, str] | None = None
        for row in rows:
            place = row.operation, row.server
            is_other = previous is None or previous[0] != row.operation
            self._cells.append(
                {
                    "operation": Text(names.short(row.operation) if is_other else ""),
                    "server": Text(plain(row.server) if place != previous else ""),
                    "key": _key(row),
                    "messages": Text(f"{row.messages:,}"),
                    "share": Text(share_text(row.share)),
                    "first seen": Text(instant_in_table(row.first_seen)),
                    "last seen": Text(instant_in_table(row.last_seen)),
                    "ago": Text(age_text(row.last_seen, now)),
                }
            )
            previous = place
        with_server = any(row.server for row in rows)
        self._columns = [name for name in (*_NAMES, *_NUMBERS) if name != "server" or with_server]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Called by rich."""
        columns = self._columns
        for narrower in _LEFT_OUT:
            if self._width(columns) <= options.max_width:
                break
            columns = [name for name in columns if name != narrower]
        table = bare_table(columns, numbers={"messages", "ago"})
        for cells in self._cells:
            table.add_row(*(cells[name] for name in columns))
        yield indented(table)

    def _width(self, columns: Sequence[str]) -> int:
        widest = {name: max(len(name), *(cells[name].cell_len for cells in self._cells)) for name in columns}
        return sum(2 + (min(width, _NAME_AT_MOST) if name in _NAMES else width) for name, width in widest.items())


def _key(row: UsageRow) -> Text:
    said = {Role.PRESENT: " (not needed)", Role.EARLIER: " (before roles were recorded)"}
    return Text.assemble((plain(row.alias), "cyan"), (said.get(row.role, ""), "dim"))
