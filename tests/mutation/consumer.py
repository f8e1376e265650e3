"""What those who receive a message read in it: the measure of every mutant that is accepted.

Three consumers, with parsers of their own. The strict one takes the elements at their absolute positions (libxml2). The
naive one takes the first Body it sees, whatever its namespace, and the first text node of an element for its text
(expat). The textual one looks for an Envelope before it parses anything. None knows anything of signatures.
"""

import itertools
import re
from typing import Final
from xml.dom import Node as Dom
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from lxml import etree

from fixtures.manifest import Case
from gateway.verify.policy import canonical_actor
from gateway.verify.xml_names import SECURITY, TIMESTAMP

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


_DECLARATION: Final = re.compile(r"<\?xml[^>]*\?>")
_COMMENT: Final = re.compile(r"<!--[\s\S]*?-->")
_ENVELOPE: Final = re.compile(r"(?:<\?[^?]*\?>\s*)?<([^:]*):Envelope([\s\S]*)</\1:Envelope>", re.IGNORECASE)


def textual_view(message: bytes, encoding: str = "utf-8") -> Naive | None:
    """The naive view of the first Envelope that stands in the text, one comment left out; None where there is none.

    So does node-soap look for it, before it parses what it found.
    """
    found = _ENVELOPE.search(_COMMENT.sub("", message.decode(encoding, "replace"), count=1))
    if found is None:
        return None
    return naive_view(_DECLARATION.sub("", found[0], count=1).encode())


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
    first = next((text for text in texts if text.strip()), "") if children else _first(texts)
    return (element.namespaceURI, element.localName, tuple(attributes), first if first.strip() else "", children)


def _first(texts: list[str]) -> str:
    """The first text; who cannot read on where `]]>` is divided between two CDATA sections reads no honest one."""
    first = texts[0] if texts else ""
    for before, text in itertools.pairwise(texts):
        if not ((before.endswith("]]") and text.startswith(">")) or (before.endswith("]") and text.startswith("]>"))):
            break
        first += text
    return first
