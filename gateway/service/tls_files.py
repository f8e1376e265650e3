"""The files that TLS needs, towards clients and receivers: whether they can be used."""

from gateway.config import ConfigurationError, Settings
from gateway.wire import client_tls_context, tls_context


def tls_problems(settings: Settings) -> list[str]:
    """What cannot be used, one sentence each; none where all is well."""
    problems: list[str] = []
    try:
        client_tls_context(settings.gateway)
    except ConfigurationError as error:
        problems += error.problems
    for endpoint in settings.endpoints.values():
        try:
            tls_context(endpoint)
        except ConfigurationError as error:
            problems += error.problems
    return problems
