"""`wssgate renewal abandon`: nobody follows a renewal any further."""

from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, as_typed, author_of, print_renewal_json
from gateway.cli.terminal import say
from gateway.cli.workplace import open_workplace
from gateway.renewal import Closure, close_renewal, read_renewals

EPILOG = epilog("refused, because the renewal is closed already")


def command(
    name: RenewalArgument = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")] = "",
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Close a renewal that nobody follows any further; the keystore stays as it is.

    The new certificate stays declared as the successor of the old one. Where the new key did not work, say wssgate
    renewal withdraw instead.
    """
    if not reason.strip():
        raise WrongUse("--reason TEXT must say why: it stays in the ledger, for whoever asks later on.")
    with open_workplace(config) as workplace:
        renewal = read_renewals(workplace.engine).named(name)
        renewal = close_renewal(workplace.engine, renewal.name, Closure.ABANDONED, reason, author_of(who))
        undo = as_typed(f"wssgate keystore set {renewal.new.alias} --no-replaces", workplace)
    if as_json:
        print_renewal_json(renewal, next_commands=[undo])
        return
    say(f"The renewal {renewal.name} is abandoned; the keystore stays as it is.", style="green")
    say(f"  {renewal.new.alias} stays the declared successor. If it is not, say")
    say(f"  {undo}")
