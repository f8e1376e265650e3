"""`wssgate renewal confirm`: what people said of a step, by name."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.renewal_options import (
    ByOption,
    RenewalArgument,
    WhoOption,
    author_of,
    print_renewal_json,
)
from gateway.cli.terminal import say, warn
from gateway.cli.workplace import open_workplace
from gateway.renewal import confirm_step, is_contradicted, read_renewals

EPILOG = epilog("recorded, and the fingerprint is not that of the new certificate")


def command(
    step: Annotated[int, typer.Argument(metavar="STEP", help="Which of the eight steps, 1 to 8.", min=1, max=8)],
    name: RenewalArgument = None,
    by: ByOption = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What else was said.")] = "",
    fingerprint: Annotated[
        str,
        typer.Option(
            "--fingerprint",
            metavar="HEX",
            help="With step 2: the SHA-256 fingerprint of the new certificate as it was read out, all of it.",
        ),
    ] = "",
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Record that a step was confirmed, and by whom.

    What is said is kept for ever, and completes no step that can be measured: where the measurements contradict it, it
    is shown as contradicted. With step 2 goes the fingerprint that the receiver administrator reads out over the phone;
    it is compared with the new certificate.
    """
    with open_workplace(config) as workplace:
        renewal = read_renewals(workplace.engine).named(name)
        renewal = confirm_step(
            workplace.engine, renewal.name, step, author_of(who), by=by, note=note, fingerprint=fingerprint
        )
    said = renewal.confirmations[-1]
    differs = is_contradicted(said.fingerprint, renewal.new)
    sentence = (
        f"THE FINGERPRINT DIFFERS: what was read out is not that of {renewal.new.alias} "
        f"({renewal.new.thumbprint}). Do not trust that certificate; ask for it anew, over another channel."
    )
    if as_json:
        print_renewal_json(renewal, [sentence] if differs else [])
    else:
        if said.fingerprint and not differs:
            say(f"The fingerprint is that of {renewal.new.alias}.", style="green")
        say(f"Recorded: step {said.step} of {renewal.name}, confirmed by {said.by}.")
        if differs:
            warn(sentence)
    if differs:
        raise typer.Exit(ExitCode.FINDINGS)
