"""A document as it was parsed, with its octets: what they do not mention cannot be in the tree."""

from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final, cast

from lxml import etree

_SMALL: Final = 8192
"""Octets up to which a search costs less than avoiding it."""
_MOST_QUOTES: Final = 20_000
_DECLARATION_STARTS: Final = (b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n")
_ELEMENT_COUNT: Final = etree.XPath("count(//*)")


class Document:
    """A document and the bytes that it was parsed from.

    What the bytes do not mention cannot be in the tree: a search in them spares many a walk.
    """

    __slots__ = (
        "_has_plain_markup",
        "_in_quotes",
        "_quoted_anywhere",
        "_tags",
        "as_it_came",
        "attributes_end",
        "encoding",
        "known",
        "root",
        "text",
    )

    def __init__(self, root: etree._Element, text: bytes, known: int = 0, tags: "Tags | None" = None) -> None:
        """Hold `root` and the UTF-8 `text`, without a byte order mark, that it was parsed from.

        What the first `known` octets hold is known to whoever asks, and not searched again.
        """
        self.root = root
        self.text = text
        self.known = known
        self._tags = tags
        self.attributes_end = max(text.rfind(b'"'), text.rfind(b"'")) + 1
        """Where the last quote stands: behind it there is no attribute and no namespace declaration."""
        self._in_quotes: list[bytes] | None = None
        """Of what is not known; another range than `_quoted_anywhere`."""
        self._quoted_anywhere: list[bytes] | None = None
        self._has_plain_markup: bool | None = None
        self.encoding = "utf-8"
        """In which the message came, as a charset parameter names it."""
        self.as_it_came = True
        """`text` is the message itself, which would be UTF-8 whatever it held."""

    @property
    def may_hold_comments(self) -> bool:
        """Whether there may be comments, which can split a text."""
        # The single character is found much faster, and many messages hold none.
        return b"!" in self.text and b"<!--" in self.text

    @property
    def may_hold_instructions(self) -> bool:
        """Whether there may be processing instructions."""
        return holds_instructions(self.text)

    @property
    def has_plain_markup(self) -> bool:
        """See the function `has_plain_markup`."""
        if self._has_plain_markup is None:
            self._has_plain_markup = has_plain_markup(self.text)
        return self._has_plain_markup

    @property
    def spells_values_plainly(self) -> bool:
        """Whether every attribute value stands in the bytes as it reads: no character reference spells one."""
        return b"&" not in self.text or b"&#" not in self.text

    def may_declare(self, namespace: bytes) -> bool:
        """Whether some element may declare `namespace`."""
        return not self.spells_values_plainly or self.times_in_quotes(namespace) > 0

    def count_elements(self) -> int:
        """How many elements there are."""
        return int(cast(float, _ELEMENT_COUNT(self.root)))

    @property
    def tags(self) -> "Tags":
        """What looks like tags in the octets."""
        if self._tags is None:
            self._tags = Tags(self.text)
        return self._tags

    def may_quote(self, values: AbstractSet[bytes]) -> bool:
        """Whether an attribute or a declaration in what is not known may have one of `values`; they hold no quotes."""
        if self.attributes_end <= self.known:
            return False
        return not self.quoted or not values.isdisjoint(self.quoted)

    @property
    def quoted(self) -> list[bytes]:
        """Whatever stands in quotes in what is not known, and more; empty also where that is too much."""
        if self._in_quotes is None:
            self._in_quotes = _in_quotes(self.text[self.known : self.attributes_end])
        return self._in_quotes

    def times_in_quotes(self, value: bytes) -> int:
        """How often `value`, which holds no quotes, stands in quotes: no fewer times than attributes have it.

        This looks at the whole document, what is known included.
        """
        text, end = self.text, self.attributes_end
        if end > _SMALL:
            if self._quoted_anywhere is None:
                self._quoted_anywhere = _in_quotes(text[:end])
            if self._quoted_anywhere:
                return self._quoted_anywhere.count(value)
        count = text.count(b'"' + value + b'"', 0, end)
        return count + text.count(b"'" + value + b"'", 0, end) if b"'" in text else count


def _in_quotes(text: bytes) -> list[bytes]:
    """Whatever stands between two quotes of one kind that follow each other; empty where there are too many of them.

    Splitting costs a small part of a search where quotes are few, as they are in most large messages.
    """
    pieces = text.split(b'"', _MOST_QUOTES)
    if b"'" in text:
        pieces += text.split(b"'", _MOST_QUOTES)
    return pieces if len(pieces) <= _MOST_QUOTES else []


class Tags:
    """What looks like tags in the octets of a document, counted when it is asked for, and once."""

    def __init__(self, text: bytes) -> None:
        """Look at `text` when it is asked for."""
        self._text = text

    @cached_property
    def count(self) -> int:
        """How many there are at most."""
        return self._text.count(b"<")

    @cached_property
    def elements_at_most(self) -> int:
        """How many elements there are at most."""
        return self.count - self._text.count(b"</") if self.are_all else self.count

    @cached_property
    def are_all(self) -> bool:
        """Whether each `<` begins a tag: there are neither comments, CDATA sections nor processing instructions."""
        return has_only_tags(self._text)


def has_only_tags(text: bytes) -> bool:
    """Whether each `<` in the document `text` begins a tag."""
    return not (b"!" in text and b"<!" in text) and not holds_instructions(text)


def has_plain_markup(text: bytes) -> bool:
    """Whether there is nothing but tags and texts: no comment, CDATA section or processing instruction, which may split
    a text, and no character reference, which may spell an id or a name otherwise.
    """
    return has_only_tags(text) and not (b"&" in text and b"&#" in text)


def holds_instructions(text: bytes) -> bool:
    """Whether the document `text` may hold processing instructions; an XML declaration at its beginning is none."""
    # A target may begin like the declaration: <?xml-stylesheet?>.
    start = text.find(b"?>") + 2 if text.startswith(_DECLARATION_STARTS) else 0
    return text.find(b"?", start) >= 0 and text.find(b"<?", start) >= 0
