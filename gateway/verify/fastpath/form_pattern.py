"""Canonical forms of elements of a header prefix, cut at its values: filled in, they need no canonicalization.

Between two values the octets of a known prefix are the same, and so is what canonicalization makes of them: it orders
attributes by their names, and declares namespaces by the prefixes that are used. A value is copied into the canonical
form as it is, as long as it holds nothing that a parser reads or a canonicalization writes in another way (C14N 1.0,
2.3): `is_plain` says which octets those are.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_VISIBLE: Final = bytes(octet for octet in range(0x21, 0x7F) if octet not in b'<>&"')
_TEXT: Final = _VISIBLE + b'" \n'
"""What a text may hold: a carriage return would be normalized, `>` be written as a reference."""


def is_plain(attributes: Iterable[bytes], texts: Iterable[bytes]) -> bool:
    """Whether these values stand in a canonical form, octet for octet, as they stand in the document.

    Beyond ASCII nothing is plain: a parser would have to say whether it is UTF-8.
    """
    return not b"".join(attributes).translate(None, _VISIBLE) and not b"".join(texts).translate(None, _TEXT)


class Markers:
    """Stand-ins for the values of a header prefix, by which their places in a canonical form are found."""

    def __init__(self, seed: str, count: int) -> None:
        """Make `count` markers; `seed`, in letters and digits, is something that the prefix cannot hold."""
        self._find = re.compile(f"M{seed}N([0-9]+)O".encode())
        self.all = tuple(f"M{seed}N{position}O".encode() for position in range(count))

    def pattern(self, form: bytes) -> "FormPattern":
        """The pattern of a canonical form that was made with the markers in the places of the values."""
        pieces = self._find.split(form)
        literals = [piece.replace(b"%", b"%%") for piece in pieces[::2]]
        return FormPattern(b"%b".join(literals), tuple(int(position) for position in pieces[1::2]))


@dataclass(frozen=True, slots=True)
class FormPattern:
    """A canonical form without its values."""

    pattern: bytes
    """With %b for each value."""
    positions: tuple[int, ...]
    """Which of the prefix's values stand there."""

    def filled(self, values: Sequence[bytes]) -> bytes:
        """The canonical form with these values of the prefix."""
        return self.pattern % tuple([values[position] for position in self.positions])
