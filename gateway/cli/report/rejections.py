"""`wssgate report rejections`: what was rejected, and why."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.instant_options import FromOption, ToOption, refuse_empty_time
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import warn, write
from gateway.ledger import RecordFilter
from gateway.report import (
    MOST_ROWS,
    REJECTION_NAMES,
    rejection_report,
    rejections_csv,
    rejections_json,
    rejections_table,
)

EPILOG = PLAIN


def command(
    filter_words: FilterArgument = None,
    endpoint: EndpointOption = None,
    since: FromOption = None,
    until: ToOption = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="The N most frequent rows; 0 lists all of them.")
    ] = MOST_ROWS,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """What was rejected, and for which reasons.

    --since is exact, as long as all records of its hour are there; else it is the beginning of that hour (UTC).
    With --until, or --from and --to, it is the report on a past time. FILTER may name endpoint, op, reason, since and
    until.
    """
    refuse_empty_time(since, until)
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        asked = RecordFilter(endpoint=endpoint, since=since, until=until)
        wanted = wanted_records(filter_words, workplace, beside=asked, names=REJECTION_NAMES)
        report = rejection_report(
            workplace.engine,
            now=now(),
            endpoint=endpoint,
            since=wanted.since,
            until=wanted.until,
            limit=limit or None,
            wanted=wanted if filter_words else None,
            only=" ".join(filter_words or ()),
        )
    if as_csv:
        write(rejections_csv(report))
        if report.more:
            warn(f"{report.more} rows of fewer messages are left out; --limit 0 lists all of them.")
    else:
        print_report(rejections_json(report), rejections_table(report), as_json=as_json)
