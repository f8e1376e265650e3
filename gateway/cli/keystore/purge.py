"""`wssgate keystore purge`: the certificate of an entry that was retired is deleted."""

from gateway.cli.keystore.change_options import (
    AliasArgument,
    ForceOption,
    ReasonOption,
    WhoOption,
    need_reason,
    system_user,
)
from gateway.cli.keystore.entry_display import changed_json, print_gate, print_warnings
from gateway.cli.keystore.gate_refusals import GATED_EPILOG, gates_of, reporting_blockers
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace

EPILOG = GATED_EPILOG


def command(
    alias: AliasArgument,
    reason: ReasonOption,
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Delete the certificate of an entry that was retired; its history stays.

    What is signed with it is not even recognised any more, and its alias is free again. Refused until 90 days, or the
    longer retention of an endpoint, have passed since it was retired and since it was seen last. A certificate whose
    key is compromised is never deleted.
    """
    need_reason(reason, force=force)
    with open_workplace(config) as workplace, reporting_blockers(as_json=as_json):
        at = now()
        changed = workplace.keystore.purge(
            alias, who=who or system_user(), why=reason, at=at, gates=gates_of(workplace, at), force=force
        )
        if as_json:
            print_json(changed_json(changed, at))
            return
        say(f"{plain(changed.entry.alias)} is {plain(changed.entry.note)}.", style="green")
        say(
            f"  Keystore revision {changed.revision}; its history stays: wssgate keystore history {changed.entry.alias}"
        )
        print_gate(changed)
        print_warnings(changed.warnings)
