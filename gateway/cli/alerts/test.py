"""`wssgate alerts test`: whether an alert arrives over each channel."""

import uuid
from typing import Annotated

import typer

from gateway.alerts import AlertEvent, deliver_notice, next_command
from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import plain, print_json, say
from gateway.config import Settings, load_settings
from gateway.ledger import Notice

EPILOG = epilog("a channel did not take the alert")


def command(
    channels: Annotated[
        list[str] | None, typer.Argument(metavar="[CHANNEL]...", help="Only these: NAME of [alerts.NAME].")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Send a test alert over each channel of the configuration, and say which of them took it.

    It goes from this command directly, whether or not a gateway runs, and leaves nothing in the database. A channel
    that took it may still have thrown it away: look whether it has come.
    """
    settings = load_settings(config)
    wanted = _wanted(settings, channels or [])
    results = {}
    for name in wanted:
        problem = deliver_notice(_test_notice(settings, name), settings.alerts[name])
        results[name] = problem
        if not as_json:
            say(f"{name} ({settings.alerts[name].kind}): {problem or 'taken'}", style="red" if problem else "", hang=2)
    if as_json:
        taken = {
            name: {"kind": settings.alerts[name].kind, "taken": problem is None, "problem": problem}
            for name, problem in results.items()
        }
        print_json({"schema": "wssgate.alerts-test/1", "channels": taken})
    if any(problem is not None for problem in results.values()):
        raise typer.Exit(ExitCode.FINDINGS)


def _wanted(settings: Settings, names: list[str]) -> list[str]:
    """The channels to try.

    Raises:
        WrongUse: There are none, or one is not there.
    """
    if not settings.alerts:
        raise WrongUse(
            f"{settings.source}: nobody is told of anything; add a table such as [alerts.mail] with "
            'apprise = "mailtos://USER:PASSWORD@mail.example?to=PERSON@example"'
        )
    for name in names:
        if name not in settings.alerts:
            known = ", ".join(settings.alerts)
            raise WrongUse(f"{settings.source}: there is no table [alerts.{plain(name)}]; there are: {known}.")
    return names or list(settings.alerts)


def _test_notice(settings: Settings, channel: str) -> Notice:
    at = now()
    return Notice(
        id=str(uuid.uuid4()),
        alert="0" * 64,
        number=1,
        event=AlertEvent.TEST,
        about=(channel,),
        endpoint="",
        what=f"This is a test of the channel {channel}: nothing has happened",
        run=next_command(settings, "alerts list"),
        records=(),
        since=at,
        last=at,
        made=at,
        times=1,
        new_times=1,
        is_over=False,
    )
