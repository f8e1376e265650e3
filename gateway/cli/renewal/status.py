"""`wssgate renewal status`: the eight steps of a renewal, what each rests on, and what comes next."""

import sys
import time
from typing import Annotated, Final

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.renewal.judged_renewals import judged, renewals_in
from gateway.cli.renewal.renewal_options import RenewalArgument
from gateway.cli.rich_output import clear, show
from gateway.cli.terminal import print_json
from gateway.cli.workplace import Workplace, open_workplace
from gateway.renewal import renewal_screen, renewal_status_json

EPILOG = PLAIN

_LOOK_SECONDS: Final = 5.0


def command(
    name: RenewalArgument = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again every five seconds, until Ctrl-C; with --json a line each.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show where a renewal stands: what it waits for, its eight steps with what each rests on, and who signs with which
    key.

    A step is done where that was measured; said, where nothing can be measured of it and somebody confirmed it;
    contradicted, where somebody confirmed it and the messages say otherwise; reopened, where the old key came back.
    Silence completes no step. All of it goes by the ledger's clock. A renewal that is closed is shown as it stood when
    it was closed.
    """
    with open_workplace(config) as workplace:
        _show(workplace, name, as_json=as_json)
        while watch:
            time.sleep(_LOOK_SECONDS)
            if sys.stdout.isatty():
                clear()
            _show(workplace, name, as_json=as_json)


def _show(workplace: Workplace, name: str | None, *, as_json: bool) -> None:
    renewals = renewals_in(workplace)
    (status,) = judged(workplace, renewals, [renewals.named(name)], now(), from_start=True)
    if as_json:
        print_json(renewal_status_json(status))
    else:
        show(renewal_screen(status))
