"""`wssgate keystore restore`: an entry that was retired is trusted again."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import epilog
from gateway.cli.keystore.change_options import AliasArgument, ReasonOption, WhoOption, need_reason, system_user
from gateway.cli.keystore.entry_display import print_trusted
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.workplace import open_workplace

EPILOG = epilog("the change was refused; nothing has changed then")

ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Trust an expired or compromised certificate, or one of an authority."),
]


def command(
    alias: AliasArgument,
    reason: ReasonOption,
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Trust an entry again that was retired.

    Running gateways load the change within a second.
    """
    need_reason(reason, force=force, always="keystore restore")
    with open_workplace(config) as workplace:
        at = now()
        changed = workplace.keystore.restore(alias, who=who or system_user(), why=reason, at=at, force=force)
        print_trusted(changed, at, as_json=as_json)
