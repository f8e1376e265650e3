"""`wssgate alerts list`: what somebody should know."""

from typing import Annotated, Any

import typer

from gateway.alerts import known_event
from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import Alert, known_alerts, waiting_deliveries
from gateway.present import count_text, instant_json, instant_text

EPILOG = PLAIN


def command(
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="The newest N.")] = 20,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List what people were told of: what lasts at present first, then the newest.

    Each with since when, how often, the records that show it, and the command to go on with. They are kept for 90 days
    after the last time.
    """
    with open_workplace(config) as workplace:
        found = known_alerts(workplace.engine, limit=limit)
        waiting = waiting_deliveries(workplace.engine)
        channels = {name: channel.kind for name, channel in workplace.settings.alerts.items()}
    if as_json:
        print_json(
            {
                "schema": "wssgate.alerts/1",
                "channels": {name: {"kind": kind, "waiting": waiting.get(name, 0)} for name, kind in channels.items()},
                "alerts": [_json(alert) for alert in found],
            }
        )
        return
    if not channels:
        say("Nobody is told of anything: the configuration has no table [alerts.NAME].", style="yellow", hang=0)
    for name, kind in channels.items():
        left = waiting.get(name, 0)
        say(f"{name} ({kind}): {count_text(left, 'alert') if left else 'no alert'} on the way")
    if not found:
        say("There are no alerts.")
    for alert in found:
        _print(alert)


def _print(alert: Alert) -> None:
    event = known_event(alert.event)
    where = f" [{alert.endpoint}]" if alert.endpoint else ""
    say("")
    say(f"{plain(event.heading if event else alert.event)}{where}{': it lasts' if alert.is_on else ''}", style="bold")
    say(f"  {alert.what}.", hang=2)
    say(f"  since {instant_text(alert.since)}, {count_text(alert.times, 'time')}")
    if alert.last > alert.since:
        say(f"  last  {instant_text(alert.last)}")
    for record in alert.records:
        say(f"  record {record}")
    if alert.run:
        say(f"  next: {alert.run}")


def _json(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.id,
        "event": alert.event,
        "endpoint": alert.endpoint or None,
        "about": list(alert.about),
        "what": alert.what,
        "lasts": alert.is_on,
        "since": instant_json(alert.since),
        "last": instant_json(alert.last),
        "times": alert.times,
        "told_at": instant_json(alert.told_at),
        "notices": alert.notices,
        "records": list(alert.records),
        "run": alert.run or None,
    }
