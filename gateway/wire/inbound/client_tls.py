"""TLS towards clients: what new connections are greeted with, and who is let in."""

import ssl
from pathlib import Path
from typing import Final

from gateway.config import ConfigurationError, GatewaySettings

_PROTOCOLS: Final = ["http/1.1"]


class ClientTls:
    """The TLS of a listener. A reload replaces its context; connections go on with the one that they began with."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Greet with `context`."""
        self.context = context


def client_tls_context(gateway: GatewaySettings) -> ssl.SSLContext | None:
    """The TLS context for clients; None where they are served without TLS.

    Raises:
        ConfigurationError: A file cannot be read or does not hold what it must.
    """
    certificate, authorities = gateway.tls_certificate, gateway.tls_client_ca
    if certificate is None:
        return None
    for name, file in (("tls_certificate", certificate), ("tls_key", gateway.tls_key), ("tls_client_ca", authorities)):
        if file is not None:
            _need(name, file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_PROTOCOLS)
    # A client that starts a handshake anew on its connection only costs time (CVE-2011-1473).
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # An empty password makes an encrypted key fail at once instead of asking at the terminal.
        context.load_cert_chain(certificate, gateway.tls_key, password="")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            [
                f"gateway.tls_certificate = {certificate}: certificate and key cannot be used together ({error}); use "
                "PEM files that belong together, the certificate first, the key not encrypted"
            ]
        ) from error
    if authorities is not None:
        try:
            context.load_verify_locations(authorities)
        except (OSError, ValueError) as error:
            problem = f"no certificates can be read from it ({error}); use a PEM file"
            raise ConfigurationError([f"gateway.tls_client_ca = {authorities}: {problem}"]) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _need(name: str, file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except FileNotFoundError as error:
        raise ConfigurationError([f"gateway.{name} = {file}: there is no such file"]) from error
    except OSError as error:
        raise ConfigurationError(
            [f"gateway.{name} = {file}: it cannot be read ({error.strerror}); let the gateway's user read it"]
        ) from error
