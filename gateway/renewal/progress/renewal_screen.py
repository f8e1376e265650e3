"""Where a renewal stands, for people: one screen, at 80 columns as at 200."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gateway.present import (
    OperationNames,
    age_text,
    bare_table,
    count_text,
    indented,
    instant_in_table,
    plain,
    span_text,
)
from gateway.renewal.evidence import Span
from gateway.renewal.plan import Renewal
from gateway.renewal.progress.renewal_status import (
    CoverageState,
    CoveredCell,
    Mark,
    RenewalStatus,
    Step,
    WatchedTime,
)

_MARKS: Final = {
    Mark.DONE: "green",
    Mark.SAID: "green",
    Mark.WAITING: "bold yellow",
    Mark.LATER: "dim",
    Mark.CONTRADICTED: "bold red",
    Mark.REOPENED: "bold red",
    Mark.NOT_NEEDED: "dim",
    Mark.LEFT_OPEN: "yellow",
}
_STATES: Final = {
    CoverageState.ONLY_NEW: "green",
    CoverageState.BOTH: "yellow",
    CoverageState.ONLY_OLD: "yellow",
    CoverageState.OTHER: "yellow",
    CoverageState.SILENT: "yellow",
    CoverageState.NEVER_SEEN: "yellow",
    CoverageState.WAIVED: "dim",
    CoverageState.SAME_KEY: "",
}
_ANY_WIDTH: Final = 10_000
_GAPS_SHOWN: Final = 3
_NO_GAP: Final = timedelta(minutes=2)
"""A gateway tells each half minute that it watches; what is shorter than this is no gap for people."""


def renewal_screen(status: RenewalStatus) -> RenderableType:
    """All of it: what is waited for, the eight steps, coverage, watched time, warnings."""
    return Group(*_parts(status))


def waiting_line(status: RenewalStatus) -> str:
    """What an open renewal waits for, on one line; empty where it waits for nothing."""
    if not status.waiting_for:
        return ""
    since = "" if status.since is None else f" since {instant_in_table(status.since)}"
    line = f"waiting for {status.waiting_for}{since}"
    if status.next_possible is not None:
        line += f"; next possible {instant_in_table(status.next_possible)}: retire {_olds(status)}"
    elif status.may_retire:
        line += f"; next possible now: retire {_olds(status)}"
    return plain(line)


def _parts(status: RenewalStatus) -> Iterable[RenderableType]:
    renewal, now = status.renewal, status.judged_at
    olds = ", ".join(plain(old.alias) for old in renewal.old)
    state = f"open since {instant_in_table(renewal.started_at)}"
    if renewal.closed is not None:
        state = f"{renewal.closed.how} {instant_in_table(renewal.closed.at)} by {plain(renewal.closed.who)}"
    yield Text.assemble(("Renewal ", "bold"), (plain(renewal.name), "bold"), f", {state}")
    kinds = [
        word
        for word, is_so in (
            ("same key", renewal.has_same_key),
            ("at a downtime", renewal.downtime),
            ("emergency: the old key is compromised", renewal.compromised),
        )
        if is_so
    ]
    yield Text(
        f"{olds} -> {plain(renewal.new.alias)} at {', '.join(map(plain, renewal.endpoints))}"
        + (f" ({'; '.join(kinds)})" if kinds else "")
    )
    if renewal.announced is not None:
        yield Text(
            f"announced for {instant_in_table(renewal.announced)}{_until(renewal.announced, now)}{_as_said(renewal)}"
        )
    yield Text(f"as of {instant_in_table(now)}, the ledger's clock; times in UTC", style="dim")
    yield from _waiting(status)
    yield _section("Steps")
    yield from _steps(status.steps)
    if status.countdown:
        yield _section("Before the announced switch")
        ready = _grid()
        for one in status.countdown:
            word, style = ("ready", "green") if one.is_ready else ("not yet", "bold yellow")
            ready.add_row(Text(f"  {word:<9}", style=style), Text(f"{one.what}: {plain(one.sentence)}"))
        yield ready
    yield _section("Coverage")
    if not status.coverage:
        yield indented(Text("no message is on record, and silence is no evidence", style="yellow"))
    for endpoint in dict.fromkeys(cell.endpoint for cell in status.coverage):
        if len({cell.endpoint for cell in status.coverage}) > 1:
            yield indented(Text(f"endpoint {plain(endpoint)}"))
        yield indented(_Coverage([cell for cell in status.coverage if cell.endpoint == endpoint]))
    yield _section("Watched")
    for watched in status.watched:
        yield indented(Text(_watched_sentence(watched)))
    if status.warnings:
        yield _section("Warnings")
        warned = _grid()
        for warning in status.warnings:
            warned.add_row(Text("  ! ", style="yellow"), Text(plain(warning), style="yellow"))
        yield warned


def _as_said(renewal: Renewal) -> str:
    """The announced instant in the words of whoever announced it, where that was by another zone's clock."""
    text = renewal.announced_text
    return f" (that is {plain(text)})" if text and not text.endswith(("Z", "+00:00")) else ""


def _section(title: str) -> Text:
    return Text.assemble("\n", (title, "bold"))


def _waiting(status: RenewalStatus) -> Iterable[RenderableType]:
    if not status.waiting_for:
        return
    table = bare_table(("", ""), show_headings=False)
    table.add_row(Text("waiting for", style="bold"), Text(plain(status.waiting_for)))
    if status.since is not None:
        since = f"{instant_in_table(status.since)}{_ago(status.since, status.judged_at)}"
        table.add_row(Text("since", style="bold"), Text(since))
    if status.next_possible is not None:
        when = f"{instant_in_table(status.next_possible)}{_until(status.next_possible, status.judged_at)}"
        then = f"{when}: retire {_olds(status)}, if somebody watches until then"
        table.add_row(Text("next possible", style="bold"), Text(then))
    elif status.may_retire:
        table.add_row(Text("next possible", style="bold"), Text(f"now: retire {_olds(status)}"))
    for command in status.run:
        table.add_row(Text("run", style="bold"), Text(plain(command), style="cyan"))
    yield Text("")
    yield table


def _olds(status: RenewalStatus) -> str:
    return " and ".join(plain(old.alias) for old in status.renewal.old)


def _steps(steps: Sequence[Step]) -> Iterable[RenderableType]:
    width = max(len(step.mark) for step in steps)
    # What is missing of step 5 is missing of step 7 as well: once is enough. What people said is told for each.
    once = {sentence for sentence in steps[4].evidence if not sentence.startswith("said by ")}
    for step in steps:
        is_later = step.mark is Mark.LATER
        head = _grid()
        head.add_row(
            Text(f"{step.number}  "),
            Text(f"{step.mark:<{width}}  ", style=_MARKS[step.mark]),
            Text(f"{step.actor}: {step.title}", style="dim" if is_later else ""),
        )
        yield head
        told = _grid()
        when = "" if step.at is None else instant_in_table(step.at)
        label = "since " if step.mark in {Mark.WAITING, Mark.REOPENED, Mark.LEFT_OPEN} else ""
        by = f"by {plain(step.who)}" if step.who else ""
        if when or by:
            told.add_row(Text("     "), Text(f"{label}{', '.join(part for part in (when, by) if part)}", style="dim"))
        # What a later step will rest on is in the coverage below; programs get all of it.
        for sentence in step.evidence if not is_later else ():
            if step.number != 7 or sentence not in once:
                told.add_row(Text("   - "), Text(plain(sentence)))
        if told.rows:
            yield told


def _grid() -> Table:
    """Columns with no more between them than their texts have, so that what is wrapped stays in its column."""
    return Table.grid(padding=0)


class _Coverage:
    """The cells of an endpoint as a table; where it would have to split a name, one below the other."""

    def __init__(self, cells: Sequence[CoveredCell]) -> None:
        self._cells = cells
        self._names = OperationNames(cell.operation for cell in cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self._table()
        if Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).maximum <= options.max_width:
            yield table
        else:
            yield from self._stacked()

    def _table(self) -> Table:
        headings: tuple[str, ...] = ("operation", "server", "state", "old key", "last", "new key", "last ", "switched")
        if not any(cell.server for cell in self._cells):
            headings = tuple(one for one in headings if one != "server")
        table = bare_table(headings, numbers={"old key", "new key"})
        for cell in self._cells:
            row = [
                Text(self._names.short(cell.operation)),
                Text(plain(cell.server)),
                Text(str(cell.state), style=_STATES[cell.state]),
                Text(_old_counts(cell)),
                Text(_last(cell.last_old)),
                Text(_counts(cell.new_messages, cell.new_rejected)),
                Text(_last(cell.last_new)),
                Text(_progress(cell)),
            ]
            table.add_row(*(row if len(headings) == len(row) else [row[0], *row[2:]]))
        return table

    def _stacked(self) -> Iterable[RenderableType]:
        for cell in self._cells:
            at = f" at {plain(cell.server)}" if cell.server else ""
            yield Text.assemble(f"{self._names.short(cell.operation)}{at}: ", (str(cell.state), _STATES[cell.state]))
            told = [
                f"{key} {counts}" + (f", last {_last(last)}" if last is not None else "")
                for key, counts, last in (
                    ("old key", _old_counts(cell), cell.last_old),
                    ("new key", _counts(cell.new_messages, cell.new_rejected), cell.last_new),
                )
            ]
            yield indented(Text("; ".join([*told, f"switched: {_progress(cell)}"])))


def _counts(accepted: int, rejected: int) -> str:
    return f"{accepted:,}" + (f" (and {rejected:,} rejected)" if rejected else "")


def _old_counts(cell: CoveredCell) -> str:
    return "-" if cell.state is CoverageState.SAME_KEY else _counts(cell.old_messages, cell.old_rejected)


def _last(instant: datetime | None) -> str:
    return "-" if instant is None else instant_in_table(instant)


def _progress(cell: CoveredCell) -> str:
    """Whether the cell counts as switched, or how much of it there is."""
    if cell.is_switched:
        return "yes"
    if cell.state is CoverageState.SAME_KEY:
        return "nothing to switch"
    if cell.waiver is not None:
        return f"waived by {plain(cell.waiver.by)}"
    if cell.messages_needed and cell.messages_since >= cell.messages_needed:
        return "not for long enough"
    return f"{cell.messages_since:,} of {cell.messages_needed:,} messages" if cell.messages_needed else "no"


def _watched_sentence(watched: WatchedTime) -> str:
    if watched.until - watched.since < _NO_GAP:
        return f"{plain(watched.endpoint)}: the renewal has only just begun"
    share = f"{watched.share * 100:.0f}"
    if watched.share < 1 and share == "100":
        share = ">99"
    gaps = [gap for gap in watched.gaps if gap.end - gap.start >= _NO_GAP]
    longest = sorted(sorted(gaps, key=lambda gap: gap.start - gap.end)[:_GAPS_SHOWN])
    told = ", ".join(_gap(gap) for gap in longest)
    more = f" and {count_text(len(gaps) - _GAPS_SHOWN, 'shorter gap')}" if len(gaps) > _GAPS_SHOWN else ""
    return f"{plain(watched.endpoint)}: {share} % of the time since the start" + (
        f"; not watched {told}{more}" if gaps else ""
    )


def _gap(gap: Span) -> str:
    start, end = instant_in_table(gap.start)[:-3], instant_in_table(gap.end)[:-3]
    return f"{start} to {end[11:] if end[:10] == start[:10] else end}"


def _ago(instant: datetime, now: datetime) -> str:
    age = age_text(instant, now)
    return "" if age == "ahead" else f", {age}" + ("" if age == "now" else " ago")


def _until(instant: datetime, now: datetime) -> str:
    if instant <= now:
        return _ago(instant, now)
    return f", in {span_text(instant - now)}"
