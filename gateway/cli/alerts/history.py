"""`wssgate alerts history`: what was told to whom."""

from typing import Annotated, Any

import typer

from gateway.alerts import notice_json, notice_title
from gateway.cli.exit_codes import PLAIN
from gateway.cli.instant_options import SinceOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import ToldTo, told_notices
from gateway.present import count_text, instant_json, instant_text

EPILOG = PLAIN


def command(
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="The newest N.")] = 50,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the alerts as they were sent, the newest last, with what became of each on its way to each channel.

    A channel has delivered an alert once it has said so. What it does not take is tried again for three days. Alerts
    are kept for 90 days.
    """
    with open_workplace(config) as workplace:
        found = told_notices(workplace.engine, since, limit)[::-1]
    if as_json:
        for notice, told in found:
            print_json(notice_json(notice) | {"channels": [_json(one) for one in told]})
        return
    if not found:
        say("Nobody was told of anything in this time." if since else "Nobody was ever told of anything.")
    for notice, told in found:
        say(f"{instant_text(notice.made)}  {notice_title(notice)}", style="bold")
        say(f"  {notice.what}.", hang=2)
        for one in told:
            say(f"  {_way(one)}", hang=4)
        if not told:
            say("  not handed out to any channel yet")


def _way(one: ToldTo) -> str:
    tries = count_text(one.attempts, "attempt")
    words = f"{one.channel}: {one.state or 'altered'}"
    if one.at is not None:
        words += f", {instant_text(one.at)}, {tries}"
    return f"{words}: {one.problem}" if one.problem else words


def _json(one: ToldTo) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "state": None if one.state is None else str(one.state),
        "attempts": one.attempts,
        "at": instant_json(one.at),
        "problem": one.problem or None,
    }
