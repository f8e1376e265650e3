"""Documents read for a test, as the verifier's own parser reads them."""

from lxml import etree

from gateway.verify import Policy
from gateway.verify.document import Document
from gateway.verify.ids import IdIndex
from gateway.verify.parsing import read_document


def document(text: str | bytes) -> Document:
    """`text`, read under the default policy."""
    return read_document(text.encode() if isinstance(text, str) else text, Policy())


def parsed(text: str | bytes) -> etree._Element:
    """The root of `text`."""
    return document(text).root


def indexed(found: Document) -> IdIndex:
    """The ids of a document, nothing looked at first."""
    return IdIndex(found, ())


def element(text: str, identifier: str = "x") -> etree._Element:
    """The element of `text` whose `Id` is `identifier`."""
    return next(node for node in parsed(text).iter(etree.Element) if node.get("Id") == identifier)
