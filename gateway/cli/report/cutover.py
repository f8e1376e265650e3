"""`wssgate report cutover`: how far each operation has switched to the newest key."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.instant_options import SinceOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.report.formats import CsvOption, opened, print_report
from gateway.cli.terminal import write
from gateway.renewal import cutover_csv, cutover_json, cutover_report, cutover_table

EPILOG = epilog("with --check: an operation has not switched, or has had no traffic")


def command(
    endpoint: EndpointOption = None,
    since: SinceOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with 1 unless every operation has switched to the newest key.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """How far each operation of each endpoint has switched to the newest key, and which one lags behind.

    --since counts from the beginning of its hour (UTC).
    """
    with opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        report = cutover_report(
            workplace.engine,
            workplace.keystore.snapshot(),
            now=now(),
            endpoints=tuple(workplace.settings.endpoints),
            endpoint=endpoint,
            since=since,
        )
    if as_csv:
        write(cutover_csv(report))
    else:
        print_report(cutover_json(report), cutover_table(report), as_json=as_json)
    if check and not all(cutover.switched for cutover in report.endpoints):
        raise typer.Exit(ExitCode.FINDINGS)
