"""`wssgate keystore retire`: an entry is trusted no more, and still recognised."""

from typing import Annotated

import typer

from gateway.cli.keystore.change_options import (
    AliasArgument,
    ForceOption,
    ReasonOption,
    WhoOption,
    need_reason,
    system_user,
)
from gateway.cli.keystore.entry_display import changed_json, print_gate, print_warnings
from gateway.cli.keystore.gate_refusals import GATED_EPILOG, gates_of, instant_of_revoking, reporting_blockers
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace

EPILOG = GATED_EPILOG


def command(
    alias: AliasArgument,
    reason: ReasonOption,
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
    with open_workplace(config) as workplace, reporting_blockers(as_json=as_json):
        at = instant_of_revoking(workplace, now()) if compromised else now()
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
        print_gate(changed)
        print_warnings(changed.warnings)
