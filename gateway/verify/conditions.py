"""What a message is judged by, beside its own octets."""

from datetime import datetime
from typing import NamedTuple

from gateway.verify.message_parts import NO_ATTACHMENTS, Attachments
from gateway.verify.policy import Policy
from gateway.verify.request import Expectation
from keystore import TrustSnapshot


class Conditions(NamedTuple):
    """Trust, policy, instant, and what came with the message or went before it."""

    trust: TrustSnapshot
    """The entries of the endpoint; every trusted one is tried."""
    policy: Policy
    """What is demanded."""
    at: datetime
    """The one instant that decides validity and freshness, with a time zone."""
    content_type: str | None
    """The Content-Type header that came with it; empty where it came without one, None where that is not known."""
    expects: Expectation | None
    """What the request lets be expected; None where nothing is to be compared."""
    attachments: Attachments = NO_ATTACHMENTS
    """What came with the message, where that was the root of a multipart body."""


def conditions(
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    content_type: str | None,
    expects: Expectation | None,
    attachments: Attachments = NO_ATTACHMENTS,
) -> Conditions:
    """The conditions of one verification.

    Raises:
        ValueError: `at` has no time zone: a broken call, not a bad message.
    """
    if at.tzinfo is None:
        raise ValueError("the instant of verification needs a time zone")
    return Conditions(trust, policy, at, content_type, expects, attachments)
