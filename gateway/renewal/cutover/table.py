"""The cutover for people: a table of endpoints and their operations."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gateway.present import (
    OperationNames,
    bare_table,
    endpoint_heading,
    heading,
    indented,
    instant_in_table,
    plain,
    unbroken,
)
from gateway.renewal.cutover.cells import Cell, CellState
from gateway.renewal.cutover.endpoints import CutoverReport, EndpointCutover
from gateway.renewal.cutover.sentences import cell_name, cell_sentence, endpoint_sentence, key_name

_STYLES = {
    CellState.UNDECLARED: "yellow",
    CellState.OLD_ONLY: "yellow",
    CellState.EARLY: "bold red",
    CellState.REJECTED: "bold red",
    CellState.MIXED: "yellow",
    CellState.PENDING: "yellow",
    CellState.SWITCHED: "bold green",
    CellState.OTHER_ONLY: "yellow",
    CellState.SAME_KEY: "green",
    CellState.ONLY_KEY: "green",
    CellState.SILENT: "dim",
}
_ANY_WIDTH: Final = 10_000
_PLAIN = {CellState.SAME_KEY, CellState.ONLY_KEY, CellState.OLD_ONLY}


def cutover_table(report: CutoverReport) -> RenderableType:
    """How far each endpoint and each of its operations has switched to the new key."""
    parts: list[RenderableType] = [heading("Switch to the new key", report.generated, report.since, report.until)]
    if not report.endpoints:
        parts.append(Text("No endpoint is known.", style="yellow"))
    for cutover in report.endpoints:
        parts += _cutover_of_endpoint(cutover, report.generated)
    return Group(*parts)


def _cutover_of_endpoint(cutover: EndpointCutover, now: datetime) -> Iterable[RenderableType]:
    style = "bold green" if cutover.switched else "bold yellow" if cutover.laggards or cutover.undeclared else ""
    yield endpoint_heading(cutover.endpoint)
    yield indented(Text(plain(endpoint_sentence(cutover, now)), style=style))
    if not cutover.cells:
        return
    names = OperationNames(cell.operation for cell in cutover.cells)
    yield indented(_Cells(cutover.cells, names))
    for cell in cutover.cells:
        # A cell that has met nothing odd, and of which no figures are asked, is told by its row.
        odd = cell.rejected_new or cell.rejected_old or cell.dispensable_old or cell.repeated
        if cell.state not in _PLAIN or odd:
            yield indented(Text(f"{cell_name(cell, names)}: {cell_sentence(cell, now)}", style="dim"))


class _Cells:
    """The cells as a table; where it would have to split a name, one below the other."""

    def __init__(self, cells: Sequence[Cell], names: OperationNames) -> None:
        self._cells, self._names = cells, names

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self._table()
        if Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).maximum <= options.max_width:
            yield table
        else:
            yield from self._stacked()

    def _table(self) -> Table:
        headings = ("operation", "state", "keys seen", "old key last seen", "only new key since", "messages")
        table = bare_table(headings, numbers={"messages"})
        for cell in self._cells:
            # The server on a line of its own: a column for it would be empty at most endpoints.
            table.add_row(
                Text(self._names.short(cell.operation) + (f"\nat {plain(cell.server)}" if cell.server else "")),
                _state(cell),
                Text("\n").join(_keys(cell)),
                Text("" if cell.last_old is None else instant_in_table(cell.last_old)),
                Text("" if cell.new_since is None else instant_in_table(cell.new_since)),
                Text(_since(cell)),
            )
        return table

    def _stacked(self) -> Iterable[RenderableType]:
        for cell in self._cells:
            told = [_state(cell), Text(", ").join(_keys(cell))]
            if cell.last_old is not None:
                told.append(Text(f"old key last seen {instant_in_table(cell.last_old)}"))
            if cell.new_since is not None:
                told.append(Text(f"only new key since {instant_in_table(cell.new_since)}"))
            if cell.messages_since:
                told.append(Text(f"{_since(cell)} messages"))
            yield unbroken(Text(cell_name(cell, self._names)))
            yield indented(Text("; ").join(told))


def _state(cell: Cell) -> Text:
    return Text(str(cell.state), style=_STYLES[cell.state])


def _keys(cell: Cell) -> list[Text]:
    found = []
    for key in cell.keys:
        counts = [f"{key.accepted:,}"] if key.accepted else []
        counts += [f"{key.rejected:,} rejected"] if key.rejected else []
        counts += [f"{key.repeated:,} repeated"] if key.repeated else []
        found.append(Text.assemble((key_name(key, cell.keys), "cyan"), f" {', '.join(counts)}"))
    return found or [Text("none", style="dim")]


def _since(cell: Cell) -> str:
    """New-key messages since the last old-key one, of how many that it takes."""
    if not cell.messages_since:
        return ""
    return f"{'' if cell.exact else '≥ '}{cell.messages_since:,} of {cell.messages_needed:,}"
