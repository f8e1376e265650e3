"""`wssgate renewal verify-signoff`: each figure of a sign-off recomputed."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.ledger.verify_bundle import read_pinned
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import open_workplace
from gateway.ledger import BundleRefused, opened_bundle
from gateway.present import count_text, plain
from gateway.renewal import (
    MAX_DOCUMENT_BYTES,
    CheckedDocument,
    DocumentUnreadable,
    FigureState,
    verify_signoff,
)

EPILOG = epilog("a figure does not come out, or something else does not hold, or no figure could be told")


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The sign-off in JSON (renewal signoff --json), or a retirement certificate."
        ),
    ],
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="FILE",
            help="Recompute from this bundle of evidence, without a database.",
        ),
    ] = None,
    pinned: Annotated[
        Path | None,
        typer.Option(
            "--pinned", metavar="FILE", help="With --bundle: public keys of gateways that came to you another way."
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Recompute each figure of a sign-off or a retirement certificate, and name those that do not come out.

    Its figures have to be those that such a document has, each with the question that its name promises: one that asks
    another thing, is left out or does not belong there is named as well.

    From the database, up to the ends of the chains that the document names: records are read one by one, and one that
    was altered counts for nothing. Whether its SHA-256 was recorded when it was made is looked up as well. From a
    bundle, which renewal signoff --bundle writes, only what its records tell: what else there is is called not told.
    """
    if pinned is not None and bundle is None:
        raise WrongUse("--pinned belongs to --bundle; with the database use wssgate ledger verify --pinned.")
    keys = None if pinned is None else read_pinned(pinned)
    text = _read(file)
    try:
        if bundle is None:
            with open_workplace(config) as workplace:
                checked = verify_signoff(text, workplace.engine)
        else:
            with opened_bundle(bundle) as stream:
                checked = verify_signoff(text, stream, keys)
    except DocumentUnreadable as error:
        raise DocumentUnreadable(f"{file} cannot be checked: {error}.") from error
    except BundleRefused as error:
        raise BundleRefused(f"{bundle} is no bundle that can be verified: {error}.") from error
    if as_json:
        print_json(_json(checked, file))
    else:
        _print(checked)
        if bundle is not None:
            warn(
                "A bundle does not tell whether this is the document that was recorded: compare its SHA-256 with the "
                "one that you were given. What the program judged is not recomputed."
            )
    if not checked.holds:
        raise typer.Exit(ExitCode.FINDINGS)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.") from error


def _json(checked: CheckedDocument, file: Path) -> dict[str, object]:
    return {
        "schema": "wssgate.signoff-report/1",
        "file": str(file),
        "document": checked.schema,
        "renewal": checked.renewal,
        "sha256": checked.sha256,
        "holds": checked.holds,
        "findings": list(checked.findings),
        "figures": [
            {"name": one.name, "state": str(one.state), "said": one.said, "found": one.found, "detail": one.detail}
            for one in checked.figures
        ],
    }


def _print(checked: CheckedDocument) -> None:
    by_state = {state: [one for one in checked.figures if one.state is state] for state in FigureState}
    for one in by_state[FigureState.DIFFERS]:
        say(f"DOES NOT HOLD: {plain(one.name)}: {plain(one.detail)}.", style="bold red")
    for finding in checked.findings:
        say(f"DOES NOT HOLD: {plain(finding)}.", style="bold red")
    reasons: dict[str, list[str]] = {}
    for one in by_state[FigureState.NOT_TOLD]:
        reasons.setdefault(one.detail, []).append(one.name)
    for reason, names in reasons.items():
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        warn(plain(f"Not told: {shown}: {reason}."))
    held = len(by_state[FigureState.HOLDS])
    say(
        f"{held:,} of {count_text(len(checked.figures), 'figure')} of renewal {plain(checked.renewal)} come out as "
        "they are written.",
        style="green" if checked.holds else "yellow",
    )
    say(f"SHA-256 {checked.sha256}")
