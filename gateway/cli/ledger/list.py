"""`wssgate ledger list`: the newest messages that a filter names, one line each."""

from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import PLAIN
from gateway.cli.filter_argument import FilterArgument, wanted_records
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.record_output import print_records
from gateway.cli.report.formats import CsvOption
from gateway.cli.terminal import print_json, warn, write
from gateway.cli.workplace import open_workplace
from gateway.ledger import records
from gateway.present import csv_line
from gateway.report import CSV_COLUMNS, record_csv, record_json

EPILOG = PLAIN


def command(
    filter_words: FilterArgument = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="The newest N.")] = 50,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the newest messages that a filter names, the oldest of them first, one line each.

    A filter is made of terms NAME:VALUE. A message has to fit every name, and of several terms of one name one of them:
    "endpoint:orders outcome:rejected outcome:failed since:2h". A value with white space stands in quotes. The names:

    endpoint; op, the operation as {namespace}name or the name alone; key, one that signed it: alias, thumbprint or key
    id, also of an unknown key; server, which one answered; outcome (accepted, rejected, passed, failed); reason, such
    as unknown-key; mode (enforce, observe); kind (message, empty, fault, wsdl, error); status, the receiver's HTTP
    status; released (yes, no); message, its wsa:MessageID or the one that it answers; instance, the gateway that wrote
    it; since and until, an instant in RFC 3339 or an age such as 2h, exact, the end itself left out.

    The same filters go with tail, ledger export, report failures and report unknown-keys. With --json a line is a
    record, as ledger export writes it. Everything that is known of one record tells wssgate ledger show ID.
    """
    if as_csv and as_json:
        raise WrongUse("--csv and --json exclude each other; choose one.")
    with open_workplace(config) as workplace:
        wanted = wanted_records(filter_words, workplace)
        found = records(workplace.engine, wanted, limit + 1)
    left_out = len(found) > limit
    found = found[:limit][::-1]
    if as_csv:
        write(csv_line(CSV_COLUMNS) + "".join(map(record_csv, found)))
    elif as_json:
        for stored in found:
            print_json(record_json(stored))
    else:
        print_records(found)
    if left_out:
        warn(f"Older ones are left out; --limit N lists more than {limit}, wssgate ledger export writes all of them.")
