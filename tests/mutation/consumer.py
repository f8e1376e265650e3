"""What those who receive a message read in it: the measure of every mutant that is accepted.

Two consumers, with parsers of their own. The strict one takes the elements at their absolute positions (libxml2). The
naive one takes the first Body it sees, whatever its namespace, and the first text node of an element for its text
(expat). Neither knows anything of signatures.
"""

from typing import Final
from xml.dom import Node as Dom
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from lxml import etree

from fixtures.manifest import Case
from gateway.verify.names import SECURITY, TIMESTAMP
from gateway.verify.policy import canonical_actor

Strict = dict[str, tuple[bytes, ...]]
"""Canonical forms by required part."""
Naive = tuple[object, ...]
_ACTORS: Final = {
    "http://schemas.xmlsoap.org/soap/envelope/": "actor",
    "http://www.w3.org/2003/05/soap-envelope": "role",
}


def strict_view(case: Case, message: bytes) -> Strict:
    """The canonical forms of the parts that the policy requires, at their places.

    Raises:
        etree.XMLSyntaxError: The message cannot be read.
    """
    root = etree.fromstring(message, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    soap = etree.QName(root).namespace
    blocks = [block for header in root.findall(f"{{{soap}}}Header") for block in header.iterchildren(etree.Element)]
    actor = f"{{{soap}}}{_ACTORS.get(soap or '', '')}"
    ours = [b for b in blocks if b.tag == SECURITY and canonical_actor(b.get(actor)) == case.policy.actor]
    found: Strict = {}
    for part in case.policy.required_parts:
        if part == "Body":
            elements = root.findall(f"{{{soap}}}Body")
        elif part == "Timestamp":
            elements = [child for block in ours for child in block.findall(TIMESTAMP)]
        else:
            elements = [block for block in blocks if block.tag == part]
        found[part] = tuple(
            etree.tostring(element, method="c14n", exclusive=True, with_comments=False) for element in elements
        )
    return found


def naive_view(message: bytes) -> Naive | None:
    """Names, attributes and first texts in the first Body; None where expat reads nothing."""
    try:
        document = minidom.parseString(message)  # noqa: S318 - no entities: what has a DOCTYPE is never accepted
    except (ExpatError, ValueError, LookupError):
        return None
    root = document.documentElement
    assert root is not None
    for child in root.childNodes:
        if child.nodeType == Dom.ELEMENT_NODE and child.localName == "Body":
            return _read(child)
    return ()


def naive_element(form: bytes) -> Naive:
    """The same of an element that stands alone."""
    root = minidom.parseString(form).documentElement  # noqa: S318 - a canonical form made here
    assert root is not None
    return _read(root)


def _read(element: minidom.Element) -> Naive:
    attributes = sorted(
        (a.namespaceURI or "", a.localName, a.value)
        for a in element.attributes.values()
        if a.namespaceURI != "http://www.w3.org/2000/xmlns/"
    )
    children = tuple(_read(child) for child in element.childNodes if child.nodeType == Dom.ELEMENT_NODE)
    texts = [child.data for child in element.childNodes if child.nodeType in {Dom.TEXT_NODE, Dom.CDATA_SECTION_NODE}]
    # White space between elements, and around comments there, is no value.
    first = next((text for text in texts if text.strip()), "") if children else "".join(texts[:1])
    return (element.namespaceURI, element.localName, tuple(attributes), first if first.strip() else "", children)
