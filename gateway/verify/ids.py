"""Step 6: which element an id names, decided once for the whole document (threat rules 8, 9)."""

import re
from typing import Final, cast

from lxml import etree

from gateway.verify.names import local_name
from gateway.verify.parsing import Document
from gateway.verify.reason import Reason, Rejection
from gateway.verify.text import printable

_ID_NAMES: Final = frozenset({"Id", "ID", "id", "iD", "AssertionID"})
"""Every attribute that some stack takes for an id, in any namespace: wsu:Id, Id, ID, id, xml:id, AssertionID."""

# A coarse filter that costs little: contains() lets parts of these names through, too. They are compared below.
_LIKELY: Final = f"@*[contains('{' '.join(sorted(_ID_NAMES))}', local-name())]"
_EVERYWHERE: Final = etree.XPath(f"//*/{_LIKELY}")
_NEAR: Final = etree.XPath(f"/*/{_LIKELY} | /*/*/{_LIKELY} | /*/*[1]//*/{_LIKELY}")
"""Ids of the Envelope, of its children, and below the first of them: where the ids of nearly all messages are."""
_PLAIN: Final = re.compile(r"[\w.:\-]+")


class IdIndex:
    """A dictionary from id value to elements. Ids are looked up, never made part of an expression.

    Most of a message is the Body's content, and most lookups can be settled without walking it: a value that stands in
    quotes once in the bytes is the value of one attribute at most. Wherever the bytes cannot tell (a character
    reference might spell the value, xml:id might be trimmed), and wherever it stands there twice, the whole document is
    indexed.
    """

    __slots__ = ("_bytes_tell", "_document", "_everywhere", "_near")

    def __init__(self, document: Document) -> None:
        """Index `document`."""
        self._document = document
        self._near = _indexed(_NEAR(document.root))
        self._everywhere: dict[str, list[etree._Element]] | None = None
        self._bytes_tell = b"&#" not in document.text and b"xml:id" not in document.text

    def find(self, value: str) -> etree._Element | None:
        """The one element that `value` names, None where there is none.

        Raises:
            Rejection: `duplicate-id`, where it names several: which one a consumer takes is anybody's guess.
        """
        if value in self._near and self._stands_once(value):
            return self._near[value][0]
        if self._everywhere is None:
            self._everywhere = _indexed(_EVERYWHERE(self._document.root))
        named = self._everywhere.get(value, [])
        if len(named) > 1:
            raise Rejection(
                Reason.DUPLICATE_ID, f"the referenced id {printable(value, 60)} stands on {len(named)} elements"
            )
        return named[0] if named else None

    def _stands_once(self, value: str) -> bool:
        if not self._bytes_tell or _PLAIN.fullmatch(value) is None:
            return False
        text, octets = self._document.text, value.encode()
        return text.count(b'"' + octets + b'"') + text.count(b"'" + octets + b"'") == 1


def _indexed(attributes: list[etree._ElementUnicodeResult]) -> dict[str, list[etree._Element]]:
    elements: dict[str, list[etree._Element]] = {}
    for value in attributes:
        if local_name(str(value.attrname)) not in _ID_NAMES:
            continue
        element = cast("etree._Element", value.getparent())
        named = elements.setdefault(str(value), [])
        # One value in two id attributes of one element still names one element; the two follow each other here.
        if not named or named[-1] is not element:
            named.append(element)
    return elements
