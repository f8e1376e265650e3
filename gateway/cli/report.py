"""`wssgate report usage`, `cutover` and `rejections`: what the ledger measured."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from gateway.cli.errors import WrongUse
from gateway.cli.exit_codes import PLAIN, ExitCode, epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, SinceOption, now
from gateway.cli.terminal import print_json, show, warn, write
from gateway.cli.workplace import Workplace, open_workplace
from gateway.ledger import traffic
from gateway.renewal import cutover_csv, cutover_json, cutover_report, cutover_table
from gateway.report import (
    MOST_ROWS,
    rejection_report,
    rejections_csv,
    rejections_json,
    rejections_table,
    usage_csv,
    usage_json,
    usage_report,
    usage_table,
)

EPILOG = PLAIN
CUTOVER_EPILOG = epilog("with --check: an operation has not switched, or has had no traffic")

CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")]


def usage_command(
    endpoint: EndpointOption = None,
    since: SinceOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Which key verified how many responses of which operation, since when; and what was rejected.

    --since counts from the beginning of its hour (UTC).
    """
    with _opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        report = usage_report(workplace.engine, now=now(), endpoint=endpoint, since=since)
    if as_csv:
        write(usage_csv(report))
    else:
        _print(usage_json(report), usage_table(report), as_json=as_json)


def cutover_command(
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
    with _opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
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
        _print(cutover_json(report), cutover_table(report), as_json=as_json)
    if check and not all(cutover.switched for cutover in report.endpoints):
        raise typer.Exit(ExitCode.FINDINGS)


def rejections_command(
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
    with _opened(config, endpoint, as_csv=as_csv, as_json=as_json) as workplace:
        report = rejection_report(workplace.engine, now=now(), endpoint=endpoint, since=since, limit=limit or None)
    if as_csv:
        write(rejections_csv(report))
        if report.more:
            warn(f"{report.more} rows of fewer messages are left out; --limit 0 lists all of them.")
    else:
        _print(rejections_json(report), rejections_table(report), as_json=as_json)


@contextmanager
def _opened(config: Path, endpoint: str | None, *, as_csv: bool, as_json: bool) -> Iterator[Workplace]:
    if as_csv and as_json:
        raise WrongUse("--csv and --json exclude each other; choose one.")
    with open_workplace(config) as workplace:
        # An endpoint that was taken out of the configuration still has its records.
        if endpoint is not None and not traffic(workplace.engine, endpoint):
            workplace.endpoint(endpoint)
        yield workplace


def _print(data: Mapping[str, object], rendering: RenderableType, *, as_json: bool) -> None:
    if as_json:
        print_json(data)
    else:
        show(rendering)
