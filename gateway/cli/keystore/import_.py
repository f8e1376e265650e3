"""`wssgate keystore import`: a whole key file enters the keystore."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.keystore.change_options import ReasonOption, ReplacesOption, WhoOption, system_user
from gateway.cli.keystore.endpoint_choice import AllEndpointsOption, endpoint_choice
from gateway.cli.keystore.entry_display import entry_json
from gateway.cli.keystore.key_file_options import AllowPrivateKeyOption, PasswordFileOption, read_with_password
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import open_workplace
from keystore.store import Fate, Imported, Terms, import_bundle

EPILOG = epilog("a certificate of the file was refused; the others are in the keystore")

_STYLES = {Fate.ADDED: "green", Fate.REFUSED: "red"}


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="PEM, DER, PKCS#7, PKCS#12, JKS or JCEKS; - is standard input.")
    ],
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="Trust them for this endpoint only; may be repeated."),
    ] = None,
    all_endpoints: AllEndpointsOption = False,
    stage: Annotated[bool, typer.Option("--stage", help="Make them known without trusting them yet.")] = False,
    replaces: ReplacesOption = None,
    password_file: PasswordFileOption = None,
    allow_private_key: AllowPrivateKeyOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Add expired certificates and certification authorities as well.")
    ] = False,
    who: WhoOption = None,
    reason: ReasonOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Add every certificate of a key file that is not there yet, such as those of a Java keystore.

    Says for each part of the file what became of it: added; kept, because it is there already (its state stays);
    skipped, because it signs no message; or refused, and why. Each stands alone, and what is added is one revision.
    The names are those of the file, made valid; else they are taken from the subjects. Check the fingerprints with
    keystore show before you rely on them.
    """
    with open_workplace(config) as workplace:
        choice = endpoint_choice(workplace, endpoints or (), every=all_endpoints, can_ask=False)
        read = read_with_password(
            file,
            password_file,
            allow_private_key=allow_private_key,
            before_asking=lambda: [workplace.keystore.get(name) for name in replaces or ()],
        )
        at = now()
        with workplace.keystore.revising(who=who or system_user(), why=reason, at=at) as draft:
            terms = Terms(choice.named, replaces=draft.thumbprints_of(replaces or ()))
            imported = import_bundle(draft, read, terms, stage=stage, force=force)
        revision = workplace.keystore.revision()
    refused = any(one.fate is Fate.REFUSED for one in imported)
    if as_json:
        items = [
            {
                "what": one.what,
                "fate": str(one.fate),
                "entry": None if one.entry is None else entry_json(one.entry, at),
                "remarks": list(one.remarks),
            }
            for one in imported
        ]
        print_json(
            {"schema": "wssgate.keystore-import/1", "revision": revision, "items": items, "notes": list(read.notes)}
        )
    else:
        _print(imported, read.notes, revision)
    if refused:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(imported: tuple[Imported, ...], notes: tuple[str, ...], revision: int) -> None:
    shown = table("", "alias", "what", "remark")
    for one in imported:
        shown.add_row(
            cell(one.fate, _STYLES.get(one.fate, "dim")),
            cell("-" if one.entry is None else one.entry.alias),
            cell(one.what),
            cell(" ".join(one.remarks)),
        )
    show(shown)
    for note in notes:
        warn(note)
    counts = [(fate, sum(one.fate is fate for one in imported)) for fate in Fate]
    told = ", ".join(f"{count} {fate}" for fate, count in counts if count)
    say(f"{told or 'nothing in it'}; keystore revision {revision}.")
