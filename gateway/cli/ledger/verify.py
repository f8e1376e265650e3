"""`wssgate ledger verify`: is every record, and every change of the keystore, still there as it was written?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.ledger.kept_anchors import CheckedStamp, check_stamps, print_stamps, read_anchors
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, may_redraw, show, stderr_console, table
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import open_workplace
from gateway.config import Settings
from gateway.ledger import (
    KEPT_MICROSECONDS,
    Anchor,
    ChainReport,
    ChainState,
    KeptEnds,
    KeptEndsUnusable,
    LedgerReport,
    SignedHead,
    Signing,
    StatementsAnchor,
    anchors,
    find_pinned_keys,
    reading,
    recent_signed_heads,
    recorded_retention,
    records_to_verify,
    statements_anchor,
    verify_ledger,
)
from gateway.present import count_text, instant_json
from gateway.renewal import UNCONFIGURED_RETENTION
from gateway.report import anchor_json, history_anchor_json, statements_anchor_json
from keystore.store import (
    HistoryAnchor,
    HistoryReport,
    HistoryState,
    history_anchor,
    verify_history,
)

EPILOG = epilog(
    "a chain is altered, or records or revisions are missing, or something else does not agree with them, or a time "
    "stamp does not hold"
)

_STYLES = {str(ChainState.INTACT): "green"}
_WRITER_DIGITS = 8


def command(
    anchored: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor",
            metavar="FILE|FOLDER|TEXT",
            help="Compare with anchors and signed heads that were kept elsewhere: a file that holds some (a log, an "
            "export), the folder that a gateway puts them into, or one itself. Time stamps beside them are verified. "
            "May be repeated.",
        ),
    ] = None,
    pinned: Annotated[
        list[Path] | None,
        typer.Option(
            "--pinned",
            metavar="FILE",
            help="Public keys of the instances that were kept elsewhere, one a line, or a log that names them: a chain "
            "that none of them signed is a finding. May be repeated.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Verify the ledger and the keystore's history: intact, altered, missing, truncated, or not by a known gateway.

    The chains of records and of events are walked along, and held against each other; the hourly counts are counted
    anew; what was pruned must have been announced, and old enough; the triggers must be what they were made. Of the
    keystore also the entries are held against the history, and the records: whoever verified a message must have been
    trusted in the revision that the record names. What people said of renewals is one chain as well; where it and the
    keystore's history ended, the gateways' events know.

    Whoever can write the database can cut off its newest rows together with the note of how many there were: give
    --anchor with what an earlier run of this command, an export, or the log of the gateway said. He can even write it
    anew as a whole, but not sign it: --pinned says which ends of chains are signed by a key that you have from
    elsewhere, and which only by one that the database names. The gateway may be running meanwhile.
    """
    with open_workplace(config) as workplace:
        noted = read_anchors(anchored or ())
        stamps = check_stamps(noted.stamps, workplace.settings.gateway.timestamp_authority_ca)
        keys = None if pinned is None else _read_keys(pinned)
        engine = workplace.engine
        retention = _shortest_retention(workplace.settings)
        # Read before the chains, which grow meanwhile.
        kept = _kept_ends(workplace.settings)
        with _progress(records_to_verify(engine)) as advance:
            report = verify_ledger(
                engine,
                [*noted.anchors, *(one.anchor for one in kept if not one.holds)],
                [*noted.signed_heads, *(one for one in kept if one.holds)],
                pinned=keys,
                pruned_before=now() - min(UNCONFIGURED_RETENTION, recorded_retention(engine) or retention),
                retention=retention,
                statements_anchors=noted.of_statements,
                on_progress=advance,
            )
        ends = anchors(engine)
        signed = [one for one in recent_signed_heads(engine, KEPT_MICROSECONDS) if one.public_key]
        with reading(engine) as connection:
            # After the records: a revision that one of them was made under is there by then.
            seen = max((chain.keystore_revision for chain in report.chains), default=0)
            relied_on = {one for chain in report.chains for one in chain.relied_on}
            known = (*noted.of_keystore, *report.keystore_ends)
            history = verify_history(connection, known, seen_revision=seen, relied_on=relied_on)
            history_end, statements_end = history_anchor(connection), statements_anchor(connection)
    found = _Found(report, ends, signed, history, history_end, statements_end, noted.count, stamps)
    if as_json:
        print_json(_json(found))
    else:
        _print(found)
    if not found.is_intact:
        raise typer.Exit(ExitCode.FINDINGS)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was verified, and the ends to keep."""

    ledger: LedgerReport
    ends: Sequence[Anchor]
    signed: Sequence[SignedHead]
    history: HistoryReport
    history_end: HistoryAnchor | None
    statements_end: StatementsAnchor | None
    compared: int
    """With how many anchors and signed heads."""
    stamps: Sequence[CheckedStamp]

    @property
    def people_made(self) -> list[HistoryAnchor | StatementsAnchor]:
        """The ends of the two histories that people make."""
        return [end for end in (self.history_end, self.statements_end) if end is not None]

    @property
    def records(self) -> int:
        return sum(report.rows for report in self.ledger.chains)

    @property
    def events(self) -> int:
        return sum(report.events for report in self.ledger.chains)

    @property
    def is_history_intact(self) -> bool:
        return self.history.state is HistoryState.INTACT

    @property
    def do_stamps_hold(self) -> bool:
        return not any(stamp.problem for stamp in self.stamps)

    @property
    def is_intact(self) -> bool:
        return self.ledger.is_intact and self.is_history_intact and self.do_stamps_hold


def _kept_ends(settings: Settings) -> list[SignedHead]:
    """The ends that gateways of this configuration keep beside the signing key: anchors that nobody has to give."""
    try:
        kept, damaged = KeptEnds.beside(settings.gateway.signing_key).read()
    except KeptEndsUnusable as error:
        warn(f"{error}; the chains are not compared with them")
        return []
    for sentence in damaged:
        warn(sentence)
    return [one.signed for one in kept]


def _shortest_retention(settings: Settings) -> timedelta:
    return min([UNCONFIGURED_RETENTION, *(endpoint.retention for endpoint in settings.endpoints.values())])


def _read_keys(files: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as lines:
            read = {key for line in lines for key in find_pinned_keys(line)}
        if not read:
            raise WrongUse(f"There is no public key in {str(file)!r}: give a file with one a line, or a gateway's log.")
        found |= read
    return found


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    console = stderr_console()
    columns = (TextColumn("verify"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not may_redraw(console)) as progress:
        task = progress.add_task("verify", total=total)
        yield lambda records: progress.advance(task, records)


def _json(found: _Found) -> dict[str, object]:
    ledger = found.ledger
    return {
        "schema": "wssgate.ledger/1",
        "intact": found.is_intact,
        "records": found.records,
        "events": found.events,
        "anchors_compared": found.compared,
        "time_stamps": [stamp.json() for stamp in found.stamps],
        "signed": {str(signing): ledger.signed_by(signing) for signing in Signing},
        "chains": [_chain_json(report) for report in ledger.chains],
        "findings": [
            {"about": finding.about, "state": str(finding.state), "detail": finding.detail}
            for finding in ledger.findings
        ],
        "unproven": list(ledger.unproven),
        "keystore": _history_json(found.history),
        "anchors": [anchor_json(anchor) for anchor in found.ends],
        "signed_heads": [str(signed) for signed in found.signed],
        "keystore_anchor": None if found.history_end is None else history_anchor_json(found.history_end),
        "renewals_anchor": None if found.statements_end is None else statements_anchor_json(found.statements_end),
    }


def _chain_json(report: ChainReport) -> dict[str, object]:
    return {
        "writer": report.writer,
        "instance": report.instance,
        "state": str(report.state),
        "records": report.rows,
        "events": report.events,
        "sequence": report.sequence,
        "record": report.record_id,
        "event": report.event,
        "detail": report.detail,
        "pruned": report.pruned,
        "pruned_until": instant_json(report.pruned_until),
        "signed": str(report.signing),
        "public_key": report.public_key or None,
    }


def _history_json(report: HistoryReport) -> dict[str, object]:
    return {
        "state": str(report.state),
        "revisions": report.revisions,
        "revision": report.revision,
        "detail": report.detail,
    }


def _print(found: _Found) -> None:
    ledger = found.ledger
    if not ledger.chains and not found.history.revisions and found.is_intact:
        say("The ledger is empty: there is nothing to verify.")
        return
    if ledger.chains:
        _print_chains(ledger.chains)
    for finding in ledger.findings:
        say(f"{finding.about}: {finding.detail}", style="bold red")
    for sentence in ledger.unproven:
        say(f"Not proven: {sentence}.")
    beside = f", compared with {count_text(found.compared, 'anchor')}" if found.compared else ""
    chains = count_text(len(ledger.chains), "chain")
    records = count_text(found.records, "record")
    if not ledger.is_intact:
        say(f"NOT intact: only {records} of {chains} found good{beside}.", style="bold red")
    elif not ledger.chains:
        say(f"No records yet{beside}.")
    else:
        say(f"Intact: {records} in {chains}{beside}.", style="green")
        say(_signing_sentence(ledger))
    _print_history(found.history)
    print_stamps(found.stamps)
    if not found.is_intact:
        say("Keep the database as it is, and its backups; compare with an export or a backup from before.")
    elif kept := [*found.ends, *found.signed, *found.people_made]:
        say("")
        say("Keep these anchors elsewhere; a later run compares with them (--anchor FILE):")
        for anchor in kept:
            say(str(anchor))


def _signing_sentence(ledger: LedgerReport) -> str:
    """By whom the ends of the chains are signed."""
    told = {
        Signing.PINNED: "by a key that you gave",
        Signing.NAMED: "only by a key that the database names",
        Signing.UNSIGNED: "by nobody",
        Signing.EARLIER: "by nobody, from before there were signatures",
    }
    counted = [f"{ledger.signed_by(signing)} {how}" for signing, how in told.items() if ledger.signed_by(signing)]
    return f"Ends of chains signed: {', '.join(counted)}."


def _print_history(history: HistoryReport) -> None:
    revisions = count_text(history.revisions, "revision")
    if history.state is HistoryState.INTACT:
        say(f"Keystore intact: {revisions}, and the entries are what they say.", style="green")
    else:
        finding = f"revision {history.revision}: {history.detail}"
        say(f"Keystore NOT intact, {history.state}, {revisions} found good; {finding}.", style="bold red")


def _print_chains(reports: Sequence[ChainReport]) -> None:
    shown = table(
        "instance", "writer", "state", "records", "pruned", "signed", "finding", numbers=("records", "pruned")
    )
    for report in reports:
        record = "" if report.record_id is None else f" ({report.record_id})"
        place = "" if report.sequence is None else f"record {report.sequence}{record}: "
        if report.event is not None:
            place = f"event {report.event}, at record {report.sequence}: "
        shown.add_row(
            cell(report.instance or "?"),
            cell(report.writer[:_WRITER_DIGITS]),
            cell(report.state, _STYLES.get(report.state, "bold red")),
            cell(f"{report.rows:,}"),
            cell(f"{report.pruned:,}"),
            cell(str(report.signing)),
            cell(f"{place}{report.detail}"),
        )
    show(shown)
