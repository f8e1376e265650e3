"""Header fields by their names: which end at this hop, and which cross to the receiver (RFC 9110, 7.6.1).

Which of them reach the client is decided in `gateway.exchange.release`.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

Headers = Iterable[tuple[bytes, bytes]]
"""Raw header fields in their order."""

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
_MADE_ANEW_FOR_UPSTREAM = frozenset({b"host", b"content-length", b"expect", b"accept-encoding"})
_OWN_PREFIX = b"wssgate-"
ACCEPT_ENCODING = "gzip, deflate"
"""What the gateway can decode under a cap."""
_INVALID_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNMISTAKABLE = re.compile(rb"[0-9A-Za-z-]+")
"""A CGI gets `X_Forwarded_For` and `Content_Length` under the names of the fields with hyphens (RFC 3875, 4.1.18), and
some servers put an underscore in the place of any sign."""


class _Name:
    """What a field is by its name alone."""

    __slots__ = ("crosses", "is_hop_by_hop", "is_token", "lowered", "text")

    def __init__(self, name: bytes) -> None:
        self.lowered = name.lower()
        self.is_token = _TOKEN.fullmatch(name) is not None
        self.is_hop_by_hop = self.lowered in _HOP_BY_HOP
        self.text = self.lowered.decode("latin-1")
        self.crosses = (
            _UNMISTAKABLE.fullmatch(name) is not None
            and not self.is_hop_by_hop
            and not self.lowered.startswith(_OWN_PREFIX)
        )


class _Names(dict[bytes, _Name]):
    """The names that are known: the same few come with every message. Values are never kept, they may be secrets."""

    _MOST: Final = 512
    _LONGEST: Final = 64
    """Octets; with the number of names it bounds the memory that a stranger can have filled."""

    def __missing__(self, name: bytes) -> _Name:
        known = _Name(name)
        if len(name) <= self._LONGEST:
            if len(self) >= self._MOST:
                self.clear()  # whoever made up so many shall not have put out those that come again
            self[name] = known
        return known


_NAMES: Final = _Names()


def request_headers(headers: Headers) -> list[tuple[str, str]]:
    """The header fields of a request as they go to the receiver; Host and framing are made where it is sent.

    A character stands for an octet (ISO-8859-1): values keep their octets, whatever they mean (RFC 9110, 5.5).
    """
    forwarded = [
        (name.text, value.decode("latin-1"))
        for name, value in _end_to_end(headers)
        if name.lowered not in _MADE_ANEW_FOR_UPSTREAM
    ]
    forwarded.append(("accept-encoding", ACCEPT_ENCODING))
    return forwarded


def passing(headers: Headers, allowed: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    """The fields of `headers` that are called by one of the names `allowed`, in lower case, and do not end at this hop.

    In the order in which they came; without values that cannot be passed on.
    """
    fields = []
    named_by_connection: set[bytes] = set()
    for field, value in headers:
        name = _NAMES[field].lowered
        if name in allowed:
            if is_field_value(value):
                fields.append((name, value))
        elif name == b"connection":
            named_by_connection.update([token.strip().lower() for token in value.split(b",")])
    if named_by_connection:
        return [field for field in fields if field[0] not in named_by_connection]
    return fields


def is_field_value(value: bytes) -> bool:
    """Whether `value` is one of a header field: nothing in it ends the line or is taken for something else."""
    return _INVALID_VALUE.search(value) is None


def unforwardable_field(headers: Headers) -> str | None:
    """The name of the first header field that is meant for the client and cannot be passed on; None without any."""
    for field, value in headers:
        name = _NAMES[field]
        if name.is_hop_by_hop:
            continue
        if not name.is_token:
            return "with a name that is none"
        if _INVALID_VALUE.search(value):
            return field.decode("ascii")
    return None


def single(headers: Headers, name: bytes) -> bytes | None:
    """The value of the first header field called `name`, in lower case; None where there is none."""
    for key, value in headers:
        if _NAMES[key].lowered == name:
            return value
    return None


def _end_to_end(headers: Headers) -> list[tuple[_Name, bytes]]:
    """`headers` without what ends at this hop, what is named after the gateway and what cannot be passed on."""
    fields = []
    named_by_connection: set[bytes] = set()
    for field, value in headers:
        name = _NAMES[field]
        if name.crosses:
            if not _INVALID_VALUE.search(value):
                fields.append((name, value))
        elif name.lowered == b"connection":
            named_by_connection.update([token.strip().lower() for token in value.split(b",")])
    if named_by_connection:
        return [(name, value) for name, value in fields if name.lowered not in named_by_connection]
    return fields
