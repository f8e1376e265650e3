"""The parts of a multipart message beside its root, as the verification is handed them (RFC 2387, RFC 2392).

Reading them is none of its business (`gateway.attachments` does that): here is what a `cid:` Reference resolves to, and
what the text stands for that was put where the root names an attachment.
"""

import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol
from urllib.parse import unquote

from gateway.verify.reason import Rejection

MAX_PIECE: Final = 1 << 20
"""Octets of an attachment that are handled at once: none is ever copied as a whole in order to be digested."""
_ESCAPED: Final = re.compile(r"[A-Za-z0-9!$&'*+\-./:=@_~^`{|}%]{1,255}")
_DECODED: Final = re.compile(r"[A-Za-z0-9!$&'*+\-./:=@_~^`{|}]{1,255}")
"""Without what some take for the end of an address, for a comment, for an escape, or for an encoded word."""
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Attachment(Protocol):
    """A part that is not the root."""

    @property
    def content_id(self) -> str:
        """Its Content-ID without angle brackets, decoded, as a `cid:` address names it (RFC 2392, 2)."""
        ...

    @property
    def content_type(self) -> str:
        """Its Content-Type, unfolded; empty where it has none."""
        ...

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Its header fields as they came: name and unfolded value."""
        ...

    @property
    def size(self) -> int:
        """Octets of its content, decoded."""
        ...

    def octets(self) -> Iterator[bytes]:
        """Its content, decoded, in pieces of at most `MAX_PIECE`. May be asked again and again."""
        ...


@dataclass(frozen=True)
class Attachments:
    """What a message has besides its root."""

    parts: tuple[Attachment, ...] = ()
    """All but the root, in the order in which they came."""
    included: frozenset[str] = frozenset()
    """Content-IDs that the root names by `xop:Include` (XOP 1.0, 2)."""
    stand_ins: Mapping[bytes, Attachment] = field(default_factory=dict)
    """A text that stands in the message once, and the attachment whose base64 belongs in its place."""
    tokens: frozenset[str] = frozenset()
    """Content-IDs of those of them that our Security header names: values and tokens of signatures, which some stacks
    put into attachments. Their base64 stands in the message itself."""
    by_name: bytes = b""
    """The root with its `xop:Include` elements as they came, but for those within a Security header."""
    problem: Rejection | None = None
    """Why the multipart body cannot be read; then there is no message to be verified."""

    @cached_property
    def by_id(self) -> Mapping[str, Attachment]:
        """The parts by their Content-IDs."""
        return {part.content_id: part for part in self.parts if part.content_id}

    @property
    def size(self) -> int:
        """Octets of all of them."""
        return sum(part.size for part in self.parts)

    def stand_ins_in(self, text: bytes) -> list[bytes]:
        """Those that stand in `text`, each as often as it does."""
        return self._pattern.findall(text) if self.stand_ins else []

    def size_in(self, text: bytes) -> int:
        """Octets of the base64 that belongs into `text`."""
        return sum(base64_size(self.stand_ins[found].size) for found in self.stand_ins_in(text))

    def expanded(self, text: bytes) -> Iterator[bytes]:
        """`text`, of the message or a canonical form, with the base64 of the attachments in the place of what stands
        for it (XOP 1.0, 3.2: the canonical form of xs:base64Binary, without white space).
        """
        if not self.stand_ins:
            yield text
            return
        position = 0
        for found in self._pattern.finditer(text):
            yield text[position : found.start()]
            yield from base64_pieces(self.stand_ins[found[0]].octets())
            position = found.end()
        yield text[position:]

    def named_in(self, text: bytes) -> frozenset[str]:
        """The Content-IDs of the attachments whose base64 belongs into `text`."""
        return frozenset(self.stand_ins[found].content_id for found in self.stand_ins_in(text))

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(map(re.escape, self.stand_ins)))


NO_ATTACHMENTS: Final = Attachments()


def base64_size(octets: int) -> int:
    """Octets of the base64 of so many."""
    return (octets + 2) // 3 * 4


def base64_pieces(octets: Iterable[bytes]) -> Iterator[bytes]:
    """The base64 of `octets`, which come in pieces of whatever length, without line ends (RFC 4648, 4)."""
    rest = b""
    for piece in octets:
        whole = rest + piece
        end = len(whole) - len(whole) % 3
        rest = whole[end:]
        yield binascii.b2a_base64(whole[:end], newline=False)
    if rest:
        yield binascii.b2a_base64(rest, newline=False)


def content_id_of(address: str) -> str | None:
    """The Content-ID that the `cid:` address names, decoded (RFC 2392, 2); None where it is none that is read here.

    Percent signs alone are decoded, and once: some libraries take `+` for a space, and real Content-IDs hold it.
    """
    return decoded_content_id(address[4:]) if address.startswith("cid:") else None


def decoded_content_id(text: str) -> str | None:
    """A Content-ID, without its angle brackets, of which the percent escapes are decoded; None where it is none that
    every reader takes for the same.

    RFC 2392 escapes the address alone; Apache CXF and others write the Content-ID with the same escapes.
    """
    decoded = unquote(text, errors="replace")
    if (
        _ESCAPED.fullmatch(text) is None
        or _BAD_ESCAPE.search(text) is not None
        or _DECODED.fullmatch(decoded) is None
        # Some readers take this prefix off a Content-ID as well, and would find another part.
        or decoded[:4].lower() == "cid:"
    ):
        return None
    return decoded
