"""The cutover for people: a table of endpoints and their operations."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.present import OperationNames, bare_table, endpoint_heading, heading, indented, instant_in_table, plain
from gateway.renewal.cutover.cells import Cell, CellState
from gateway.renewal.cutover.endpoints import CutoverReport, EndpointCutover
from gateway.renewal.cutover.sentences import cell_sentence, endpoint_sentence

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


def cutover_table(report: CutoverReport) -> RenderableType:
    """How far each endpoint and each of its operations has switched to the newest key."""
    parts: list[RenderableType] = [heading("Switch to the newest key", report.generated, report.since)]
    if not report.endpoints:
        parts.append(Text("No endpoint is known.", style="yellow"))
    for cutover in report.endpoints:
        parts += _cutover_of_endpoint(cutover, report.generated)
    return Group(*parts)


def _cutover_of_endpoint(cutover: EndpointCutover, now: datetime) -> Iterable[RenderableType]:
    style = "bold green" if cutover.switched else "bold yellow" if cutover.laggards else ""
    yield endpoint_heading(cutover.endpoint)
    yield indented(Text(plain(endpoint_sentence(cutover, now)), style=style))
    if not cutover.cells:
        return
    names = OperationNames(cell.operation for cell in cutover.cells)
    headings = ("operation", "state", "keys seen", "old key last seen", "only new key since", "messages")
    table = bare_table(headings, numbers={"messages"})
    for cell in cutover.cells:
        table.add_row(
            Text(names.short(cell.operation)),
            Text(str(cell.state), style=_STYLES[cell.state]),
            _keys(cell),
            Text("" if cell.last_old is None else instant_in_table(cell.last_old)),
            Text("" if cell.new_since is None else instant_in_table(cell.new_since)),
            Text(_since(cell)),
        )
    yield indented(table)
    for cell in cutover.cells:
        # A cell that has switched and met nothing odd is told by its row.
        if cell.state not in _PLAIN or cell.rejected_new or cell.rejected_old:
            yield indented(Text(f"{names.short(cell.operation)}: {plain(cell_sentence(cell, now))}", style="dim"))


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
