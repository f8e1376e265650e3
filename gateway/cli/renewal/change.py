"""`wssgate renewal change`: another announced date, further endpoints or contacts; it becomes an emergency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.keystore.gate_refusals import gates_of, instant_of_revoking
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.announced_date import AnnouncedOption
from gateway.cli.renewal.renewal_entries import entry_of
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, author_of, print_renewal_json
from gateway.cli.renewal.starting import broken_cells, need_endpoints, say_revoked
from gateway.cli.terminal import say, warn
from gateway.cli.workplace import Workplace, open_workplace
from gateway.renewal import Author, Renewal, RenewalChange, change_renewal, read_renewals, refuse_change

EPILOG = epilog("refused, because the renewal is closed, or another one covers that endpoint; nothing has changed then")


def command(
    name: RenewalArgument = None,
    announced: AnnouncedOption = None,
    no_announced: Annotated[bool, typer.Option("--no-announced", help="No date is announced any more.")] = False,
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="It is about this endpoint as well; may be repeated."),
    ] = None,
    downtime: Annotated[
        bool | None, typer.Option("--downtime/--no-downtime", help="Whether the receiver switches in a downtime.")
    ] = None,
    compromised: Annotated[
        bool,
        typer.Option(
            "--compromised", help="It has become an emergency: the old key is in wrong hands. It is revoked now."
        ),
    ] = False,
    contacts: Annotated[
        list[str] | None,
        typer.Option("--contact", metavar="TEXT", help="A further receiver administrator; may be repeated."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")] = "",
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Change an open renewal: its announced date, endpoints, contacts; or it becomes an emergency.

    With --compromised the old certificate is revoked at once, everywhere, and what breaks by that is told. What was
    said before stays in the history; nothing is ever taken out of it.
    """
    if announced is not None and no_announced:
        raise WrongUse("--announced and --no-announced contradict each other: give one of them.")
    with open_workplace(config) as workplace:
        renewal = read_renewals(workplace.engine).named(name)
        need_endpoints(workplace, endpoints or ())
        _refuse_unmeant(workplace, renewal, endpoints or ())
        change = RenewalChange(
            reason=reason,
            further_endpoints=tuple(endpoints or ()),
            announced=None if announced is None else announced.at,
            announced_text="" if announced is None else announced.text,
            takes_date_back=no_announced,
            downtime=downtime,
            compromised=compromised,
            further_contacts=tuple(contacts or ()),
        )
        author = author_of(who)
        refuse_change(read_renewals(workplace.engine), renewal.name, change)
        revoked = _revoke(workplace, renewal, author, reason) if compromised else None
        renewal = change_renewal(workplace.engine, renewal.name, change, author)
    if as_json:
        print_renewal_json(renewal, () if revoked is None else (*revoked.warnings, *revoked.broken))
        return
    say(f"The renewal {renewal.name} is changed.", style="green")
    if revoked is not None:
        say_revoked(renewal, revoked.broken)
        for warning in revoked.warnings:
            warn(warning)
    say(f"  endpoints  {', '.join(renewal.endpoints)}")
    say(f"  announced  {renewal.announced_text or 'no date'}")
    if renewal.downtime:
        say("  downtime   the receiver can hold one key only")
    for contact in renewal.contacts:
        say(f"  contact    {contact}")


@dataclass(frozen=True, slots=True)
class _Revoked:
    """What a revocation brought about."""

    broken: Sequence[str]
    """What breaks by it, a line for each operation of a server."""
    warnings: Sequence[str]


def _revoke(workplace: Workplace, renewal: Renewal, author: Author, reason: str) -> _Revoked:
    """Revoke the old certificates, in one revision; before it is said, so that nothing holds it up."""
    entries = workplace.keystore.entries()
    old = [entry for one in renewal.old if (entry := entry_of(entries, one)) is not None]
    broken = broken_cells(workplace, old)
    if all(entry.revoked for entry in old):
        return _Revoked(broken, ())
    at = instant_of_revoking(workplace, author.told_at)
    why = reason or f"the renewal {renewal.name} is an emergency"
    warnings: list[str] = []
    with workplace.keystore.revising(who=author.who, why=why, at=at, gates=gates_of(workplace, at)) as draft:
        for entry in old:
            if not entry.revoked:
                warnings += draft.retire(entry.alias, revoked=True).warnings
    return _Revoked(broken, warnings)


def _refuse_unmeant(workplace: Workplace, renewal: Renewal, endpoints: list[str] | tuple[()]) -> None:
    """See to it that the new certificate is meant for what it shall be renewed at."""
    for entry in workplace.keystore.entries():
        if entry.thumbprint != renewal.new.thumbprint or entry.endpoints is None:
            continue
        for endpoint in endpoints:
            if endpoint not in entry.endpoints:
                others = " ".join(f"--endpoint {one}" for one in sorted({*entry.endpoints, endpoint}))
                raise ChangeRefused(
                    f"{entry.alias} is not meant for the endpoint {endpoint}: say so first, with wssgate keystore set "
                    f"{entry.alias} {others}."
                )
