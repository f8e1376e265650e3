"""`wssgate keystore retire` and `purge`: an entry is trusted no more, and later forgotten."""

from typing import Annotated

import typer

from gateway.cli.entries import print_warnings
from gateway.cli.keystore_gates import (
    EPILOG,
    AliasArgument,
    ForceOption,
    NeededReason,
    changed_json,
    gates_of,
    need_reason,
    telling_blockers,
)
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, WhoOption, now, system_user
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace

__all__ = ["EPILOG", "purge_command", "retire_command"]


def retire_command(
    alias: AliasArgument,
    reason: NeededReason,
    who: WhoOption = None,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="The private key is in wrong hands: revoke the certificate, at once."),
    ] = False,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Trust an entry no more.

    The gateway goes on recognising it: what is signed with it is rejected with the reason retired-key.

    Refused as long as it is too early: at each endpoint that the certificate is trusted for, another trusted key has to
    carry every operation, and the guaranteed delivery time has to have passed since the last message signed with this
    one; the refusal names what is missing, and the earliest safe time. Running gateways load the change within a
    second.
    """
    need_reason(reason, force=force)
    with open_workplace(config) as workplace, telling_blockers(as_json=as_json):
        at = now()
        changed = workplace.keystore.retire(
            alias,
            who=who or system_user(),
            why=reason,
            at=at,
            revoked=compromised,
            gates=gates_of(workplace, at),
            force=force,
        )
        if as_json:
            print_json(changed_json(changed, at))
            return
        say(f"{plain(changed.entry.alias)} is {plain(changed.entry.note)}.", style="green")
        say(f"  Keystore revision {changed.revision}; its signatures are still recognised, and rejected.")
        print_warnings(changed.warnings)


def purge_command(
    alias: AliasArgument,
    reason: NeededReason,
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Forget the certificate of an entry that was retired; its history stays.

    What is signed with it is not even recognised any more, and its alias is free again. Refused until 90 days, or the
    longer retention of an endpoint, have passed since it was retired and since it was seen last. A certificate whose
    key is compromised is never forgotten.
    """
    need_reason(reason, force=force)
    with open_workplace(config) as workplace, telling_blockers(as_json=as_json):
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
        print_warnings(changed.warnings)
