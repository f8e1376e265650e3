"""`wssgate demo`: the whole cutover on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exit_codes import ExitCode
from gateway.cli.options import JsonOption

EPILOG = "Exit codes: 0 the demo ran to its end as it should; 3 something in it failed."


def command(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep the demo's files in this new folder, to look around in."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a whole renewal on this machine, in about a minute.

    Starts a receiver system that signs its responses, the gateway in front of it and a SOAP client; the receiver goes
    from its old key to its new one, one operation lags behind, and somebody forges a response. Listens on free ports
    of the loopback interface only, works in a temporary folder, and leaves nothing behind.
    """
    # Imported late: the SOAP client takes longer to load than most commands take to run.
    from gateway.demo import run_demo

    raise typer.Exit(ExitCode(run_demo(keep, as_json=as_json)))
