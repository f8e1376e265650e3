"""`wssgate report failures`: what the receivers failed with, why, and what to do."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import PLAIN
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.instant_options import SinceOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, print_report
from gateway.cli.terminal import warn, write
from gateway.cli.workplace import open_workplace
from gateway.ledger import RecordFilter
from gateway.report import MOST_ROWS, failure_report, failures_csv, failures_json, failures_table

EPILOG = PLAIN

_USUAL: Final = timedelta(days=7)


def command(
    filter_words: FilterArgument = None,
    endpoint: EndpointOption = None,
    since: SinceOption = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="The N most frequent rows; 0 lists all of them.")
    ] = MOST_ROWS,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """What the receivers failed with: name, connection, TLS, time, redirect; how often, why, and what to do.

    Of the last seven days, unless --since or the filter says since when. Exact to the second, for it is counted from
    the records; what was pruned is not in it.
    """
    if as_csv and as_json:
        raise WrongUse("--csv and --json exclude each other; choose one.")
    at = now()
    with open_workplace(config) as workplace:
        wanted = wanted_records(filter_words, workplace, beside=RecordFilter(endpoint=endpoint, since=since))
        if wanted.since is None and wanted.until is None:
            wanted = replace(wanted, since=at - _USUAL)
        report = failure_report(workplace.engine, wanted, now=at, limit=limit or None)
    if as_csv:
        write(failures_csv(report))
        if report.found.more:
            warn(f"{report.found.more} rows of fewer messages are left out; --limit 0 lists all of them.")
    else:
        print_report(failures_json(report), failures_table(report), as_json=as_json)
