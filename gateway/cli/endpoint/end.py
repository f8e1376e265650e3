"""`wssgate endpoint end`: an endpoint is no more, and gates do not ask for it any longer."""

from typing import Annotated

import typer

from gateway.cli.endpoint.closing import need_reason, refuse_if_alive, refuse_if_closed, tell
from gateway.cli.endpoint.recorded_endpoints import RecordedEndpoints
from gateway.cli.exit_codes import epilog
from gateway.cli.keystore.change_options import WhoOption, system_user
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import EventKind

EPILOG = epilog("refused, because the endpoint is unknown or still alive; nothing has changed then")


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The endpoint, as it was configured.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")],
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say that an endpoint is no more, so that no gate asks for it any longer.

    Gates ask for every endpoint that a gateway served within 90 days, configured or not: a receiver that is only out of
    sight may still send what the old key signed. Who says that it has ended, and why, stays in the ledger. Where a
    gateway serves the endpoint again, it counts again.
    """
    need_reason(reason)
    author = who or system_user()
    with open_workplace(config) as workplace:
        endpoints = RecordedEndpoints.of(workplace)
        refuse_if_alive(endpoints, name, "ended")
        refuse_if_closed(endpoints, name, None)
        tell(workplace, EventKind.ENDED, {"endpoint": name, "reason": reason, "who": author}, "endpoint end")
    if as_json:
        print_json({"schema": "wssgate.endpoint-ended/1", "endpoint": name, "who": author, "reason": reason})
        return
    say(f"{name} has ended: no gate asks for it any longer.", style="green")
    say(f"  Recorded for {author}; it counts again as soon as a gateway serves it.")
