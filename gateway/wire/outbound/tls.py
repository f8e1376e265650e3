"""TLS towards a receiver: verification is always on; a CA file replaces the system's authorities."""

import ssl
from urllib.parse import urlsplit

from gateway.config import ConfigurationError, EndpointSettings


def tls_context(endpoint: EndpointSettings) -> ssl.SSLContext | None:
    """The TLS context for the receiver of `endpoint`; None where its URL is http.

    Raises:
        ConfigurationError: A file of the endpoint cannot be read or does not hold what it must.
    """
    if urlsplit(endpoint.upstream).scheme != "https":
        return None
    key = f"endpoint.{endpoint.name}"
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_file)
    except FileNotFoundError as error:
        raise ConfigurationError([f"{key}.ca_file = {endpoint.ca_file}: there is no such file"]) from error
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            [f"{key}.ca_file = {endpoint.ca_file}: no certificates can be read from it ({error}); use a PEM file"]
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if endpoint.client_certificate is not None:
        _load_client_certificate(context, endpoint, key)
    return context


def _load_client_certificate(context: ssl.SSLContext, endpoint: EndpointSettings, key: str) -> None:
    certificate = endpoint.client_certificate
    if certificate is None:
        return
    for name, file in (("client_certificate", certificate), ("client_key", endpoint.client_key)):
        if file is not None and not file.is_file():
            raise ConfigurationError([f"{key}.{name} = {file}: there is no such file"])
    try:
        # An empty password makes an encrypted key fail at once instead of asking at the terminal.
        context.load_cert_chain(certificate, endpoint.client_key, password="")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            [
                f"{key}.client_certificate = {certificate}: certificate and key cannot be used together ({error}); "
                "use PEM files that belong together, the key not encrypted"
            ]
        ) from error
