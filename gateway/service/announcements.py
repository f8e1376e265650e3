"""What is said about the endpoints at the start and after a reload: what each does, and what is dangerous about it."""

from collections.abc import Callable

import structlog

from gateway.config import Settings
from gateway.vocabulary import Mode

_log = structlog.get_logger("wssgate")


def traffic_scheme(settings: Settings) -> str:
    """How clients address the gateway."""
    return "http" if settings.gateway.tls_certificate is None else "https"


def announce_endpoints(settings: Settings, trusted_aliases: Callable[[str], tuple[str, ...]]) -> None:
    """Write a log line for each endpoint, and one for each thing that an operator should know about it."""
    for name, endpoint in settings.endpoints.items():
        aliases = trusted_aliases(name)
        _log.info(
            "endpoint",
            endpoint=name,
            path=endpoint.path,
            upstream=endpoint.upstream,
            mode=str(endpoint.mode),
            trusted=", ".join(aliases),
        )
        if not aliases:
            what = (
                "every response will be rejected"
                if endpoint.mode is Mode.ENFORCE
                else "every response will be delivered, and recorded as one that does not verify"
            )
            _log.warning(
                f"no certificate is trusted for this endpoint, so that {what}; add one with: wssgate keystore add",
                endpoint=name,
            )
    for warning in settings.warnings:
        _log.warning("danger", warning=warning)


def endpoints_status(settings: Settings, trusted_aliases: Callable[[str], tuple[str, ...]]) -> dict[str, object]:
    """The same for /readyz, by endpoint."""
    return {
        name: {
            "path": endpoint.path,
            "mode": str(endpoint.mode),
            "trusted": list(trusted_aliases(name)),
            "dangers": list(endpoint.dangers),
        }
        for name, endpoint in settings.endpoints.items()
    }
