"""Steps 2 and 3: one hardened parse, and the budgets that must hold before anything is canonicalized.

The only parser of the gateway: others who need a document read ask here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from lxml import etree

from gateway.verify.encoding import as_utf8
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.text import printable

# Attributes are ordered by C14N at quadratic cost: 100,000 on one element took 42 s. Namespaces in scope are walked by
# inclusive C14N at every element: 10,000 at depth 200 took 71 s. Both are refused before they can cost that.


@dataclass(slots=True, eq=False)
class Document:
    """A document and the bytes that it was parsed from.

    What the bytes do not mention cannot be in the tree: a search in them spares many a walk.
    """

    root: etree._Element
    text: bytes
    """UTF-8, without a byte order mark."""

    @property
    def holds_markup_to_skip(self) -> bool:
        """Whether there may be comments or processing instructions; the XML declaration is neither."""
        return b"<!--" in self.text or self.text.count(b"<?") > self.text.startswith(b"<?xml")


def read_document(data: bytes, policy: Policy, content_type: str | None = None) -> Document:
    """Parse `data`: no DOCTYPE, no entities, nothing fetched, within the budgets of `policy`.

    Raises:
        Rejection: `limits`, `encoding`, `dtd`, `malformed`.
    """
    text = as_utf8(data, policy, content_type)
    root = _parsed(text)
    _check_budgets(root, text, policy)
    return Document(root, text)


def parse_document(data: bytes, policy: Policy, content_type: str | None = None) -> etree._Element:
    """The root element of `data`, read as `read_document` does.

    Raises:
        Rejection: `limits`, `encoding`, `dtd`, `malformed`.
    """
    return read_document(data, policy, content_type).root


def serialize_document(root: etree._Element) -> bytes:
    """The document in UTF-8 with an XML declaration: for documents the gateway rewrote, never for verified ones."""
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="utf-8")


def _parsed(text: bytes) -> etree._Element:
    parser = _PARSERS.pop() if _PARSERS else _new_parser()
    try:
        return etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        try:
            text.decode()
        except UnicodeDecodeError:
            raise Rejection(Reason.ENCODING, "the message is not valid UTF-8") from error
        if "depth" in str(error):
            raise Rejection(Reason.LIMITS, "the elements are nested too deeply") from error
        raise Rejection(
            Reason.MALFORMED, f"the message is not well-formed XML: {printable(error.msg or '')}"
        ) from error
    finally:
        _PARSERS.append(parser)


def _new_parser() -> etree.XMLParser:
    # huge_tree lifts the 10 MB limit on a text node, which refuses honest attachments; depth is bounded by the budgets,
    # entities by the refused DTD.
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=True,
        collect_ids=False,
        recover=False,
    )


@lru_cache(maxsize=64)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


@lru_cache(maxsize=64)
def _more_attributes_than(count: int) -> etree.XPath:
    return etree.XPath(f"boolean(//@*[{count + 1}])")


MAX_NAMESPACE_OCTETS: Final = 64 * 1024 * 1024
"""What namespace declarations may come to in a canonical form: exclusive C14N repeats them at every element that uses
them, and 50,000 elements with a name of 100,000 octets would be 5 GB."""
_DECLARED: Final = re.compile(rb"xmlns[^=<>]{0,256}=[ \t\r\n]*(?:\"([^\"]*)\"|'([^']*)')")
_PARSERS: Final[list[etree.XMLParser]] = []
"""Parsers at rest. A parser serves one call at a time (it would make others wait), and making one costs a third of a
small message's parse; taking from a list and giving back are atomic."""
_ELEMENT_COUNT: Final = etree.XPath("count(//*)")


def _check_budgets(root: etree._Element, text: bytes, policy: Policy) -> None:
    """Count nodes, each count only where the bytes leave it open whether the budget could be exceeded."""
    tags, equal_signs = text.count(b"<"), text.count(b"=")
    if tags > policy.max_elements and _ELEMENT_COUNT(root) > policy.max_elements:
        raise Rejection(Reason.LIMITS, f"the message has more than {policy.max_elements} elements")
    # No element can be deeper than there are elements that end with a tag of their own, itself apart.
    if text.count(b"</") > policy.max_depth - 1 and _deeper_than(policy.max_depth)(root):
        raise Rejection(Reason.LIMITS, f"elements are nested more than {policy.max_depth} deep")
    if equal_signs > policy.max_attributes and _more_attributes_than(policy.max_attributes)(root):
        raise Rejection(Reason.LIMITS, f"an element has more than {policy.max_attributes} attributes")
    if text.count(b"xmlns") > policy.max_namespaces:
        _check_namespaces(root, policy.max_namespaces)
    names = tags + equal_signs
    if names * len(text) > MAX_NAMESPACE_OCTETS and names * _longest_declared(text) > MAX_NAMESPACE_OCTETS:
        # The scan reads text content, too; only what is really declared counts.
        longest = max((len(uri) for _, uri in _declarations(root)), default=0)
        if names * longest > MAX_NAMESPACE_OCTETS:
            raise Rejection(Reason.LIMITS, "the namespace names are too long for so many elements")


def _declarations(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Prefix and name of every namespace declaration."""
    for _, declaration in etree.iterwalk(root, events=("start-ns",)):
        yield cast(tuple[str, str], declaration)


def _longest_declared(text: bytes) -> int:
    """The length of the longest namespace name that the bytes could declare."""
    return max((max(len(m[1] or b""), len(m[2] or b"")) for m in _DECLARED.finditer(text)), default=0)


def _check_namespaces(root: etree._Element, limit: int) -> None:
    in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        in_scope += 1 if event == "start-ns" else -1
        if in_scope > limit:
            raise Rejection(Reason.LIMITS, f"more than {limit} namespace declarations are in scope at one element")
