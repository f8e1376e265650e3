"""Comments and CDATA sections: what readers take from the text that the tree does not show (threat rules 13, 43).

To canonicalization `1<![CDATA[0]]>` is the text 10; to a consumer that takes the first text node it is 1, and whoever
stands in between can write it so. And there are consumers that look for the Envelope in the text itself, before they
parse anything: to node-soap, the first `<x:Envelope` counts, be it in a comment or in a section. Trees do not tell
quickly where a section ends and text begins, but the bytes of a well-formed document do.
"""

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify.c14n import count_elements

_TOKENS: Final = re.compile(
    rb"<!\[CDATA\[(?P<section>.*?)\]\]>"
    rb"|<!--(?P<comment>.*?)-->"
    rb"|(?P<instruction><\?.*?\?>)"
    rb"|(?P<tag></?[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>)"
    rb"|(?P<text>[^<]+)",
    re.DOTALL,
)
_COMMENT: Final = re.compile(rb"<!--(.*?)-->", re.DOTALL)
_SOAP_TAG: Final = re.compile(rb"<(?:[^<>:]*:|[!?/]?\s*)(?:Envelope|Header|Body)(?![\w.\-])", re.IGNORECASE)
"""A tag with any prefix, or what somebody who is content with less takes for one."""
_SPACE: Final = b" \t\r\n"


class CharacterData(NamedTuple):
    """What was found in the octets of a document."""

    split: frozenset[int]
    """The elements of which a CDATA section splits a text, by their positions in document order."""
    misleading_sections: frozenset[int]
    """The elements that hold a section which a reader of texts could take for markup."""
    has_misleading_comment: bool
    """A comment holds what a reader of texts could take for a SOAP element."""

    def first_split(self, root: etree._Element, signed: Collection[etree._Element]) -> etree._Element | None:
        """The first element within `signed` that is split; none of `signed` may be within another."""
        return _first(self.split, root, signed, within=True)

    def first_misleading(self, root: etree._Element, signed: Collection[etree._Element]) -> etree._Element | None:
        """The first element that holds a misleading section and is not within `signed`, of which the same holds."""
        return _first(self.misleading_sections, root, signed, within=False)


_NOTHING: Final = CharacterData(frozenset(), frozenset(), has_misleading_comment=False)


def character_data(text: bytes) -> CharacterData:
    """Look at the well-formed document `text`, in UTF-8.

    White space around a section is in honest messages, and no text. An empty section is one more piece: in the trees
    of Java's DOM it is a node of its own, and the first text of `47<![CDATA[]]>11` is 47. A processing instruction
    between two texts is signed itself, so that it splits them for everybody; a comment is not.
    """
    # A single character is found much faster, and many messages do not hold it.
    if b"!" not in text:
        return _NOTHING
    if b"<![CDATA[" in text:
        return _scan(text)
    if b"<!--" not in text:
        return _NOTHING
    if text.find(b"<?", 1) >= 0:
        return _scan(text)  # an instruction may hold what looks like a comment
    misleading = any(_SOAP_TAG.search(found[1]) for found in _COMMENT.finditer(text))
    return _NOTHING._replace(has_misleading_comment=misleading)


def _scan(text: bytes) -> CharacterData:
    split: set[int] = set()
    misleading: set[int] = set()
    misleading_comment = False
    open_elements: list[int] = []
    elements = 0
    run = _Run()
    for token in _TOKENS.finditer(text):
        kind = token.lastgroup
        if kind in {"tag", "instruction"}:
            if run.is_split:
                split.add(open_elements[-1])
            run = _Run()
            if kind == "instruction":
                continue
            tag = token["tag"]
            if tag.startswith(b"</"):
                open_elements.pop()
                continue
            if not tag.endswith(b"/>"):
                open_elements.append(elements)
            elements += 1
        elif kind == "section":
            content = token["section"]
            run.add_section(content)
            # Who takes the beginning of a comment for one takes all up to the end of the next away.
            if b"<!--" in content or b"-->" in content or _SOAP_TAG.search(content) is not None:
                misleading.add(open_elements[-1])
        elif kind == "comment":
            run.interrupt()
            misleading_comment = misleading_comment or _SOAP_TAG.search(token["comment"]) is not None
        elif token["text"].strip(_SPACE):
            run.add_text()
        else:
            run.interrupt()
    return CharacterData(frozenset(split), frozenset(misleading), misleading_comment)


class _Run:
    """The pieces of one text, between two tags."""

    __slots__ = ("_pieces", "_section", "_sections", "_undivided")

    def __init__(self) -> None:
        self._pieces = 0
        self._sections = 0
        self._section: bytes | None = None
        """The last section, where nothing has come behind it yet."""
        self._undivided = True
        """Each section but the first takes up the one before where XML has no other way."""

    def add_section(self, content: bytes) -> None:
        """Take in a CDATA section."""
        before = self._section
        if self._pieces:
            self._undivided = self._undivided and before is not None and _carries_over(before, content)
        self._pieces += 1
        self._sections += 1
        self._section = content

    def add_text(self) -> None:
        """Take in a text that is more than white space."""
        self._pieces += 1
        self._undivided = self._undivided and self._pieces == 1
        self._section = None

    def interrupt(self) -> None:
        """Take in white space or a comment: no text, but what follows is not beside what was before."""
        self._section = None

    @property
    def is_split(self) -> bool:
        """Whether a section stands in it that does not stand alone, nor where it must."""
        return self._sections > 0 and self._pieces > 1 and not self._undivided


def _carries_over(before: bytes, behind: bytes) -> bool:
    """Whether `]]>`, which no section can hold, is what two sections beside each other divide between them."""
    return (before.endswith(b"]]") and behind.startswith(b">")) or (before.endswith(b"]") and behind.startswith(b"]>"))


def _first(
    positions: frozenset[int], root: etree._Element, signed: Collection[etree._Element], *, within: bool
) -> etree._Element | None:
    if not positions:
        return None
    end = 0
    for position, element in enumerate(root.iter(etree.Element)):
        if element in signed:
            end = position + count_elements(element)
        if position in positions and (position < end) is within:
            return element
    return None
