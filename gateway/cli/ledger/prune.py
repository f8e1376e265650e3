"""`wssgate ledger prune`: old records go, as the configuration says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from gateway.cli.command_errors import ChangeRefused
from gateway.cli.command_events import PROCESS, command_writer
from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, may_redraw, show, stderr_console, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import Pruned
from gateway.present import count_text, instant_json, instant_text
from gateway.renewal import Keep
from gateway.service import kept_records, prune_once, rehearse_pruning

EPILOG = epilog("another process is pruning; nothing was removed then")

_LONGEST = timedelta(hours=1)
"""Millions of records; whoever is killed keeps others from pruning for no longer than twice that."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def command(
    rehearse: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Remove records that are older than their endpoint's retention.

    What an open renewal rests on stays: everything since the certificates of the endpoint met, until 90 days after one
    of them was retired. A record goes only after all older ones of its writer. The hourly counts of the reports stay
    for ever. It works in small steps, and the gateway may be running; Ctrl-C does no harm. Freed space is used again:
    the file of an SQLite database does not shrink. On PostgreSQL whole months go, once every record in them may.
    """
    with open_workplace(config) as workplace:
        at = now()
        kept = kept_records(workplace.settings, workplace.keystore.entries(), at)
        pruned: Pruned | None
        with _progress() as advance:
            if rehearse:
                pruned = rehearse_pruning(workplace.engine, kept, at, on_step=advance)
            else:
                with command_writer(workplace, "ledger prune") as writer:
                    pruned = prune_once(
                        workplace.engine, kept, at, PROCESS, tell=writer.tell, longest=_LONGEST, on_step=advance
                    )
    if pruned is None:
        raise ChangeRefused(
            "Another process is pruning this ledger, or was killed at it less than two hours ago: try again later."
        )
    if as_json:
        print_json(_json(kept, pruned, rehearse=rehearse))
    else:
        _print(kept, pruned, rehearse=rehearse)


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    console = stderr_console()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} records"))
    with Progress(*columns, console=console, transient=True, disable=not may_redraw(console)) as progress:
        task = progress.add_task("prune", total=None)
        yield lambda records: progress.advance(task, records)


def _json(kept: list[Keep], pruned: Pruned, *, rehearse: bool) -> dict[str, object]:
    configured = {found.endpoint for found in kept}
    return {
        "schema": "wssgate.ledger-prune/1",
        "dry_run": rehearse,
        "complete": pruned.complete,
        "records": pruned.total,
        "until": instant_json(pruned.until),
        "endpoints": [
            {
                "endpoint": found.endpoint,
                "records": pruned.records.get(found.endpoint, 0),
                "kept_since": None if found.since == _BEGINNING else instant_json(found.since),
                "because_of": found.why,
            }
            for found in kept
        ],
        "unconfigured": {name: count for name, count in pruned.records.items() if name not in configured},
    }


def _print(kept: list[Keep], pruned: Pruned, *, rehearse: bool) -> None:
    gone = "would go" if rehearse else "gone"
    shown = table("endpoint", gone, "everything stays from", "because of", numbers=(gone,))
    for found in kept:
        since = "the beginning" if found.since == _BEGINNING else instant_text(found.since)
        shown.add_row(
            cell(found.endpoint), cell(f"{pruned.records.get(found.endpoint, 0):,}"), cell(since), cell(found.why)
        )
    configured = {found.endpoint for found in kept}
    for name, count in pruned.records.items():
        if name not in configured:
            shown.add_row(cell(name), cell(f"{count:,}"), cell("-"), cell("not in the configuration any more"))
    show(shown)
    rest = "" if pruned.complete else "; the rest goes next time"
    say(f"{count_text(pruned.total, 'record')} {'would go' if rehearse else 'went'}{rest}.")
