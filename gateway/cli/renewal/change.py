"""`wssgate renewal change`: another announced date, further endpoints or contacts."""

from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.announced_date import AnnouncedOption
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, author_of, print_renewal_json
from gateway.cli.renewal.starting import need_endpoints
from gateway.cli.terminal import say
from gateway.cli.workplace import Workplace, open_workplace
from gateway.renewal import Renewal, RenewalChange, change_renewal, read_renewals

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
    contacts: Annotated[
        list[str] | None,
        typer.Option("--contact", metavar="TEXT", help="A further receiver administrator; may be repeated."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")] = "",
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Change an open renewal: the announced date, and further endpoints or contacts.

    What was said before stays in the history; nothing is ever taken out of it.
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
            further_contacts=tuple(contacts or ()),
        )
        renewal = change_renewal(workplace.engine, renewal.name, change, author_of(who))
    if as_json:
        print_renewal_json(renewal)
        return
    say(f"The renewal {renewal.name} is changed.", style="green")
    say(f"  endpoints  {', '.join(renewal.endpoints)}")
    say(f"  announced  {renewal.announced_text or 'no date'}")
    if renewal.downtime:
        say("  downtime   the receiver can hold one key only")
    for contact in renewal.contacts:
        say(f"  contact    {contact}")


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
