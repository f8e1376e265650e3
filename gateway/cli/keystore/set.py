"""`wssgate keystore set`: an entry is trusted on other terms, or under another name."""

from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.instant_options import parse_instant
from gateway.cli.keystore.change_options import (
    AliasArgument,
    ForceOption,
    ReasonOption,
    ReplacesOption,
    WhoOption,
    need_reason,
    system_user,
)
from gateway.cli.keystore.entry_display import changed_json, names_of, print_entry, print_gate, print_warnings
from gateway.cli.keystore.gate_refusals import GATED_EPILOG, gates_of, reporting_blockers
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from keystore.store import Terms

EPILOG = GATED_EPILOG

_NEVER = "never"


def _instant_or_never(text: str | datetime) -> str | datetime:
    return _NEVER if text == _NEVER else parse_instant(text)


def command(
    alias: AliasArgument,
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="Trust it for this endpoint only; may be repeated."),
    ] = None,
    all_endpoints: Annotated[bool, typer.Option("--all-endpoints", help="Trust it for every endpoint.")] = False,
    trusted_from: Annotated[
        datetime | None,
        typer.Option(
            "--from", metavar="RFC3339", parser=_instant_or_never, help="Trust it from this instant on; or: never."
        ),
    ] = None,
    trusted_until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            metavar="RFC3339",
            parser=_instant_or_never,
            help="End the trust at this instant, if that is safe then; else it goes on, with an alarm; or: never.",
        ),
    ] = None,
    replaces: ReplacesOption = None,
    no_replaces: Annotated[bool, typer.Option("--no-replaces", help="It is nobody's successor after all.")] = False,
    new_alias: Annotated[str | None, typer.Option("--alias", metavar="NAME", help="Give it another name.")] = None,
    reason: ReasonOption = "",
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Change for which endpoints, from when and until when an entry is trusted, whose successor it is, or its name.

    "never" takes an instant away. What takes trust away passes the same gate as retire; an end passes it now, and again
    when it is due, and retires the entry at once where it has passed already. Running gateways load the change within a
    second.
    """
    if endpoints and all_endpoints:
        raise WrongUse("--endpoint and --all-endpoints contradict each other: give one of them.")
    if replaces and no_replaces:
        raise WrongUse("--replaces and --no-replaces contradict each other: give one of them.")
    if not (endpoints or all_endpoints or trusted_from or trusted_until or replaces or no_replaces or new_alias):
        raise WrongUse(
            "Say what to change: --endpoint, --all-endpoints, --from, --until, --replaces, --no-replaces or --alias."
        )
    need_reason(reason, force=force)
    with open_workplace(config) as workplace, reporting_blockers(as_json=as_json):
        for endpoint in endpoints or []:
            workplace.endpoint(endpoint)
        at = now()
        entry = workplace.keystore.get(alias)
        terms = Terms(
            frozenset(endpoints) if endpoints else None if all_endpoints else entry.endpoints,
            _changed(trusted_from, entry.trusted_from),
            _changed(trusted_until, entry.trusted_until),
            frozenset(workplace.keystore.get(old).thumbprint for old in replaces)
            if replaces
            else frozenset(() if no_replaces else entry.replaces),
        )
        changed = workplace.keystore.adjust(
            alias,
            terms,
            new_alias=new_alias,
            who=who or system_user(),
            why=reason,
            at=at,
            gates=gates_of(workplace, at),
            force=force,
        )
        if as_json:
            print_json(changed_json(changed, at))
            return
        say(f"{changed.entry.alias} is changed, keystore revision {changed.revision}.", style="green")
        print_entry(changed.entry, at, names_of(workplace.keystore.entries()))
        print_gate(changed)
        print_warnings(changed.warnings)


def _changed(given: datetime | str | None, present: datetime | None) -> datetime | None:
    """The instant that was given; "never" is none, and where nothing was given the present one stays."""
    if given is None:
        return present
    return given if isinstance(given, datetime) else None
