"""`wssgate report usage`: which key verified how many responses."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.instant_options import SinceOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import write
from gateway.report import usage_csv, usage_json, usage_report, usage_table

EPILOG = PLAIN


def command(
    endpoint: EndpointOption = None,
    since: SinceOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Which key verified how many responses of which operation, since when; and what was rejected.

    --since counts from the beginning of its hour (UTC).
    """
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        report = usage_report(workplace.engine, now=now(), endpoint=endpoint, since=since)
    if as_csv:
        write(usage_csv(report))
    else:
        print_report(usage_json(report), usage_table(report), as_json=as_json)
