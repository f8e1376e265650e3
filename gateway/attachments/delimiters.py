"""Where the parts of a multipart body begin and end (RFC 2046 5.1.1), so that every reader finds the same places.

Readers differ in what else they take for a delimiter: lines that end with LF alone or have white space behind the
boundary, a boundary that is followed by more, or that stands inside of a line. So the text of the delimiter may occur
where a delimiter is, exactly written, and nowhere else in the body. Stacks write delimiters in that one way (RFC 2046:
composers must not pad), and SAAJ and others do not read padded ones.
"""

from typing import Final

from gateway.verify import Reason, Rejection

MAX_PARTS: Final = 100
_CRLF: Final = b"\r\n"
_WHITE_SPACE: Final = b" \t\r\n"
_MOST_WHITE_SPACE: Final = 1024
"""Octets before the first delimiter, or behind the last: stacks write one CRLF."""


def part_ranges(body: bytes, boundary: str) -> list[tuple[int, int]]:
    """Begin and end of each part, with its head.

    Raises:
        Rejection: `structure`, `limits`.
    """
    delimiter = b"--" + boundary.encode("ascii")
    found = body.find(delimiter)
    if found < 0:
        raise Rejection(
            Reason.STRUCTURE,
            "the boundary that the Content-Type names does not occur in the body: check whether the body was cut short "
            "or the Content-Type belongs to another message",
        )
    _refuse_text_around(body[: min(found, _MOST_WHITE_SPACE + 1)], "before its first part")
    if found and not body.endswith(_CRLF, 0, found):
        raise Rejection(Reason.STRUCTURE, "the first delimiter of the multipart message is not at the begin of a line")
    ranges: list[tuple[int, int]] = []
    while not body.startswith(b"--", found + len(delimiter)):
        begin = found + len(delimiter) + 2
        if not body.startswith(_CRLF, begin - 2):
            raise _misplaced(len(ranges))
        if len(ranges) == MAX_PARTS:
            raise Rejection(Reason.LIMITS, f"the multipart message has more than {MAX_PARTS} parts")
        found = body.find(delimiter, begin)
        if found < 0:
            raise Rejection(
                Reason.STRUCTURE,
                f"part {len(ranges) + 1} of the multipart message has no end: the last delimiter, with two hyphens "
                "behind the boundary, is missing; the body was probably cut short",
            )
        # The CRLF before a delimiter belongs to it, and cannot be that of the line before the part.
        if found - 2 < begin or not body.endswith(_CRLF, begin, found):
            raise _misplaced(len(ranges) + 1)
        ranges.append((begin, found - 2))
    if not ranges:
        raise Rejection(Reason.STRUCTURE, "the multipart message has no parts")
    end = found + len(delimiter) + 2
    _refuse_text_around(body[end : end + _MOST_WHITE_SPACE + 1], "behind its last part")
    return ranges


def _misplaced(part: int) -> Rejection:
    return Rejection(
        Reason.STRUCTURE,
        f"the text of the boundary occurs {f'in part {part}' if part else 'at the begin'} of the multipart message in "
        "another place than a delimiter line of its own, which ends with CR LF and has nothing else in it: readers "
        "disagree whether a part ends there; the sender must choose a boundary that occurs nowhere else",
    )


def _refuse_text_around(text: bytes, where: str) -> None:
    if text.strip(_WHITE_SPACE) or len(text) > _MOST_WHITE_SPACE:
        raise Rejection(
            Reason.STRUCTURE,
            f"the multipart message has text {where} that belongs to no part: only up to {_MOST_WHITE_SPACE} octets of "
            "white space may be there",
        )
