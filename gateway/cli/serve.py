"""`wssgate serve`: run the gateway."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import ExitCode
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say
from gateway.config import LogFormat, load_settings

EPILOG = (
    "Exit codes: 0 stopped by SIGTERM or Ctrl-C after finishing what was under way; 2 wrong use or configuration; "
    "3 the environment failed (database, file, network)."
)


def command(
    config: ConfigOption = DEFAULT_CONFIG,
    check: Annotated[bool, typer.Option("--check", help="Only check the configuration, then end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the gateway.

    Listens, verifies and records until SIGTERM or Ctrl-C; then what is under way is finished first. SIGHUP reads the
    configuration again. Logs go to standard error; with --json as one JSON object a line.
    """
    settings = load_settings(config)
    if check:
        if any(endpoint.second_opinion != "off" for endpoint in settings.endpoints.values()):
            from gateway.exchange import require_judges

            require_judges(settings)
        if as_json:
            print_json(
                {
                    "schema": "wssgate.check/1",
                    "configuration": str(settings.source),
                    "endpoints": list(settings.endpoints),
                    "warnings": list(settings.warnings),
                }
            )
        else:
            say(f"{settings.source}: good, {len(settings.endpoints)} endpoints.")
            for warning in settings.warnings:
                say(f"  warning: {warning}", style="yellow")
        return
    if as_json:
        gateway = settings.gateway.model_copy(update={"log_format": LogFormat.JSON})
        settings = settings.model_copy(update={"gateway": gateway})
    # Imported late: the server and the HTTP client take longer to load than most commands take to run.
    from gateway.service import serve

    raise typer.Exit(ExitCode(serve(settings)))
