"""Shapes: the tags of small Bodies, remembered, so that other texts between the same tags need no parser.

A receiver's answers to one operation often have the same tags, octet for octet, and other texts between them. The
*shape* of a Body is what is left of its octets without the texts. Where it is that of a Body that was parsed, and found
to be its signer's and written in canonical form (as_written.py), in the same layout, then

- its tags are balanced, its elements as many, as deep and in the same namespaces as they were in that one: XML lets no
  text change how a tag is read, as long as it holds neither `<` nor `&`;
- it is written in canonical form as well, as long as no text holds `>` or a carriage return;
- it is well-formed, as long as its texts hold nothing but characters that XML admits, in UTF-8 (XML 1.0, 2.2).

No rule of this package asks what the texts of a Body are. What the tags' attributes may hold that does matter (an id of
the head) is kept with the shape.
"""

import re
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 8192
"""Octets of a shape that is remembered, with what is known of it."""
MOST_OCTETS: Final = 65_536
"""Octets of all shapes of one layout, with what is known of each."""
_AROUND: Final = 512
"""Octets that one takes besides, about."""
_TRIAL: Final = 256
"""Bodies after which it is asked whether remembering is worth its while."""
_AGAIN: Final = 16 * _TRIAL
"""Bodies after which it is tried once more."""
_TEXT: Final = re.compile(rb">[^<>&]+<")
_CONTROLS: Final = {*range(0x20)} - {0x09, 0x0A}
_ADMITTED: Final = bytes(octet for octet in range(256) if octet not in _CONTROLS)
"""Without the carriage return, which no canonical form holds."""
_NO_CHARACTERS: Final = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
"""U+FFFE and U+FFFF, which UTF-8 can write and XML does not admit."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of every Body of one shape."""

    operation: str | None
    """QName of its first child."""
    children: int
    quoted: frozenset[bytes]
    """Whatever stands in quotes in its tags."""

    @property
    def size(self) -> int:
        """Octets that this takes, about."""
        return _AROUND + len(self.operation or "") + sum(map(len, self.quoted))


def shape_of(content: bytes) -> bytes:
    """The octets of `content`, which begins with the end of a tag, without the texts that need no parser."""
    return _TEXT.sub(b"><", content)


def are_characters(content: bytes) -> bool:
    """Whether `content` is UTF-8, and holds only characters that XML admits and a canonical form holds as they are."""
    if content.translate(None, _ADMITTED):
        return False
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return not any(character in content for character in _NO_CHARACTERS)


@dataclass(slots=True, eq=False)
class Shapes:
    """The shapes of one layout. Safe to share between threads: what is known is replaced as a whole, never altered, so
    that at worst one of them learns in vain.
    """

    _known: dict[bytes, Shape] = field(default_factory=dict, init=False)
    """In the order in which they were learnt."""
    _asked: int = field(default=0, init=False)
    _found: int = field(default=0, init=False)

    def is_worth_asking(self) -> bool:
        """Whether shapes of this layout are repeated so often that it pays to look for them."""
        self._asked += 1
        if self._asked > _AGAIN:
            self._asked = self._found = 0
        return self._asked <= _TRIAL or 4 * self._found > self._asked

    def find(self, content: bytes) -> Shape | None:
        """What is known of a Body of this content, which begins with the end of its start tag; None for others."""
        shape = self._known.get(shape_of(content))
        if shape is None or not are_characters(content):
            return None
        self._found += 1
        return shape

    def learn(self, content: bytes, shape: Shape) -> None:
        """Remember the shape of this content."""
        octets = shape_of(content)
        if len(octets) + shape.size > LONGEST or octets in self._known:
            return
        known = self._known | {octets: shape}
        size = sum(len(octets) + shape.size for octets, shape in known.items())
        while size > MOST_OCTETS:
            oldest = next(iter(known))
            size -= len(oldest) + known.pop(oldest).size
        self._known = known
