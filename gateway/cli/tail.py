"""`wssgate tail`: messages as they are recorded, one line each."""

import time
from typing import Annotated, Final

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.record_output import print_records, record_lines
from gateway.cli.terminal import print_json, warn
from gateway.cli.workplace import open_workplace
from gateway.ledger import DatabaseUnavailable, RecordFollower
from gateway.report import record_json

EPILOG = PLAIN

_LOOK_SECONDS: Final = 0.5


def command(
    filter_words: FilterArgument = None,
    before: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=0, max=1000, help="Begin with the newest N.")
    ] = 10,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=0, help="End after N messages; 0 goes on until Ctrl-C.")
    ] = 0,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show messages as they are recorded by whichever gateway, one line each, until Ctrl-C.

    The time in UTC, what came of it, the endpoint, the operation, whose key signed, and the record's id, of which
    wssgate ledger show tells everything. Which messages, a filter says: tail outcome:rejected, tail key:acme-2024.
    While the database cannot be read nothing is lost: what was recorded meanwhile is shown once it can.
    """
    with open_workplace(config) as workplace:
        follower = RecordFollower(workplace.engine, wanted_records(filter_words, workplace), before)
        lines = record_lines()
        shown = 0
        problem = ""
        while True:
            try:
                found = follower.new()
                problem = ""
            except DatabaseUnavailable as error:
                if str(error) != problem:
                    problem = str(error)
                    warn(problem)
                found = []
            if count:
                found = found[: count - shown]
            shown += len(found)
            if as_json:
                for stored in found:
                    print_json(record_json(stored))
            else:
                print_records(found, lines)
            if count and shown >= count:
                return
            if not found and not follower.is_behind:
                time.sleep(_LOOK_SECONDS)
