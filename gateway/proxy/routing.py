"""From a request path to an endpoint, without room for two readings of one path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.config import EndpointSettings

_AMBIGUOUS = re.compile(r"%(?:2[ef]|5c|[01][0-9a-f]|7f)|\\|//|[^\x21-\x7e]", re.IGNORECASE)
"""Encoded dots, slashes, backslashes and control characters: what they mean is up to whoever decodes them."""
_BAD_ESCAPE = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)

_PATHS: Final = 256
"""Paths of which the route is remembered."""
_LONG_PATH: Final = 256
"""Octets of a path beyond which it is not."""


class PathRefused(Exception):  # noqa: N818 - named after what it says, like the other refusals of the door
    """A request path that could mean something else to the receiver than to the gateway."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes."""

    endpoint: str
    rest: str
    """What follows the path prefix: empty, or a raw path that starts with a slash."""


class Router:
    """Finds the endpoint of a path; where several prefixes match, the longest wins."""

    def __init__(self, endpoints: Mapping[str, EndpointSettings]) -> None:
        """Route to `endpoints`."""
        ordered = sorted(endpoints.values(), key=lambda endpoint: len(endpoint.path), reverse=True)
        self._prefixes = tuple((endpoint.path.rstrip("/"), endpoint.name) for endpoint in ordered)
        # Clients ask for the same few paths again and again. Errors are not remembered, nor is what takes memory.
        self._match_again = lru_cache(maxsize=_PATHS)(self._match)

    def match(self, raw_path: bytes) -> Route | None:
        """The route of `raw_path`, percent-encoded as it came; None where no endpoint has such a path.

        Raises:
            PathRefused: The path has dot segments, encoded slashes, or anything else that invites a second reading.
        """
        return self._match_again(raw_path) if len(raw_path) <= _LONG_PATH else self._match(raw_path)

    def _match(self, raw_path: bytes) -> Route | None:
        path = raw_path.decode("latin-1")
        _check(path)
        for prefix, name in self._prefixes:
            if path == prefix or path.startswith(f"{prefix}/"):
                return Route(name, path[len(prefix) :])
        return None


def _check(path: str) -> None:
    if not path.startswith("/"):
        raise PathRefused("the request path must start with a slash")
    if _AMBIGUOUS.search(path) or _BAD_ESCAPE.search(path):
        raise PathRefused("the request path holds encoded or doubled slashes, encoded dots or control characters")
    # A path parameter hides a dot segment from a plain comparison ("/..;/"), and some servers drop it.
    if any(segment.partition(";")[0] in {".", ".."} for segment in path.split("/")):
        raise PathRefused("the request path holds dot segments")
