"""`wssgate keystore trust`: an entry that is staged is trusted."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import epilog
from gateway.cli.keystore.change_options import AliasArgument, ReasonOption, WhoOption, need_reason, system_user
from gateway.cli.keystore.entry_display import print_trusted
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.workplace import open_workplace

EPILOG = epilog("the change was refused; nothing has changed then")

ForceOption = Annotated[
    bool, typer.Option("--force", help="Trust an expired certificate, or one of an authority. Needs --reason.")
]


def command(
    alias: AliasArgument,
    reason: ReasonOption = "",
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Trust an entry that is staged.

    Running gateways load the change within a second.
    """
    need_reason(reason, force=force)
    with open_workplace(config) as workplace:
        at = now()
        changed = workplace.keystore.trust(alias, who=who or system_user(), why=reason, at=at, force=force)
        print_trusted(changed, at, as_json=as_json)
