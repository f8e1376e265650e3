"""`wssgate serve`: run the gateway."""

from typing import Annotated

import typer

from gateway.cli.command_errors import EnvironmentFailed
from gateway.cli.exit_codes import ExitCode
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.running_gateway import running_gateway
from gateway.cli.terminal import print_json, say
from gateway.config import ConfigurationError, LogFormat, Settings, load_settings
from gateway.present import count_text

EPILOG = (
    "Exit codes: 0 stopped by SIGTERM or Ctrl-C after finishing what was under way; 2 wrong use or configuration; "
    "3 the environment failed (database, file, network)."
)


def command(
    config: ConfigOption = DEFAULT_CONFIG,
    check: Annotated[bool, typer.Option("--check", help="Only find out whether it would start, then end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the gateway.

    Listens, verifies and records until SIGTERM or Ctrl-C; then what is under way is finished first. SIGHUP reads the
    configuration again. Logs go to standard error; with --json as one JSON object a line.

    --check tries out what a start opens: configuration, files, addresses and database. It makes nothing, and a gateway
    that is running already goes on.
    """
    settings = load_settings(config)
    if check:
        _check(settings, as_json=as_json)
        return
    if as_json:
        gateway = settings.gateway.model_copy(update={"log_format": LogFormat.JSON})
        settings = settings.model_copy(update={"gateway": gateway})
    # Imported late: the server and the HTTP client take longer to load than most commands take to run.
    from gateway.service import serve

    raise typer.Exit(ExitCode(serve(settings)))


def _check(settings: Settings, *, as_json: bool) -> None:
    """Say whether a gateway would start.

    Raises:
        ConfigurationError: It would not, because of the configuration or a file that it names.
        EnvironmentFailed: It would not, because of an address or the database.
    """
    from gateway.service import check_start

    found = check_start(settings, lambda admin: running_gateway(admin) is not None)
    warnings = [*settings.warnings, *found.warnings]
    if as_json:
        print_json(
            {
                "schema": "wssgate.check/1",
                "configuration": str(settings.source),
                "endpoints": list(settings.endpoints),
                "problems": [*found.wrong, *found.failing],
                "warnings": warnings,
                "notes": found.notes,
            }
        )
    else:
        if not found.wrong and not found.failing:
            say(f"{settings.source}: good, {count_text(len(settings.endpoints), 'endpoint')}.")
        for warning in warnings:
            say(f"  warning: {warning}", style="yellow")
        for note in found.notes:
            say(f"  note: {note}")
    if found.wrong:
        raise ConfigurationError([*found.wrong, *found.failing])
    if found.failing:
        raise EnvironmentFailed("\n".join(f"{problem}." for problem in found.failing))
