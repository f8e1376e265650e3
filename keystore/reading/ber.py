"""BER (X.690) as far as it takes to look into a PKCS#12 file before anything in it is decrypted.

Both length forms and constructed strings are read, because Java and Windows write them; nothing is interpreted. What a
hostile file can cost is bounded: each octet is looked at once, values and nesting are counted.
"""

from dataclasses import dataclass, field

MAX_VALUES = 200_000
"""Far beyond any key file: a truststore of 5,000 certificates in plain has 90,000."""
MAX_DEPTH = 32
"""A PKCS#12 file nests 12 deep."""

INTEGER, OCTET_STRING, OBJECT_IDENTIFIER, SEQUENCE = 0x02, 0x04, 0x06, 0x30
_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F
_INDEFINITE = 0x80
_MAX_LENGTH_OCTETS = 4
_MAX_NUMBER_OCTETS = 9
"""A count of 64 bits, and the octet that keeps it positive."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its identifier octet, and what it holds."""

    tag: int
    content: bytes = field(default=b"", repr=False)
    """Of a primitive value."""
    children: tuple["Value", ...] = ()
    """Of a constructed one."""

    @property
    def octets(self) -> bytes:
        """The content of an OCTET STRING, also where it is written in pieces."""
        return self.content + b"".join(child.octets for child in self.children)

    @property
    def number(self) -> int:
        """The content as an INTEGER.

        Raises:
            ValueError: It is longer than any count.
        """
        if len(self.content) > _MAX_NUMBER_OCTETS:
            raise ValueError("a count of too many octets")
        return int.from_bytes(self.content, signed=True)


class BerReader:
    """Reads values, at most `MAX_VALUES` in all its life: make one for a file and all that is inside it."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._left = MAX_VALUES
        self._data = b""

    def first(self, data: bytes) -> Value:
        """The first value in `data`; what follows it is not looked at.

        Raises:
            ValueError: It is no BER, or exceeds a bound.
        """
        self._data = data
        return self._read(0, len(data), 0)[0]

    def _read(self, position: int, end: int, depth: int) -> tuple[Value, int]:
        """The value at `position`, and where the next one begins."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise ValueError("too many values, or nested too deeply")
        if end - position < 2:
            raise ValueError("cut off")
        tag, size = self._data[position], self._data[position + 1]
        position += 2
        if tag & _LONG_TAG == _LONG_TAG:
            raise ValueError("a tag of several octets")
        if size == _INDEFINITE:
            if not tag & _CONSTRUCTED:
                raise ValueError("a primitive value without a length")
            return self._read_until_end_mark(tag, position, end, depth)
        if size > _INDEFINITE:
            octets = size - _INDEFINITE
            if octets > _MAX_LENGTH_OCTETS:
                raise ValueError("a length of too many octets")
            size = int.from_bytes(self._data[position : position + octets])
            position += octets
        after = position + size
        if after > end:
            raise ValueError("cut off")
        if not tag & _CONSTRUCTED:
            return Value(tag, self._data[position:after]), after
        children = []
        while position < after:
            child, position = self._read(position, after, depth + 1)
            children.append(child)
        return Value(tag, children=tuple(children)), after

    def _read_until_end_mark(self, tag: int, position: int, end: int, depth: int) -> tuple[Value, int]:
        children = []
        while self._data[position : position + 2] != b"\0\0" or position + 2 > end:
            child, position = self._read(position, end, depth + 1)
            children.append(child)
        return Value(tag, children=tuple(children)), position + 2
