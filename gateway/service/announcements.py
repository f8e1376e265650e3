"""What is said about the endpoints at the start and after a reload: what each does, and what is dangerous about it."""

from collections.abc import Callable

import structlog

from gateway.config import Settings

_log = structlog.get_logger("wssgate")


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
            _log.warning(
                "no certificate is trusted for this endpoint, so that every response will be rejected; "
                "add one with: wssgate keystore add",
                endpoint=name,
            )
    for warning in settings.warnings:
        _log.warning("danger", warning=warning)
