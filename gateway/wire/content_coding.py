"""Content codings, decoded under a cap: a few kilobytes must not become gigabytes."""

import zlib

_MOST_MEMBERS = 64
"""A gzip body may hold several members (RFC 1952, 2.2); each costs a set-up."""
MAX_RATIO = 100
"""What a coding may save: honest lists of like records come to 45, a bomb to 1,000."""
UNSUSPICIOUS = 1024 * 1024
"""Decoded bytes that nobody asks the ratio of."""
_WBITS_GZIP = 16 + zlib.MAX_WBITS
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class CodingRefused(Exception):  # noqa: N818 - named after what it says, like the other refusals here
    """A body that is not decoded; the text is one sentence for a person, and each kind has a class of its own."""


class CodingUnknown(CodingRefused):
    """The content coding is none that was asked for."""


class BodyDamaged(CodingRefused):
    """The coding is damaged, cut short or followed by more."""


class BodyTooLarge(CodingRefused):
    """The body is larger than admitted, or grows more than honest content does."""


def coding_of(values: list[str]) -> str:
    """The content coding that the values of Content-Encoding name: `identity`, `gzip` or `deflate`.

    Raises:
        CodingUnknown: There are several codings, or one that the gateway did not ask for.
    """
    if not values:
        return "identity"
    listed = [coding.strip().lower() for value in values for coding in value.split(",")]
    codings = [coding for coding in listed if coding not in {"", "identity"}]
    if not codings:
        return "identity"
    if len(codings) > 1 or codings[0] not in _CODINGS:
        raise CodingUnknown("the response has a Content-Encoding other than one of gzip and deflate")
    return _CODINGS[codings[0]]


def decode(body: bytes, coding: str, limit: int) -> bytes:
    """`body` without its content coding, at most `limit` bytes.

    Raises:
        BodyTooLarge: It is longer than `limit`, or the coding saves more than honest content lets it.
        BodyDamaged: The coding is damaged, cut short or followed by more.
    """
    if coding == "identity":
        return body
    beyond = "the response, decompressed, is larger than the policy admits (max_message_bytes)"
    plausible = max(UNSUSPICIOUS, MAX_RATIO * len(body))
    if plausible < limit:
        limit = plausible
        beyond = f"the compressed response grows more than {MAX_RATIO} times, which no honest content does"
    if coding == "deflate":
        decoded, rest = _inflate(body, _deflate_wbits(body), limit, beyond)
        if rest:
            raise BodyDamaged("the compressed response is followed by other bytes")
        return decoded
    parts = []
    rest = body
    for _ in range(_MOST_MEMBERS):
        decoded, rest = _inflate(rest, _WBITS_GZIP, limit, beyond)
        limit -= len(decoded)
        parts.append(decoded)
        if not rest:
            return b"".join(parts)
    raise BodyTooLarge(f"the compressed response has more than {_MOST_MEMBERS} members")


def _inflate(body: bytes, wbits: int, limit: int, beyond: str) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(wbits)
    try:
        decoded = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise BodyDamaged("the compressed response is damaged") from error
    if len(decoded) > limit:
        raise BodyTooLarge(beyond)
    if not inflater.eof:
        raise BodyDamaged("the compressed response is cut short")
    return decoded, inflater.unused_data


def _deflate_wbits(body: bytes) -> int:
    """`deflate` means the zlib format (RFC 9110, 8.4.1.2), yet some servers send the bare one."""
    is_zlib = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and (body[0] << 8 | body[1]) % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
