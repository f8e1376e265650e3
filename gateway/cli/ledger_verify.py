"""`wssgate ledger verify`: is every record that was written still there, as it was written?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import cell, print_json, say, show, stderr_console, table
from gateway.cli.workplace import open_workplace
from gateway.config import Settings
from gateway.ledger import (
    Anchor,
    ChainReport,
    ChainState,
    anchors,
    find_anchors,
    records_to_verify,
    verify_chain,
)
from gateway.ledger.retention import UNCONFIGURED_RETENTION
from gateway.report.records import anchor_json
from gateway.report.text import count_text, instant_json

EPILOG = epilog("a chain is altered, or records are missing")

_MARK = "wssgate.anchor/"
_STYLES = {ChainState.INTACT: "green"}
_WRITER_DIGITS = 8


def verify_command(
    anchored: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor",
            metavar="FILE|TEXT",
            help="Compare with anchors that were kept elsewhere: a file that holds some (a log, an export), or an "
            "anchor itself. May be repeated.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Verify the hash chain of every writer: intact, altered, missing or truncated.

    A database alone cannot tell that its newest records were cut off together with the note of how many there were:
    give --anchor with what an earlier run of this command, an export, or the log of the gateway said. What was pruned
    is not missing. The gateway may be running meanwhile.
    """
    with open_workplace(config) as workplace:
        noted = _read_anchors(anchored or ())
        engine = workplace.engine
        with _progress(records_to_verify(engine)) as advance:
            reports = verify_chain(engine, noted, pruned_before=_pruned_before(workplace.settings), on_progress=advance)
        ends = anchors(engine)
    is_intact = all(report.state is ChainState.INTACT for report in reports)
    if as_json:
        print_json(
            {
                "schema": "wssgate.ledger/1",
                "intact": is_intact,
                "records": sum(report.rows for report in reports),
                "anchors_compared": len(noted),
                "chains": [_chain_json(report) for report in reports],
                "anchors": [anchor_json(anchor) for anchor in ends],
            }
        )
    else:
        _print(reports, ends, len(noted), is_intact=is_intact)
    if not is_intact:
        raise typer.Exit(ExitCode.FINDINGS)


def _pruned_before(settings: Settings) -> datetime:
    """Nothing younger than this has rightly been pruned, by the shortest retention."""
    return now() - min([UNCONFIGURED_RETENTION, *(endpoint.retention for endpoint in settings.endpoints.values())])


def _read_anchors(given: Iterable[str]) -> tuple[Anchor, ...]:
    found: dict[Anchor, None] = {}
    for text in given:
        if _MARK in text:
            read = dict.fromkeys(find_anchors(text))
        else:
            # Line by line: a log may be large.
            with Path(text).open(encoding="utf-8", errors="replace") as lines:
                read = {anchor: None for line in lines for anchor in find_anchors(line)}
        if not read:
            raise WrongUse(f"There is no anchor in {text!r}: give a file that holds some, or an anchor itself.")
        found |= read
    return tuple(found)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    console = stderr_console()
    columns = (TextColumn("verify"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verify", total=total)
        yield lambda records: progress.advance(task, records)


def _chain_json(report: ChainReport) -> dict[str, object]:
    return {
        "writer": report.writer,
        "instance": report.instance,
        "state": str(report.state),
        "records": report.rows,
        "sequence": report.sequence,
        "record": report.record_id,
        "detail": report.detail,
        "pruned": report.pruned,
        "pruned_until": instant_json(report.pruned_until),
    }


def _print(reports: Sequence[ChainReport], ends: Sequence[Anchor], compared: int, *, is_intact: bool) -> None:
    if not reports:
        say("The ledger is empty: there is nothing to verify.")
        return
    shown = table("instance", "writer", "state", "records", "pruned", "finding", numbers=("records", "pruned"))
    for report in reports:
        record = "" if report.record_id is None else f" ({report.record_id})"
        place = "" if report.sequence is None else f"record {report.sequence}{record}: "
        shown.add_row(
            cell(report.instance or "?"),
            cell(report.writer[:_WRITER_DIGITS]),
            cell(report.state, _STYLES.get(report.state, "bold red")),
            cell(f"{report.rows:,}"),
            cell(f"{report.pruned:,}"),
            cell(f"{place}{report.detail}"),
        )
    show(shown)
    total = count_text(sum(report.rows for report in reports), "record")
    chains = count_text(len(reports), "chain")
    beside = f", compared with {count_text(compared, 'anchor')}" if compared else ""
    if is_intact:
        say(f"Intact: {total} in {chains}{beside}.", style="green")
    else:
        say(f"NOT intact: only {total} of {chains} found good{beside}.", style="bold red")
        say("Keep the database as it is, and its backups; compare with an export or a backup from before.")
    if ends and is_intact:
        say("")
        say("Keep these anchors elsewhere; a later run compares with them (--anchor FILE):")
        for anchor in ends:
            say(str(anchor))
