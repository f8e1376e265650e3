"""`wssgate report rejections`: what was rejected, and why."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.instant_options import SinceOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import warn, write
from gateway.report import MOST_ROWS, rejection_report, rejections_csv, rejections_json, rejections_table

EPILOG = PLAIN


def command(
    endpoint: EndpointOption = None,
    since: SinceOption = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="The N most frequent rows; 0 lists all of them.")
    ] = MOST_ROWS,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """What was rejected, and for which reasons.

    --since counts from the beginning of its hour (UTC).
    """
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        report = rejection_report(workplace.engine, now=now(), endpoint=endpoint, since=since, limit=limit or None)
    if as_csv:
        write(rejections_csv(report))
        if report.more:
            warn(f"{report.more} rows of fewer messages are left out; --limit 0 lists all of them.")
    else:
        print_report(rejections_json(report), rejections_table(report), as_json=as_json)
