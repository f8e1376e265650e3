"""`wssgate ledger export`: records leave the ledger, for programs and for spreadsheets."""

import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn
from sqlalchemy import Engine

from gateway.cli.command_errors import ReaderGone, WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.instant_options import SinceOption, UntilOption
from gateway.cli.new_files import new_file
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption
from gateway.cli.rich_output import may_redraw, stderr_console
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import (
    Anchor,
    RecordFilter,
    StatementsAnchor,
    anchors,
    reading,
    statements_anchor,
    stream_records,
)
from gateway.present import count_text, csv_line
from gateway.report import (
    CSV_COLUMNS,
    anchor_json,
    history_anchor_json,
    record_csv,
    record_json,
    statements_anchor_json,
)
from gateway.verify import Reason
from keystore.store import HistoryAnchor, history_anchor

EPILOG = epilog("the file exists already; nothing was written then")
STANDARD_OUTPUT = "-"


class Format(StrEnum):
    """How records are written."""

    JSONL = "jsonl"
    CSV = "csv"


class RecordOutcome(StrEnum):
    """What became of a response."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PASSED = "passed"
    FAILED = "failed"


def command(
    filter_words: FilterArgument = None,
    form: Annotated[
        Format, typer.Option("--format", help="JSON objects, one a line and complete; or CSV for spreadsheets.")
    ] = Format.JSONL,
    endpoint: EndpointOption = None,
    operation: Annotated[
        str | None,
        typer.Option("--operation", metavar="NAME", help="Only this operation: {namespace}name, or the name alone."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="Only what this key signed: an alias, a thumbprint or a key id."),
    ] = None,
    outcome: Annotated[RecordOutcome | None, typer.Option("--outcome", help="Only what came to this end.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="REASON", help="Only what was rejected for this reason.")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    target: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file to write; - is standard output.")
    ] = STANDARD_OUTPUT,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that exists.")] = False,
    heads: Annotated[
        bool,
        typer.Option(
            "--heads",
            help="Also the ends of the hash chains and of the keystore's history, as anchors for ledger verify: last "
            "lines of the JSON, a file FILE.anchors beside the CSV.",
        ),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write records, the oldest first, however many there are.

    FILTER says which (see wssgate ledger list --help), or the options do. --since and --until are exact here; the end
    itself is left out. The columns and their order stay the same within a version of the schema. In CSV no cell is a
    formula. With --json and --output the outcome is told in JSON.
    """
    to_file = target != STANDARD_OUTPUT
    if form is Format.CSV and not to_file and (heads or as_json):
        raise WrongUse("CSV on standard output has no room for heads or JSON; name a file with --output.")
    if reason is not None and reason not in {str(one) for one in Reason}:
        raise WrongUse(f"There is no reason {reason!r}; the reasons are: {', '.join(map(str, Reason))}.")
    asked = RecordFilter(
        endpoint=endpoint,
        operation=operation,
        key=key,
        outcome=None if outcome is None else str(outcome),
        reason=reason,
        since=since,
        until=until,
    )
    with open_workplace(config) as workplace:
        wanted = wanted_records(filter_words, workplace, beside=asked)
        records = stream_records(workplace.engine, wanted)
        lines = (
            (record_csv(stored) for stored in records)
            if form is Format.CSV
            else (_json_line(record_json(stored)) for stored in records)
        )
        with _opened(target, replace=replace) as stream:
            if form is Format.CSV:
                stream.write(csv_line(CSV_COLUMNS))
            count = _write(lines, stream, show_progress=to_file)
            # After the records, so that they cover every one of them.
            ends = _ends(workplace.engine) if heads else []
            if form is Format.JSONL:
                stream.writelines(_json_line(_end_json(anchor)) for anchor in ends)
            elif heads:
                with _opened(f"{target}.anchors", replace=replace) as beside:
                    beside.writelines(f"{anchor}\n" for anchor in ends)
    if to_file and as_json:
        print_json({"schema": "wssgate.ledger-export/1", "file": target, "records": count, "anchors": len(ends)})
    elif to_file:
        say(f"Wrote {count_text(count, 'record')} to {target}.")


def _ends(engine: Engine) -> list[Anchor | HistoryAnchor | StatementsAnchor]:
    with reading(engine) as connection:
        ends = (history_anchor(connection), statements_anchor(connection))
    return [*anchors(engine), *(end for end in ends if end is not None)]


def _end_json(anchor: Anchor | HistoryAnchor | StatementsAnchor) -> dict[str, object]:
    if isinstance(anchor, StatementsAnchor):
        return statements_anchor_json(anchor)
    return anchor_json(anchor) if isinstance(anchor, Anchor) else history_anchor_json(anchor)


def _json_line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True) + "\n"


def _write(lines: Iterable[str], stream: TextIO, *, show_progress: bool) -> int:
    console = stderr_console()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} records"))
    disabled = not (show_progress and may_redraw(console))
    count = 0
    with Progress(*columns, console=console, transient=True, disable=disabled) as progress:
        task = progress.add_task("export", total=None)
        try:
            for line in lines:
                stream.write(line)
                count += 1
                progress.advance(task)
        except BrokenPipeError:
            raise ReaderGone from None
    return count


@contextmanager
def _opened(target: str, *, replace: bool) -> Iterator[TextIO]:
    """A file that is there only once it is whole, readable by its owner alone; or standard output."""
    if target == STANDARD_OUTPUT:
        yield sys.stdout
        return
    with new_file(Path(target), replace=replace) as file:
        stream = io.TextIOWrapper(file, encoding="utf-8")
        yield stream
        stream.flush()
        stream.detach()
