"""`wssgate renewal list`: which renewals are open, the next due first, and what is due without one."""

from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.renewal.judged_renewals import judged, renewals_in
from gateway.cli.rich_output import cell, show
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import instant_in_table, instant_json
from gateway.renewal import Expiry, RenewalStatus, endpoints_now, expiries, measure, waiting_line

EPILOG = PLAIN


def command(
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed as well.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the renewals that are open, the next due first, and the certificates that expire without one.

    Due is what comes first of these: the announced switch, the earliest time at which the old certificate may be
    retired, and the day on which it expires.
    """
    with open_workplace(config) as workplace:
        at = now()
        renewals = renewals_in(workplace)
        wanted = list(renewals.by_name.values()) if everything else list(renewals.open)
        found = sorted(judged(workplace, renewals, wanted, at), key=_order)
        endpoints = endpoints_now(measure(workplace.engine), workplace.settings.endpoints)
        entries, every = workplace.keystore.entries(), list(renewals.by_name.values())
        due = [one for one in expiries(entries, every, at, endpoints=endpoints) if one.is_due]
    if as_json:
        print_json(_json(found, due))
        return
    if not found:
        say("No renewal was ever started." if everything else "No renewal is open.")
    for status in found:
        _print(status)
    for one in due:
        say(f"due: {one.sentence}", style="yellow")


def _order(status: RenewalStatus) -> tuple[bool, datetime, str]:
    return not status.renewal.is_open, due_at(status), status.renewal.name


def due_at(status: RenewalStatus) -> datetime:
    """What of it is due first; of a closed one when it was closed."""
    renewal = status.renewal
    if renewal.closed is not None:
        return renewal.closed.at
    times = [old.not_after for old in renewal.old]
    times += [status.judged_at] if status.may_retire else []
    times += [time for time in (renewal.announced, status.next_possible) if time is not None]
    return min(times)


def _print(status: RenewalStatus) -> None:
    renewal, step = status.renewal, status.step
    olds = ", ".join(str(old.alias) for old in renewal.old)
    if renewal.closed is not None:
        state = f"{renewal.closed.how} {instant_in_table(renewal.closed.at)}"
    else:
        state = "every step is settled" if step is None else f"step {step.number} of 8 {step.mark}"
    say(
        f"{plain(renewal.name)}: {olds} -> {renewal.new.alias} at {', '.join(renewal.endpoints)}; {state}", style="bold"
    )
    line = waiting_line(status)
    if line:
        show(cell(f"  {line}"))
    for warning in status.warnings[:1] if renewal.is_open else ():
        more = f" (and {len(status.warnings) - 1} more warnings)" if len(status.warnings) > 1 else ""
        show(cell(f"  ! {warning}{more}", "yellow"))


def _json(found: list[RenewalStatus], due: list[Expiry]) -> dict[str, object]:
    return {
        "schema": "wssgate.renewals/1",
        "renewals": [
            {
                "name": status.renewal.name,
                "open": status.renewal.is_open,
                "closed": None if status.renewal.closed is None else str(status.renewal.closed.how),
                "old": [str(old.alias) for old in status.renewal.old],
                "new": str(status.renewal.new.alias),
                "endpoints": list(status.renewal.endpoints),
                "step": None if status.step is None else status.step.number,
                "mark": None if status.step is None else str(status.step.mark),
                "waiting_for": status.waiting_for,
                "since": instant_json(status.since),
                "next_possible": instant_json(status.next_possible),
                "may_retire": status.may_retire,
                "due": instant_json(due_at(status)),
                "relapses": sum(not one.is_over for one in status.relapses),
                "warnings": list(status.warnings),
            }
            for status in found
        ],
        "due_without_renewal": [{"alias": str(one.alias), "not_after": instant_json(one.not_after)} for one in due],
    }
