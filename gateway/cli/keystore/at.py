"""`wssgate keystore at`: what was trusted at an instant in the past."""

from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.instant_options import parse_instant
from gateway.cli.keystore.entry_display import (
    compromised_keys,
    endpoints_text,
    entry_json,
    expiry_cell,
    key_cell,
    state_cell,
)
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import plain, print_json, say, warn
from gateway.cli.workplace import open_workplace
from gateway.present import instant_json, instant_text

EPILOG = PLAIN

_REVISION_DIGITS = 18


def command(
    when: Annotated[
        str,
        typer.Argument(metavar="TIME", help="An instant such as 2026-06-01T12:00:00Z, or the number of a revision."),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """What was trusted at an instant in the past, or in a revision: its entries, with the states that they had then."""
    wanted = int(when) if when.isdecimal() and len(when) <= _REVISION_DIGITS else parse_instant(when)
    with open_workplace(config) as workplace:
        past = workplace.keystore.past(wanted)
    # In the revision that is asked for by its number: as it was the moment it was made.
    at = wanted if isinstance(wanted, datetime) else past.time or now()
    if at > now():
        warn(f"{instant_text(at)} is yet to come: this is what the keystore says today, and it may still be changed.")
    if as_json:
        print_json(
            {
                "schema": "wssgate.keystore-at/1",
                "at": instant_json(at),
                "revision": past.number,
                "time": None if past.time is None else instant_json(past.time),
                "who": past.who,
                "why": past.why,
                "entries": [entry_json(entry, at) for entry in past.entries],
            }
        )
        return
    if past.time is None:
        say("Nothing: the keystore was empty then.")
        return
    shown = table("alias", "state", "endpoints", "key id", "valid until")
    compromised = compromised_keys(past.entries)
    for entry in past.entries:
        shown.add_row(
            cell(entry.alias),
            state_cell(entry, at, compromised),
            cell(endpoints_text(entry)),
            key_cell(entry),
            expiry_cell(entry, at),
        )
    show(shown)
    why = f": {plain(past.why)}" if past.why else ""
    say(f"Keystore revision {past.number}, made {instant_text(past.time)} by {plain(past.who)}{why}.", style="dim")
