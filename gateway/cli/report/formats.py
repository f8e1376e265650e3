"""What the reports share: for which endpoint they are made, and as what they are printed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from gateway.cli.command_errors import WrongUse
from gateway.cli.rich_output import show
from gateway.cli.terminal import print_json
from gateway.cli.workplace import Workplace, open_workplace
from gateway.ledger import traffic

CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")]


@contextmanager
def opened(config: Path, endpoint: str | None, *, as_csv: bool, as_json: bool) -> Iterator[Workplace]:
    """The workplace of a report on all endpoints or on one, which has to be known, or to have been.

    Raises:
        WrongUse: `--csv` and `--json` are both given, or there is no such endpoint.
    """
    if as_csv and as_json:
        raise WrongUse("--csv and --json exclude each other; choose one.")
    with open_workplace(config) as workplace:
        # An endpoint that was taken out of the configuration still has its records.
        if endpoint is not None and not traffic(workplace.engine, endpoint):
            workplace.endpoint(endpoint)
        yield workplace


def print_report(data: Mapping[str, object], rendering: RenderableType, *, as_json: bool) -> None:
    """Print a report for programs, or for people."""
    if as_json:
        print_json(data)
    else:
        show(rendering)
