"""The gateway that runs on this machine, asked at its operator's listener."""

import http.client
import json
from typing import Any

from gateway.config import ListenAddress

_SECONDS = 2
_LIMIT = 1024 * 1024


def running_gateway(admin: ListenAddress) -> dict[str, Any] | None:
    """What a gateway on this machine says at /readyz; None where none answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(admin.host, admin.host)  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(host, admin.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        found = json.loads(connection.getresponse().read(_LIMIT))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) and "status" in found else None
