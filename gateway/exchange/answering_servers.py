"""Which server of the receiver gave an answer, as a field of the response or its connection tells.

Nobody signs that: it helps people to find the server that still signs with the old key, and decides nothing. It goes
into the key of roll-ups, so that of each endpoint only so many servers are told apart.
"""

import re
from typing import Final

from gateway.config import EndpointSettings
from gateway.wire import UpstreamResponse

MOST_SERVERS: Final = 64
"""Servers of one endpoint that one process tells apart: more than stand behind one address, and few enough for a field
that turns out to be different in each response."""
OTHER_SERVERS: Final = "(other servers)"
"""What those beyond are called."""
_PEER: Final = "peer"
_PRINTABLE: Final = re.compile(r"[ -~]{1,100}")


class AnsweringServers:
    """The servers that one gateway process has heard from."""

    def __init__(self) -> None:
        """Know none."""
        self._of_endpoint: dict[str, set[str]] = {}

    def name(self, endpoint: EndpointSettings, response: UpstreamResponse) -> str:
        """The server that `response` is from, as its record calls it; empty where nothing says so."""
        field = endpoint.server_field
        if field is None:
            return ""
        server = response.peer if field == _PEER else _sole_value(response, field)
        if not server:
            return ""
        known = self._of_endpoint.setdefault(endpoint.name, set())
        if server not in known:
            if len(known) >= MOST_SERVERS:
                return OTHER_SERVERS
            known.add(server)
        return server


def _sole_value(response: UpstreamResponse, field: str) -> str:
    """The value of `field`; empty where there is none, or several, or one that is no name of a server."""
    values = response.values(field.encode("ascii"))
    if len(values) != 1:
        return ""
    value = values[0].strip(" \t")
    return value if _PRINTABLE.fullmatch(value) else ""
