"""Whether anybody decided how long a message may be under way: a policy of the site, with an owner and a reason."""

from datetime import timedelta

from gateway.config import DEFAULT_DELIVERY_TIME
from gateway.present import duration_text
from gateway.renewal.plan.renewal import SitePolicy


def policy_warnings(endpoint: str, configured: timedelta, policy: SitePolicy | None) -> list[str]:
    """What speaks against the guaranteed delivery time that is `configured` for an endpoint.

    The default counts as decided by nobody, also where the configuration says it: `wssgate init` writes it there.
    """
    if policy is None:
        if configured != DEFAULT_DELIVERY_TIME:
            return []
        return [
            f"{endpoint}: the guaranteed delivery time of {duration_text(configured)} is the default, which nobody "
            "decided: ask how long a message can be under way, set it in the configuration, and record whose decision "
            f"it is with wssgate renewal policy set {endpoint}"
        ]
    if policy.guaranteed_delivery_time == configured:
        return []
    return [
        f"{endpoint}: {policy.owner} decided on a guaranteed delivery time of "
        f"{duration_text(policy.guaranteed_delivery_time)}, and the configuration says {duration_text(configured)}: "
        "gates go by the configuration, so set it there"
    ]
