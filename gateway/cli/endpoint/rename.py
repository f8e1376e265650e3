"""`wssgate endpoint rename`: what was recorded under an old name counts for the new one."""

from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused
from gateway.cli.endpoint.closing import need_reason, refuse_if_alive, refuse_if_closed, tell
from gateway.cli.endpoint.recorded_endpoints import RecordedEndpoints
from gateway.cli.exit_codes import epilog
from gateway.cli.keystore.change_options import WhoOption, system_user
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import EventKind

EPILOG = epilog("refused, because a name is unknown or the old one still alive; nothing has changed then")


def command(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The name that it had.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name under which a gateway serves it now.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")],
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say that an endpoint has another name, so that what was recorded under the old one counts for the new one.

    A gateway must have served the new name already: else nobody would ask for what was recorded. Certificates that are
    trusted for the old name only are not trusted for the new one: wssgate keystore set ALIAS --endpoint NEW.
    """
    need_reason(reason)
    author = who or system_user()
    with open_workplace(config) as workplace:
        endpoints = RecordedEndpoints.of(workplace)
        if old == new:
            raise ChangeRefused(f"{old} is called so already.")
        refuse_if_alive(endpoints, old, "renamed")
        refuse_if_closed(endpoints, old, new)
        _refuse_unless_served(endpoints, new)
        content = {"endpoint": old, "new_name": new, "reason": reason, "who": author}
        tell(workplace, EventKind.RENAMED, content, "endpoint rename")
    if as_json:
        print_json(
            {"schema": "wssgate.endpoint-renamed/1", "endpoint": old, "new_name": new, "who": author, "reason": reason}
        )
        return
    say(f"{old} is called {new} now: what was recorded of it counts there.", style="green")
    say(f"  Recorded for {author}.")


def _refuse_unless_served(endpoints: RecordedEndpoints, new: str) -> None:
    found = endpoints.evidence.recorded().get(new)
    if found is None or not found.policies:
        raise ChangeRefused(
            f"no gateway has served {new} yet: configure it, let a gateway read that (systemctl reload, or kill -HUP), "
            "then come back."
        )
    if found.closing is not None:
        what = "ended" if found.closing.new_name is None else f"was renamed to {found.closing.new_name}"
        raise ChangeRefused(f"{new} {what} itself, so that nobody would ask for what was recorded: name the last one.")
