"""`wssgate report expiry`: which certificates expire, and whether anybody renews them."""

import typer

from gateway.cli.exit_codes import ExitCode, epilog
from gateway.cli.instant_options import WithinOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import day_text, duration_text
from gateway.renewal import DUE_WITHIN, endpoints_now, expiries, expiry_json, measure, read_renewals

EPILOG = epilog("a trusted certificate expires within that time, or has expired, and no renewal is open for it")


def command(
    within: WithinOption = DUE_WITHIN, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """Which certificates expire, and whether a renewal is open for them.

    All that are trusted or staged, the next to expire first. Due is one that is trusted, expires within that time, and
    that no open renewal replaces at every endpoint at which it is trusted.
    """
    with open_workplace(config) as workplace:
        at = now()
        renewals = list(read_renewals(workplace.engine).by_name.values())
        endpoints = endpoints_now(measure(workplace.engine), workplace.settings.endpoints)
        found = expiries(workplace.keystore.entries(), renewals, at, within, endpoints=endpoints)
    due = [one for one in found if one.is_due]
    if as_json:
        print_json(expiry_json(found, at, within))
    else:
        if found:
            shown = table("alias", "state", "endpoints", "expires", "days left", "renewal", numbers=("days left",))
            for one in found:
                renewal = one.renewal or ("none: due" if one.is_due else "-")
                renewal += f", not about {', '.join(one.left_out)}" if one.left_out else ""
                shown.add_row(
                    cell(one.alias),
                    cell(one.state),
                    cell("all" if one.endpoints is None else ", ".join(sorted(one.endpoints))),
                    cell(day_text(one.not_after)),
                    cell(f"{one.days_left:,}"),
                    cell(renewal, "yellow" if one.is_due else ""),
                )
            show(shown)
        for one in due:
            say(one.sentence, style="yellow")
        if not due:
            say(f"Nothing that is trusted expires within {duration_text(within)} without a renewal.")
    if due:
        raise typer.Exit(ExitCode.FINDINGS)
