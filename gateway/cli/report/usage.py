"""`wssgate report usage`: which key verified how many responses."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.instant_options import FromOption, ToOption, refuse_empty_time
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import write
from gateway.ledger import RecordFilter
from gateway.report import USAGE_NAMES, usage_csv, usage_json, usage_report, usage_table

EPILOG = PLAIN


def command(
    filter_words: FilterArgument = None,
    endpoint: EndpointOption = None,
    since: FromOption = None,
    until: ToOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Which key verified how many responses of which operation, since when; and what was rejected.

    --since is exact, as long as all records of its hour are there; else it is the beginning of that hour (UTC).
    With --until, or --from and --to, it is the report on a past time. FILTER may name endpoint, op, key, server, since
    and until.
    """
    refuse_empty_time(since, until)
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        asked = RecordFilter(endpoint=endpoint, since=since, until=until)
        wanted = wanted_records(filter_words, workplace, beside=asked, names=USAGE_NAMES)
        report = usage_report(
            workplace.engine,
            now=now(),
            endpoint=endpoint,
            since=wanted.since,
            until=wanted.until,
            wanted=wanted if filter_words else None,
            only=" ".join(filter_words or ()),
        )
    if as_csv:
        write(usage_csv(report))
    else:
        print_report(usage_json(report), usage_table(report), as_json=as_json)
