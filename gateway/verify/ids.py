"""Step 6: which element an id names, decided once for the whole document (threat rules 8, 9)."""

from typing import Final

from lxml import etree

from gateway.verify.names import local_name
from gateway.verify.reason import Reason, Rejection
from gateway.verify.text import printable

_ID_NAMES: Final = frozenset({"Id", "ID", "id", "iD", "AssertionID"})
"""Every attribute that some stack takes for an id, in any namespace: wsu:Id, Id, ID, id, xml:id, AssertionID."""

# A coarse filter that costs little: contains() lets parts of these names through, too. They are compared below.
_LIKELY: Final = etree.XPath(f"//*/@*[contains('{' '.join(sorted(_ID_NAMES))}', local-name())]")


class IdIndex:
    """A dictionary from id value to elements. Ids are looked up, never made part of an expression."""

    __slots__ = ("_elements",)

    def __init__(self, root: etree._Element) -> None:
        """Index the document of `root`."""
        self._elements: dict[str, list[etree._Element]] = {}
        for value in _LIKELY(root):
            if local_name(value.attrname) not in _ID_NAMES:
                continue
            element = value.getparent()
            named = self._elements.setdefault(str(value), [])
            # One value in two id attributes of one element still names one element; the two follow each other here.
            if not named or named[-1] is not element:
                named.append(element)

    def find(self, value: str) -> etree._Element | None:
        """The one element that `value` names, None where there is none.

        Raises:
            Rejection: `duplicate-id`, where it names several: which one a consumer takes is anybody's guess.
        """
        named = self._elements.get(value, [])
        if len(named) > 1:
            raise Rejection(
                Reason.DUPLICATE_ID, f"the referenced id {printable(value, 60)} stands on {len(named)} elements"
            )
        return named[0] if named else None
