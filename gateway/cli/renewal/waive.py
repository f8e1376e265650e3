"""`wssgate renewal waive`: a cell that need not switch, by name."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.named_cells import find_cell
from gateway.cli.renewal.renewal_options import (
    ByOption,
    RenewalArgument,
    WhoOption,
    author_of,
    print_renewal_json,
)
from gateway.cli.terminal import plain, say
from gateway.cli.workplace import open_workplace
from gateway.renewal import read_renewals, waive_cell

EPILOG = epilog("refused, because nothing is known of that operation, or it is waived already")


def command(
    cell: Annotated[
        str, typer.Argument(metavar="CELL", help="ENDPOINT:OPERATION, or ENDPOINT:OPERATION@SERVER for one server.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")],
    name: RenewalArgument = None,
    by: ByOption = "",
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Record that an operation need not switch, by name: the gate does not ask for it any more.

    For an operation that comes once a year, say, or a server that is switched off. It holds for the old certificates of
    this renewal, as long as that is open, and is told wherever the retirement is. The guaranteed delivery time passes
    all the same: a message that is under way is not for anybody to waive.
    """
    with open_workplace(config) as workplace:
        renewal = read_renewals(workplace.engine).named(name)
        found = find_cell(workplace, renewal, cell)
        renewal = waive_cell(
            workplace.engine,
            renewal.name,
            author_of(who),
            endpoint=found.endpoint,
            operation=found.operation,
            server=found.server,
            reason=reason,
            by=by,
        )
    if as_json:
        print_renewal_json(renewal)
        return
    said = renewal.waivers[-1]
    where = f"at the server {said.server}" if said.server else "at whichever server"
    say(f"Recorded: {plain(found.text)} need not switch, {plain(where)}; waived by {said.by}.", style="green")
