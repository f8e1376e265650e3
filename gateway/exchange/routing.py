"""From a request path to an endpoint, without room for two readings of one path.

The path goes to the receiver as it came. What the receiver makes of it is not known here: it may decode it once or
twice, normalize it, strip what its file system strips. A path is forwarded only where all of these readings stay below
the same endpoint.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.config import EndpointSettings

_AMBIGUOUS: Final = re.compile(r"%(?:2[5ef]|5c|[01][0-9a-f]|7f)|\\|//|[^\x21-\x7e]", re.IGNORECASE)
"""Encoded percent signs, dots, slashes, backslashes and control characters: what they mean is up to whoever decodes
them, and how often."""
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
"""Also `%u002e`, which some servers decode."""
_LOOKALIKES: Final = re.compile("[\u2044\u2215\u29f8\u2216\u29f5\u29f9\u066a\u00a5\u20a9]")
"""Slashes, backslashes and percent signs that Unicode keeps apart from those of ASCII, and that code pages do not:
Windows maps the division slash to a slash, and Japanese and Korean code pages have the currency sign in the place of
the backslash."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_END_OF_NAME: Final = re.compile(r"[;?#]")
"""Where a segment's name may end: at a path parameter, or at a query or fragment that was encoded."""
_STRIPPED: Final = " .\u3002"
"""What Windows strips from the end of a name, with the ideographic full stop, which is a dot in host names."""

_PATHS: Final = 256
"""Paths of which the route is remembered."""
_LONG_PATH: Final = 256
"""Octets of a path beyond which it is not."""


class PathRefused(Exception):  # noqa: N818 - named after what it says, like the other refusals here
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
        _lenient_reading(path)
        route = self._find(path)
        if route is None or not route.rest:
            return route
        # "/orders/%6fld" and "/orders/old;x" would get past an endpoint at "/orders/old" by way of that at "/orders".
        other = self._find(path.removesuffix(route.rest) + _lenient_reading(route.rest))
        if other is None or other.endpoint != route.endpoint:
            raise PathRefused("the request path can be read as that of another endpoint")
        return route

    def _find(self, path: str) -> Route | None:
        for prefix, name in self._prefixes:
            if path == prefix or path.startswith(f"{prefix}/"):
                return Route(name, path[len(prefix) :])
        return None


def _lenient_reading(path: str) -> str:
    """What the most lenient receiver makes of `path`: decoded, normalized, each segment cut down to its name.

    Raises:
        PathRefused: It would find segments that are not there in `path`, or that lead elsewhere.
    """
    if not path.startswith("/"):
        raise PathRefused("the request path must start with a slash")
    if _AMBIGUOUS.search(path) or _BAD_ESCAPE.search(path):
        raise PathRefused(
            "the request path holds encoded or doubled slashes, encoded dots or percent signs, or control characters"
        )
    names = [_END_OF_NAME.split(segment, maxsplit=1)[0] for segment in _normalized(path).split("/")]
    if any(_is_dots(name) for name in names):
        raise PathRefused("the request path holds dot segments")
    names = [name.lstrip(" ").rstrip(_STRIPPED) for name in names]
    if not all(names[1:-1]):
        raise PathRefused("the request path holds a segment without a name")
    return "/".join(names)


def _is_dots(name: str) -> bool:
    """Whether nothing is left of `name` but dots: a plus may be decoded as a space, a colon begins a stream of NTFS."""
    bare = name.partition(":")[0].replace("+", " ").strip(" ")
    return bool(bare) and not bare.strip(_STRIPPED)


def _normalized(path: str) -> str:
    """`path` decoded and in Unicode's normalization form KC, which knows full-width letters and the like for ASCII."""
    if "%" not in path:
        return path
    try:
        decoded = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        # Overlong forms of dots and slashes as well, which lenient decoders know (RFC 3629, 10).
        raise PathRefused("the request path is not in UTF-8") from None
    normalized = unicodedata.normalize("NFKC", decoded)
    if (
        _CONTROL.search(normalized)
        or _LOOKALIKES.search(normalized)
        or any(normalized.count(sign) != path.count(sign) for sign in "./\\")
        or "%" in normalized
    ):
        raise PathRefused("the request path holds dots, slashes, percent signs or controls in another spelling")
    return normalized.translate({ord(character): _seen(character) for character in set(normalized)})


def _seen(character: str) -> str:
    """What a reader that ignores characters without a width, as some file systems do, has for `character`."""
    category = unicodedata.category(character)
    return " " if category[0] == "Z" else "" if category in {"Cf", "Mn"} else character
