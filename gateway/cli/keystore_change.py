"""`wssgate keystore trust` and `retire`: an entry changes its state."""

from typing import Annotated

import typer

from gateway.cli.entries import entry_json, print_warnings
from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, WhoOption, now, system_user
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace
from keystore import State
from keystore.store import Changed

EPILOG = epilog("the change was refused; nothing has changed then")

AliasArgument = Annotated[str, typer.Argument(metavar="ALIAS", help="Name of the entry.")]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the history and the diagnosis.")]


def trust_command(
    alias: AliasArgument,
    why: WhyOption = "",
    who: WhoOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Trust an expired or revoked certificate, or one of an authority.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Trust an entry that is staged, or one that was retired by mistake.

    Running gateways load the change within a second.
    """
    with open_workplace(config) as workplace:
        at = now()
        is_retired = workplace.keystore.get(alias).state_at(at) is State.RETIRED
        change = workplace.keystore.restore if is_retired else workplace.keystore.trust
        changed = change(alias, who=who or system_user(), why=why, at=at, force=force)
        if as_json:
            print_json(_json(changed))
            return
        say(f"{changed.entry.alias} is trusted now, keystore revision {changed.revision}.", style="green")
        print_warnings(changed.warnings)


def retire_command(
    alias: AliasArgument,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the history and the diagnosis.")],
    who: WhoOption = None,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="The private key is in wrong hands: revoke the certificate.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Trust an entry no more.

    The gateway goes on recognising it: what is signed with it is rejected with the reason retired-key. Do this after
    the guaranteed delivery time, when nothing signed with the old key can be under way any more; wssgate report cutover
    tells when it was seen last. Running gateways load the change within a second.
    """
    with open_workplace(config) as workplace:
        changed = workplace.keystore.retire(alias, who=who or system_user(), why=why, at=now(), revoked=compromised)
        if as_json:
            print_json(_json(changed))
            return
        say(f"{changed.entry.alias} is {changed.entry.note or 'retired'}.", style="green")
        say(f"  Keystore revision {changed.revision}; its signatures are still recognised, and rejected.")
        if changed.still_trusted_through:
            others = ", ".join(changed.still_trusted_through)
            say(f"  The same public key stays trusted through {plain(others)}.", style="yellow")
        print_warnings(changed.warnings)


def _json(changed: Changed) -> dict[str, object]:
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": changed.revision,
        "entries": [entry_json(changed.entry, now())],
        "warnings": list(changed.warnings),
        "still_trusted_through": [str(alias) for alias in changed.still_trusted_through],
    }
