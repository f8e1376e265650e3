"""Content-IDs, and the `cid:` addresses that name them (RFC 2045 7, RFC 2392).

RFC 2392 escapes the address alone; Apache CXF and others write the Content-ID with the same escapes. Both are decoded
once, and two parts may not be the same by any of the ways in which readers compare.
"""

from typing import Final
from urllib.parse import quote

from gateway.verify import Reason, Rejection, decoded_content_id, printable

_UNESCAPED: Final = "!$&'*+-./:=@_~%"
"""What may stand in an address as it is: many readers compare what stands there without decoding it."""


def read_content_id(value: str, what: str) -> tuple[str, str]:
    """The Content-ID that a field or a `start` parameter holds: without angle brackets, as it came and decoded.

    Angle brackets may be missing, as some stacks leave them out, but not one of the two alone.

    Raises:
        Rejection: `structure`.
    """
    inner = value[1:-1] if value[:1] == "<" and value[-1:] == ">" else value
    return inner, _decoded(inner, f"{what} is no Content-ID that is read here", value)


def named_by(address: str, what: str) -> str:
    """The Content-ID, decoded, that a `cid:` address names.

    Raises:
        Rejection: `structure`.
    """
    if not address.startswith("cid:"):
        raise Rejection(
            Reason.STRUCTURE,
            f"{what} names something else than a part of this message: {printable(address, 60)}; only cid: is read",
        )
    return _decoded(address[4:], f"{what} holds no address that is read here", address)


def address_of(content_id: str) -> str:
    """The `cid:` address of a Content-ID as it came."""
    return "cid:" + quote(content_id, safe=_UNESCAPED)


def _decoded(text: str, sentence: str, shown: str) -> str:
    decoded = decoded_content_id(text)
    if decoded is None:
        raise Rejection(
            Reason.STRUCTURE,
            f"{sentence}: {printable(shown, 80)}; it must have 1 to 255 letters, digits or signs of "
            "!$&'*+-./:=@_~^`{|}, others written as % and two hex digits, and may not be escaped twice",
        )
    return decoded
