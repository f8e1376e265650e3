"""What a part's Content-Transfer-Encoding makes of its octets (RFC 2045 6), decoded in pieces.

Each is checked once, when the part is read, so that decoding it cannot fail later. Base64 and quoted-printable are
read where there is one way to write what they mean, as encoders do: decoders differ in what they skip, and in what
they take for the end.
"""

import binascii
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.verify import MAX_PIECE, Reason, Rejection, printable

_BASE64: Final = (string.ascii_letters + string.digits + "+/=\r\n").encode()
_LINE_ENDS: Final = b"\r\n"
_QUOTED: Final = re.compile(
    rb"(?:(?=[^\r]{0,76}+\r\n)(?:[!-<>-~]|[ \t](?!\r\n)|=[0-9A-F]{2})*+=?\r\n)*+"
    rb"(?=[^\r]{0,76}+\Z)(?:[!-<>-~]|[ \t](?!\Z)|=[0-9A-F]{2})*+"
)
"""At most 76 characters, no white space at the end, octets as two capital hex digits (RFC 2045, 6.7)."""

Pieces = Callable[[bytes, int, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class TransferEncoding:
    """One of the encodings that are read."""

    size: Callable[[bytes, int, int, str], int]
    """Octets that the content has when decoded. Args: body, begin, end, which part it is.

    Raises:
        Rejection: `structure`, where it is not written as the encoding demands.
    """
    pieces: Pieces
    """The decoded content, in pieces of at most `MAX_PIECE`."""


def encoding_named(name: str | None, where: str) -> TransferEncoding:
    """The encoding that a part's Content-Transfer-Encoding names.

    HTTP has no default of 7bit (RFC 9110 8.3 and RFC 2616 19.4.5): a part without the field stands as it is.

    Raises:
        Rejection: `structure`.
    """
    found = _ENCODINGS.get("binary" if name is None else name.lower())
    if found is None:
        raise Rejection(
            Reason.STRUCTURE,
            f"{where} has the Content-Transfer-Encoding {printable(name or '(none)', 40)}, which is not read here: it "
            "must be binary, 8bit, 7bit, base64 or quoted-printable",
        )
    return found


def _binary(_body: bytes, begin: int, end: int, _where: str) -> int:
    return end - begin


def _eight_bit(body: bytes, begin: int, end: int, where: str) -> int:
    if body.find(b"\0", begin, end) >= 0:
        raise _unlike(where, "8bit or 7bit", "it holds a NUL; the sender must say binary")
    return end - begin


def _seven_bit(body: bytes, begin: int, end: int, where: str) -> int:
    if not all(piece.isascii() for piece in _as_it_is(body, begin, end)):
        raise _unlike(where, "7bit", "it holds octets above 127; the sender must say 8bit or binary")
    return _eight_bit(body, begin, end, where)


def _as_it_is(body: bytes, begin: int, end: int) -> Iterator[bytes]:
    for position in range(begin, end, MAX_PIECE):
        yield body[position : min(position + MAX_PIECE, end)]


def _base64_size(body: bytes, begin: int, end: int, where: str) -> int:
    end = _without_last_line_end(body, begin, end)
    breaks = _line_breaks(body, begin, end)
    if breaks is None:
        raise _unlike(where, "base64", "its lines must be of one length, a multiple of 4, and end with CR LF")
    characters = end - begin - 2 * breaks
    if characters % 4 or any(piece.translate(None, _BASE64) for piece in _as_it_is(body, begin, end)):
        raise _unlike(where, "base64", "it must have letters, digits, + and / in groups of four, and nothing else")
    padding = body.count(b"=", begin, end)
    last = body[max(begin, end - 4) : end]
    if padding != len(last) - len(last.rstrip(b"=")) or padding > 2:
        raise _unlike(where, "base64", "= may stand at its end alone, and twice at most")
    if binascii.b2a_base64(binascii.a2b_base64(last), newline=False) != last:
        raise _unlike(where, "base64", "the last character holds bits that belong to no octet")
    return characters // 4 * 3 - padding


def _line_breaks(body: bytes, begin: int, end: int) -> int | None:
    """How many line ends there are; None where lines are not of one length, so that it reads otherwise line by line."""
    line = body.find(_LINE_ENDS, begin, end) - begin
    breaks = 0
    if line >= 0:
        returns, feeds = body[begin + line : end : line + 2], body[begin + line + 1 : end : line + 2]
        breaks = len(feeds)
        is_even = line > 0 and line % 4 == 0 and returns == b"\r" * breaks and feeds == b"\n" * breaks
        if not is_even or body.endswith(_LINE_ENDS, begin, end):
            return None
    has_others = body.count(b"\r", begin, end) != breaks or body.count(b"\n", begin, end) != breaks
    return None if has_others else breaks


def _without_last_line_end(body: bytes, begin: int, end: int) -> int:
    return end - 2 if body.endswith(_LINE_ENDS, begin, end) else end


def _base64_pieces(body: bytes, begin: int, end: int) -> Iterator[bytes]:
    rest = b""
    for piece in _as_it_is(body, begin, end):
        characters = rest + piece.translate(None, _LINE_ENDS)
        whole = len(characters) // 4 * 4
        rest = characters[whole:]
        yield binascii.a2b_base64(characters[:whole])


def _quoted_size(body: bytes, begin: int, end: int, where: str) -> int:
    if _QUOTED.fullmatch(body, begin, end) is None:
        raise _unlike(
            where,
            "quoted-printable",
            "it must have lines of at most 76 characters that end with CR LF and no white space, and other octets "
            "as = and two capital hex digits",
        )
    if body.endswith(b"=\r\n", begin, end):
        raise _unlike(where, "quoted-printable", "its last line is to be continued, and nothing follows")
    return sum(map(len, _quoted_pieces(body, begin, end)))


def _quoted_pieces(body: bytes, begin: int, end: int) -> Iterator[bytes]:
    while begin < end:
        cut = min(begin + MAX_PIECE, end)
        if cut < end:
            cut = body.rfind(_LINE_ENDS, begin, cut) + 2
        yield binascii.a2b_qp(body[begin:cut])
        begin = cut


def _unlike(where: str, encoding: str, detail: str) -> Rejection:
    return Rejection(Reason.STRUCTURE, f"{where} is not {encoding}, as its Content-Transfer-Encoding says: {detail}")


_ENCODINGS: Final = {
    "binary": TransferEncoding(_binary, _as_it_is),
    "8bit": TransferEncoding(_eight_bit, _as_it_is),
    "7bit": TransferEncoding(_seven_bit, _as_it_is),
    "base64": TransferEncoding(_base64_size, _base64_pieces),
    "quoted-printable": TransferEncoding(_quoted_size, _quoted_pieces),
}
