"""Which header fields cross the gateway, in either direction (RFC 9110, 7.6.1)."""

import re
from collections.abc import Iterable

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
_MADE_ANEW_FOR_CLIENT = frozenset(
    {
        b"content-length",
        b"content-type",  # exactly the one that the verification went by
        b"content-encoding",  # what leaves is the decoded body
        b"content-md5",  # made over the encoded body
        b"content-digest",
        b"repr-digest",
        b"digest",
        b"alt-svc",  # would lead the client around the gateway
        b"refresh",
    }
)
_STEERING = frozenset({b"location", b"www-authenticate", b"set-cookie", b"set-cookie2"})
"""Fields that steer a client; on a response without a body there is no signature anywhere near them."""
_OWN_PREFIX = b"wssgate-"
ACCEPT_ENCODING = "gzip, deflate"
"""What the gateway can decode under a cap."""
_INVALID_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def request_headers(headers: Headers) -> list[tuple[str, str]]:
    """The header fields of a request as they go to the receiver; Host and framing are made by the HTTP client."""
    forwarded = [
        (name.decode("ascii"), _text(value))
        for name, value in _end_to_end(headers)
        if name not in _MADE_ANEW_FOR_UPSTREAM
    ]
    return [*forwarded, ("accept-encoding", ACCEPT_ENCODING)]


def response_headers(
    headers: Headers, *, content_type: str | None, keep_encoding: bool = False, is_unverified: bool = False
) -> list[tuple[bytes, bytes]]:
    """The header fields of a response as they go to the client.

    `content_type` is the one that the verification went by. With `keep_encoding` the body leaves as it came. With
    `is_unverified` nothing goes that would send the client elsewhere, ask for its credentials or set its cookies.
    """
    left_out = _MADE_ANEW_FOR_CLIENT - {b"content-encoding"} if keep_encoding else _MADE_ANEW_FOR_CLIENT
    if is_unverified:
        left_out |= _STEERING
    forwarded = [(name, value) for name, value in _end_to_end(headers) if name not in left_out]
    if content_type is not None and not _INVALID_VALUE.search(content_type.encode("latin-1", "replace")):
        forwarded.append((b"content-type", content_type.encode("latin-1", "replace")))
    return forwarded


def unforwardable_field(headers: Headers) -> str | None:
    """The name of the first header field that is meant for the client and cannot be passed on; None without any."""
    for name, value in headers:
        lowered = name.lower()
        if lowered in _HOP_BY_HOP:
            continue
        if not _TOKEN.fullmatch(name):
            return "with a name that is none"
        if _INVALID_VALUE.search(value):
            return name.decode("ascii")
    return None


def single(headers: Headers, name: bytes) -> bytes | None:
    """The value of the first header field called `name`, in lower case; None where there is none."""
    return next((value for key, value in headers if key.lower() == name), None)


def _end_to_end(headers: Headers) -> list[tuple[bytes, bytes]]:
    """`headers` with names in lower case, without what ends at this hop and without what is named after the gateway."""
    fields = [(name.lower(), value) for name, value in headers]
    named_by_connection = {
        token.strip().lower() for name, value in fields if name == b"connection" for token in value.split(b",")
    }
    return [
        (name, value)
        for name, value in fields
        if name not in _HOP_BY_HOP
        and name not in named_by_connection
        and not name.replace(b"_", b"-").startswith(_OWN_PREFIX)
        and _TOKEN.fullmatch(name)
        and not _INVALID_VALUE.search(value)
    ]


def _text(value: bytes) -> str:
    # The HTTP client writes header values in UTF-8; what came as ISO-8859-1 is the rare case.
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
