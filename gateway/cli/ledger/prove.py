"""`wssgate ledger prove`: evidence about records leaves for people who have no access to the database."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exit_codes import epilog
from gateway.cli.new_files import new_file
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import open_workplace
from gateway.ledger import MadeBundle, find_record, make_bundle
from gateway.present import count_text

EPILOG = epilog("the file exists already; nothing was written then")


def command(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Ids of records, or their beginnings: 8 characters or more.")
    ],
    target: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write, a ZIP archive.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that exists.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write a bundle that proves records to people who have no access to this database.

    It holds the records, their receipts, the signers' certificates, what the keystore's history says of them, and the
    chain up to the next end that the gateway signed. Records in between are needed to follow the chain and are in it
    as well: times, names of operations and keys, sizes and hashes, and no bodies. ledger verify-bundle checks it.
    """
    with open_workplace(config) as workplace:
        found = list(dict.fromkeys(find_record(workplace.engine, one).record.id for one in ids))
        with new_file(target, replace=replace) as stream:
            made = make_bundle(workplace.engine, found, stream)
    for warning in _warnings(made):
        warn(warning)
    if as_json:
        print_json(
            {
                "schema": "wssgate.ledger-prove/1",
                "file": str(target),
                "asked": list(made.asked),
                "records": made.records,
                "certificates": made.certificates,
                "unsigned": list(made.unsigned),
                "without_receipt": list(made.without_receipt),
                "missing_certificates": list(made.missing_certificates),
            }
        )
        return
    others = made.records - len(made.asked)
    between = "" if not others else f", with {count_text(others, 'record')} between them and the signed ends"
    say(f"Wrote evidence about {count_text(len(made.asked), 'record')} to {target}{between}.")
    say(f"Check it with: wssgate ledger verify-bundle {target}")


def _warnings(made: MadeBundle) -> list[str]:
    found = []
    if made.unsigned:
        found.append(
            f"Nothing that is signed stands behind {count_text(len(made.unsigned), 'record')} yet: the bundle proves "
            "who signed the messages, and not that the gateway wrote the records. A gateway that runs signs its chain "
            "with every commit."
        )
    if made.without_receipt:
        found.append(f"No receipt was kept of {count_text(len(made.without_receipt), 'record')}.")
    found += [f"The certificate {one} is not in the keystore any more." for one in made.missing_certificates]
    return found
