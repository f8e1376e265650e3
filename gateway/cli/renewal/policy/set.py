"""`wssgate renewal policy set`: how long a message can be under way, as a decision of the site."""

from datetime import timedelta
from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.instant_options import parse_length
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.renewal_options import WhoOption, author_of
from gateway.cli.renewal.starting import need_endpoints
from gateway.cli.terminal import print_json, say, warn
from gateway.cli.workplace import open_workplace
from gateway.present import duration_text
from gateway.renewal import policy_json, set_site_policy

EPILOG = PLAIN


def command(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="Of which endpoint.")],
    time: Annotated[
        timedelta,
        typer.Option(
            "--guaranteed-delivery-time",
            metavar="TIME",
            parser=parse_length,
            help="After this time no message signed with an old key can still be under way, such as 14d.",
        ),
    ],
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Whose decision it is.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What it rests on; kept for ever.")],
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Record how long the guaranteed delivery time of an endpoint is, whose decision that is, and why.

    No standard gives it a number: it is a policy of the site. The gates go by what the gateways are configured with, so
    that a word alone opens none; where the two differ, this says so.
    """
    with open_workplace(config) as workplace:
        need_endpoints(workplace, [endpoint])
        policy = set_site_policy(workplace.engine, endpoint, time, owner, reason, author_of(who))
        settings = workplace.settings.endpoints.get(endpoint)
    differs = settings is not None and settings.guaranteed_delivery_time != policy.guaranteed_delivery_time
    if as_json:
        print_json({"schema": "wssgate.renewal-policy/1", "policies": [policy_json(policy)]})
        return
    length = duration_text(policy.guaranteed_delivery_time)
    say(f"Recorded: the guaranteed delivery time of {endpoint} is {length}, decided by {policy.owner}.", style="green")
    if differs and settings is not None:
        configured = duration_text(settings.guaranteed_delivery_time)
        warn(
            f"the configuration says {configured}, and gates go by that: set guaranteed_delivery_time = "
            f'"{length}" in the table [endpoint.{endpoint}], and let every gateway read it again.'
        )
