"""`wssgate renewal policy list`: the guaranteed delivery times, side by side."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import Workplace, open_workplace
from gateway.config import DEFAULT_DELIVERY_TIME
from gateway.present import duration_text
from gateway.renewal import Evidence, SitePolicy, measure, policy_json, read_renewals

EPILOG = PLAIN

_STILL: Final = timedelta(minutes=2)


def command(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the guaranteed delivery times: as decided, as configured, and as the gateways serve.

    Gates go by the longest that gateways served, or are configured to serve. A time that nobody decided is the default.
    """
    with open_workplace(config) as workplace:
        rows = _rows(workplace)
    if as_json:
        print_json({"schema": "wssgate.renewal-policy/1", "policies": [_json(row) for row in rows]})
        return
    if not rows:
        say("There is no endpoint.")
        return
    shown = table("endpoint", "decided", "configured", "served", "owner", "reason")
    for row in rows:
        policy = row.policy
        decided = None if policy is None else policy.guaranteed_delivery_time
        agrees = len({one for one in (decided, row.configured, row.served) if one is not None}) == 1
        shown.add_row(
            cell(row.endpoint),
            cell("nobody" if decided is None else duration_text(decided), "" if policy is not None else "yellow"),
            cell(_length(row.configured) + (" (default)" if row.is_default else ""), "" if agrees else "yellow"),
            cell(_length(row.served), "" if agrees else "yellow"),
            cell("" if policy is None else policy.owner),
            cell("" if policy is None else policy.reason),
        )
    show(shown)


@dataclass(frozen=True, slots=True)
class _Row:
    """One endpoint."""

    endpoint: str
    policy: SitePolicy | None
    configured: timedelta | None
    is_default: bool
    served: timedelta | None
    """The longest that any of the gateways serves, by what they told last."""


def _rows(workplace: Workplace) -> list[_Row]:
    policies = read_renewals(workplace.engine).policies
    evidence = measure(workplace.engine)
    settings = workplace.settings.endpoints
    rows = []
    for name in sorted({*policies, *settings, *evidence.recorded()}):
        configured = settings.get(name)
        rows.append(
            _Row(
                name,
                policies.get(name),
                None if configured is None else configured.guaranteed_delivery_time,
                configured is not None and configured.guaranteed_delivery_time == DEFAULT_DELIVERY_TIME,
                _served(evidence, name),
            )
        )
    return rows


def _served(evidence: Evidence, name: str) -> timedelta | None:
    found = evidence.recorded().get(name)
    if found is None or not found.policies:
        return None
    # Every gateway that serves tells so twice a minute; one of them told so last.
    last = max(policy.during.end for policy in found.policies) - _STILL
    return max(policy.guaranteed_delivery_time for policy in found.policies if policy.during.end >= last)


def _json(row: _Row) -> dict[str, object]:
    decided = {"endpoint": row.endpoint} if row.policy is None else policy_json(row.policy)
    return {
        **decided,
        "configured_seconds": None if row.configured is None else row.configured.total_seconds(),
        "configured_default": row.is_default,
        "served_seconds": None if row.served is None else row.served.total_seconds(),
    }


def _length(length: timedelta | None) -> str:
    return "-" if length is None else duration_text(length)
