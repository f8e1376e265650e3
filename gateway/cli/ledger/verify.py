"""`wssgate ledger verify`: is every record, and every change of the keystore, still there as it was written?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, show, stderr_console, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.config import Settings
from gateway.ledger import (
    Anchor,
    ChainReport,
    ChainState,
    anchors,
    find_anchors,
    reading,
    records_to_verify,
    verify_chain,
)
from gateway.present import count_text, instant_json
from gateway.renewal import UNCONFIGURED_RETENTION
from gateway.report import anchor_json, history_anchor_json
from keystore.store import (
    HistoryAnchor,
    HistoryReport,
    HistoryState,
    find_history_anchors,
    history_anchor,
    verify_history,
)

EPILOG = epilog("a chain is altered, or records or revisions are missing")

_MARKS = ("wssgate.anchor/", "wssgate.keystore-anchor/")
_STYLES = {str(ChainState.INTACT): "green"}
_WRITER_DIGITS = 8


def command(
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
    """Verify the hash chains of the records and of the keystore's history: intact, altered, missing or truncated.

    A database alone cannot tell that its newest rows were cut off together with the note of how many there were: give
    --anchor with what an earlier run of this command, an export, or the log of the gateway said. What was pruned is not
    missing. Of the keystore also the entries are held against the history, and the records: whoever verified a message
    must have been trusted in the revision that the record names. The gateway may be running meanwhile.
    """
    with open_workplace(config) as workplace:
        noted, noted_of_keystore = _read_anchors(anchored or ())
        engine = workplace.engine
        with _progress(records_to_verify(engine)) as advance:
            reports = verify_chain(engine, noted, pruned_before=_pruned_before(workplace.settings), on_progress=advance)
        ends = anchors(engine)
        with reading(engine) as connection:
            # After the records: a revision that one of them was made under is there by then.
            seen = max((report.keystore_revision for report in reports), default=0)
            relied_on = {one for report in reports for one in report.relied_on}
            history = verify_history(connection, noted_of_keystore, seen_revision=seen, relied_on=relied_on)
            history_end = history_anchor(connection)
    found = _Found(reports, ends, history, history_end, len(noted) + len(noted_of_keystore))
    if as_json:
        print_json(
            {
                "schema": "wssgate.ledger/1",
                "intact": found.is_intact,
                "records": found.records,
                "anchors_compared": found.compared,
                "chains": [_chain_json(report) for report in reports],
                "keystore": _history_json(history),
                "anchors": [anchor_json(anchor) for anchor in ends],
                "keystore_anchor": None if history_end is None else history_anchor_json(history_end),
            }
        )
    else:
        _print(found)
    if not found.is_intact:
        raise typer.Exit(ExitCode.FINDINGS)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was verified, and the ends to keep."""

    chains: Sequence[ChainReport]
    ends: Sequence[Anchor]
    history: HistoryReport
    history_end: HistoryAnchor | None
    compared: int
    """With how many anchors."""

    @property
    def records(self) -> int:
        return sum(report.rows for report in self.chains)

    @property
    def is_ledger_intact(self) -> bool:
        return all(report.state is ChainState.INTACT for report in self.chains)

    @property
    def is_history_intact(self) -> bool:
        return self.history.state is HistoryState.INTACT

    @property
    def is_intact(self) -> bool:
        return self.is_ledger_intact and self.is_history_intact


def _pruned_before(settings: Settings) -> datetime:
    """Nothing younger than this has rightly been pruned, by the shortest retention."""
    return now() - min([UNCONFIGURED_RETENTION, *(endpoint.retention for endpoint in settings.endpoints.values())])


def _read_anchors(given: Iterable[str]) -> tuple[tuple[Anchor, ...], tuple[HistoryAnchor, ...]]:
    """Those of the ledger, and those of the keystore."""
    found: dict[Anchor, None] = {}
    found_of_keystore: dict[HistoryAnchor, None] = {}
    for text in given:
        read: dict[Anchor, None] = {}
        read_of_keystore: dict[HistoryAnchor, None] = {}
        for line in _lines(text):
            read |= dict.fromkeys(find_anchors(line))
            read_of_keystore |= dict.fromkeys(find_history_anchors(line))
        if not read and not read_of_keystore:
            raise WrongUse(f"There is no anchor in {text!r}: give a file that holds some, or an anchor itself.")
        found |= read
        found_of_keystore |= read_of_keystore
    return tuple(found), tuple(found_of_keystore)


def _lines(given: str) -> Iterator[str]:
    """An anchor itself; or the lines of a file, one by one, for a log may be large."""
    if any(mark in given for mark in _MARKS):
        yield given
        return
    with Path(given).open(encoding="utf-8", errors="replace") as lines:
        yield from lines


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


def _history_json(report: HistoryReport) -> dict[str, object]:
    return {
        "state": str(report.state),
        "revisions": report.revisions,
        "revision": report.revision,
        "detail": report.detail,
    }


def _print(found: _Found) -> None:
    if not found.chains and not found.history.revisions and found.is_intact:
        say("The ledger is empty: there is nothing to verify.")
        return
    if found.chains:
        _print_chains(found.chains)
    beside = f", compared with {count_text(found.compared, 'anchor')}" if found.compared else ""
    chains = count_text(len(found.chains), "chain")
    records = count_text(found.records, "record")
    if not found.chains:
        say(f"No records yet{beside}.")
    elif found.is_ledger_intact:
        say(f"Intact: {records} in {chains}{beside}.", style="green")
    else:
        say(f"NOT intact: only {records} of {chains} found good{beside}.", style="bold red")
    _print_history(found.history)
    if not found.is_intact:
        say("Keep the database as it is, and its backups; compare with an export or a backup from before.")
    elif found.ends or found.history_end is not None:
        say("")
        say("Keep these anchors elsewhere; a later run compares with them (--anchor FILE):")
        for anchor in (*found.ends, *([] if found.history_end is None else [found.history_end])):
            say(str(anchor))


def _print_history(history: HistoryReport) -> None:
    revisions = count_text(history.revisions, "revision")
    if history.state is HistoryState.INTACT:
        say(f"Keystore intact: {revisions}, and the entries are what they say.", style="green")
    else:
        finding = f"revision {history.revision}: {history.detail}"
        say(f"Keystore NOT intact, {history.state}, {revisions} found good; {finding}.", style="bold red")


def _print_chains(reports: Sequence[ChainReport]) -> None:
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
