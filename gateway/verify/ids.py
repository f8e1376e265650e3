"""Step 6: which element an id names, decided once for the whole document (threat rules 8, 9)."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

from lxml import etree

from gateway.verify.document import Document
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import ID_NAMES, local_name

# contains() is a coarse filter that costs little; what it lets through is compared name by name.
_IS_ID: Final = " or ".join(f"local-name() = '{name}'" for name in sorted(ID_NAMES))
_EVERYWHERE: Final = etree.XPath(f"//*/@*[contains('{' '.join(sorted(ID_NAMES))}', local-name())][{_IS_ID}]")
_STEP: Final = 6
"""Where an ambiguous id belongs, whichever step has asked for it."""
_MAX_NEAR: Final = 64
_PLAIN: Final = re.compile(r"[\w.:\-]+")


class IdIndex:
    """A dictionary from id value to elements. Ids are looked up, never made part of an expression.

    Most of a message is the Body's content, and most lookups can be settled without walking it: a value that stands in
    quotes once in the bytes is the value of one attribute at most. Wherever the bytes cannot tell (a character
    reference might spell the value), and wherever it stands there twice, the whole document is indexed. The parser
    hands out xml:id as it is written, without trimming it.
    """

    __slots__ = ("_bytes_tell", "_document", "_everywhere", "_near")

    def __init__(self, document: Document, near: Iterable[etree._Element]) -> None:
        """Index `document`; `near` are the elements where the ids of nearly all messages are, looked at first."""
        self._document = document
        self._near: dict[str, etree._Element] = {}
        for element in islice(near, _MAX_NEAR):
            for name, value in element.items():
                if local_name(str(name)) in ID_NAMES:
                    self._near[str(value)] = element
        self._everywhere: dict[str, list[etree._Element]] | None = None
        self._bytes_tell = document.spells_values_plainly

    def find(self, value: str) -> etree._Element | None:
        """The one element that `value` names, None where there is none.

        Raises:
            Rejection: `duplicate-id`, where it names several: which one a consumer takes is anybody's guess.
        """
        near = self._near.get(value)
        if near is not None and self._stands_once(value):
            return near
        if self._everywhere is None:
            self._everywhere = _indexed(self._document.root)
        named = self._everywhere.get(value, [])
        if len(named) > 1:
            raise Rejection(
                Reason.DUPLICATE_ID,
                f"the referenced id {printable(value, 60)} stands on {len(named)} elements",
                step=_STEP,
            )
        return named[0] if named else None

    def _stands_once(self, value: str) -> bool:
        if not self._bytes_tell or _PLAIN.fullmatch(value) is None:
            return False
        return self._document.times_in_quotes(value.encode()) == 1


def _indexed(root: etree._Element) -> dict[str, list[etree._Element]]:
    elements: dict[str, list[etree._Element]] = {}
    for value in _EVERYWHERE(root):
        element = value.getparent()
        named = elements.setdefault(str(value), [])
        # One value in two id attributes of one element still names one element; the two follow each other here.
        if not named or named[-1] is not element:
            named.append(element)
    return elements
