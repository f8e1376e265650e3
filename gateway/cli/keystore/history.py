"""`wssgate keystore history`: every change to the keystore."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import instant_json, instant_text

EPILOG = PLAIN


def command(
    alias: Annotated[str | None, typer.Argument(metavar="[ALIAS]", help="Only this entry.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Every change to the keystore, oldest first: what, when, by whom and why."""
    with open_workplace(config) as workplace:
        items = workplace.keystore.history(alias)
        if alias is not None and not items:
            workplace.keystore.get(alias)  # which says that there is none of that name
    if as_json:
        for item in items:
            print_json(
                {
                    "schema": "wssgate.keystore-history/1",
                    "revision": item.revision,
                    "time": instant_json(item.time),
                    "who": item.who,
                    "why": item.why,
                    "action": str(item.action),
                    "alias": str(item.alias),
                    "thumbprint": str(item.thumbprint),
                    "overrode": item.overrode or None,
                }
            )
        return
    if not items:
        say("Nothing has been changed yet.")
        return
    shown = table("revision", "time", "action", "alias", "who", "why", numbers=("revision",))
    for item in items:
        shown.add_row(
            cell(item.revision),
            cell(instant_text(item.time)),
            cell(item.action),
            cell(item.alias),
            cell(item.who),
            cell(item.why or "-"),
        )
        if item.overrode:
            shown.add_row("", "", "", "", cell("by force", "red"), cell(f"although {item.overrode}", "red"))
    show(shown)
