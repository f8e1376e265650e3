"""When xmlsec is asked as well, and what becomes of its answer."""

import time
from random import SystemRandom
from typing import Final

from gateway.attachments import OpenedBody
from gateway.config import ConfigurationError, EndpointSettings, Settings
from gateway.cross_check import CrossCheck, JudgeUnavailable, disputed, require_judge, second_opinion
from gateway.made_often import made_often
from gateway.verify import Verdict
from keystore import TrustSnapshot

_DICE: Final = SystemRandom()
"""Nobody outside shall know which messages are looked at twice."""


@made_often(frozen=True, slots=True)
class Reviewed:
    """A verdict after a second opinion was asked, where it was."""

    verdict: Verdict
    """Rejected as `disputed`, where the endpoint wants two opinions to agree and they do not."""
    opinion: CrossCheck | None = None
    seconds: float = 0.0


def reviewed(verdict: Verdict, opened: OpenedBody, endpoint: EndpointSettings, trust: TrustSnapshot) -> Reviewed:
    """Ask for a second opinion on a message, if it was accepted and the endpoint's configuration says so."""
    if not verdict.accepted or not _is_wanted(endpoint):
        return Reviewed(verdict)
    started = time.perf_counter()
    opinion = second_opinion(
        opened.message,
        verdict,
        trust,
        endpoint.policy,
        content_type=opened.content_type,
        attachments=opened.attachments,
    )
    if endpoint.second_opinion == "always":
        verdict = disputed(verdict, opinion)
    return Reviewed(verdict, opinion, time.perf_counter() - started)


def _is_wanted(endpoint: EndpointSettings) -> bool:
    match endpoint.second_opinion:
        case "off":
            return False
        case "sample":
            return _DICE.random() < endpoint.second_opinion_rate
        case "always":
            return True


def require_judges(settings: Settings) -> None:
    """Make sure that the second opinions that `settings` want can be given.

    Raises:
        ConfigurationError: libxmlsec cannot be loaded, and an endpoint relies on it.
    """
    wanting = [name for name, endpoint in settings.endpoints.items() if endpoint.second_opinion != "off"]
    if not wanting:
        return
    try:
        require_judge()
    except JudgeUnavailable as error:
        problem = f'{error}; or set second_opinion = "off"'
        raise ConfigurationError(
            [f"{settings.source}: endpoint.{name}.second_opinion: {problem}" for name in wanting]
        ) from error
