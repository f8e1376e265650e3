"""Canonical XML: exclusive, 1.0 and 1.1, of one element and what is below it (XML-EXC-C14N, C14N 1.0, C14N 1.1)."""

from collections.abc import Sequence
from typing import Final, cast
from urllib.parse import urlsplit, urlunsplit

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.budget import WorkBudget
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import XML, local_name

_XML_ID: Final = f"{{{XML}}}id"
_XML_BASE: Final = f"{{{XML}}}base"
_XML_PREFIX: Final = f"{{{XML}}}"


_NAMESPACES_ASSUMED: Final = 256
_NEGLIGIBLE: Final = 1_000_000
"""Comparisons that are not worth counting exactly."""
_ELEMENT_COUNT: Final = etree.XPath("count(descendant-or-self::*)")


def canonicalize(
    element: etree._Element,
    method: Canonicalization,
    prefix_list: Sequence[str] = (),
    budget: WorkBudget | None = None,
    *,
    start: bytes | None = None,
) -> bytes:
    """The canonical form of `element` in place, without comments.

    `prefix_list` holds the InclusiveNamespaces prefixes of exclusive canonicalization, `#default` for none. `start` is
    the element's `start_of`, where the caller knows it.

    Raises:
        Rejection: `structure`, where there is no canonical form (a relative namespace URI: C14N 1.0, 1.3 via errata) or
            where what came out is not the element that went in; `limits`, where it would cost more than
            `budget` has left.
    """
    if budget is not None:
        spend_namespaces(element, method, prefix_list, budget)
    try:
        exclusive = method is Canonicalization.EXCLUSIVE
        form = _exclusive(element, prefix_list) if exclusive else _inclusive(element, method)
    except (etree.C14NError, etree.XMLSyntaxError, ValueError) as error:
        raise Rejection(Reason.STRUCTURE, "a signed part has no canonical form (a relative namespace URI?)") from error
    # A failed canonicalization must never be "empty, and equal to the digest of nothing".
    if not form.startswith(start or start_of(element)):
        raise Rejection(Reason.STRUCTURE, "the canonical form of a signed part is not that part")
    return form


def spend_namespaces(
    element: etree._Element, method: Canonicalization, prefix_list: Sequence[str], budget: WorkBudget
) -> None:
    """Count what `canonicalize` would cost in comparisons of namespaces.

    Raises:
        Rejection: `limits`.
    """
    if prefix_list or method is not Canonicalization.EXCLUSIVE:
        budget.spend_namespaces(_namespace_comparisons(element, method, prefix_list))


def spend_searches(element: etree._Element, budget: WorkBudget) -> None:
    """Count what the exclusive form of an attachment costs in searches for namespaces.

    An element without a prefix is looked up among all declarations in scope.

    Raises:
        Rejection: `limits`.
    """
    elements = count_elements(element)
    if elements * _NAMESPACES_ASSUMED > _NEGLIGIBLE:
        budget.spend_namespaces(elements * _most_in_scope(element))


def count_elements(apex: etree._Element) -> int:
    """How many elements there are in `apex`, itself included."""
    return int(cast(float, _ELEMENT_COUNT(apex)))


def _namespace_comparisons(element: etree._Element, method: Canonicalization, prefix_list: Sequence[str]) -> int:
    """An estimate of the work: inclusive C14N compares the namespaces in scope with each other at every element, a
    PrefixList searches them. Measured: 240 namespaces over 270,000 empty elements took 20 s.
    """
    elements = count_elements(element)
    exclusive = method is Canonicalization.EXCLUSIVE

    def comparisons(namespaces: int) -> int:
        return elements * namespaces * (len(prefix_list) if exclusive else namespaces)

    coarse = comparisons(_NAMESPACES_ASSUMED)
    return coarse if coarse <= _NEGLIGIBLE else comparisons(_most_in_scope(element))


def _most_in_scope(element: etree._Element) -> int:
    """The most namespace declarations that are in scope anywhere in `element`."""
    now = most = len(element.nsmap)
    for event, _ in etree.iterwalk(element, events=("start-ns", "end-ns")):
        now += 1 if event == "start-ns" else -1
        most = max(most, now)
    return most


def start_of(element: etree._Element) -> bytes:
    """What the canonical form of `element` begins with."""
    name, prefix = local_name(str(element.tag)), element.prefix
    return f"<{name}".encode() if prefix is None else f"<{prefix}:{name}".encode()


def _exclusive(element: etree._Element, prefix_list: Sequence[str]) -> bytes:
    if "#default" in prefix_list:
        # lxml drops prefixes that its name dictionary of this thread does not hold, and no document ever declares this
        # one. A namespace name is interned by the parser.
        etree.fromstring(b'<x xmlns:p="#default"/>')
    return etree.tostring(
        element,
        method="c14n",
        exclusive=True,
        with_comments=False,
        inclusive_ns_prefixes=list(prefix_list) or None,
    )


def _inclusive(element: etree._Element, method: Canonicalization) -> bytes:
    """Inclusive forms are made from a copy that stands alone.

    In place, lxml writes a spurious `xmlns=""` in about one subtree of five and never inherits xml:* attributes.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, collect_ids=False)
    # In UTF-8: the default is ASCII, which can write any text but not every name.
    text = etree.tostring(element, with_tail=False, encoding="utf-8", xml_declaration=False)
    alone = etree.fromstring(text, parser)
    for name, value in _inherited(element, method).items():
        if value or name != _XML_BASE:
            alone.set(name, value)
        else:
            # A base that comes to nothing is not rendered (C14N 1.1, 2.4).
            alone.attrib.pop(_XML_BASE, None)
    return etree.tostring(alone, method="c14n", exclusive=False, with_comments=False)


def _inherited(element: etree._Element, method: Canonicalization) -> dict[str, str]:
    """The xml:* attributes of ancestors that the apex of a subset shows (C14N 1.0, 2.4; C14N 1.1, 2.4)."""
    own = element.attrib
    inherited: dict[str, str] = {}
    bases = [str(own[_XML_BASE])] if _XML_BASE in own else []
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            text = str(name)
            if not text.startswith(_XML_PREFIX):
                continue
            if text == _XML_BASE:
                bases.append(str(value))
            if text not in own:
                inherited.setdefault(text, str(value))
    if method is Canonicalization.INCLUSIVE_1_1:
        inherited.pop(_XML_ID, None)
        inherited.pop(_XML_BASE, None)
        if bases:
            joined = bases.pop()
            while bases:
                joined = join_uri_references(joined, bases.pop())
            inherited[_XML_BASE] = joined
    return inherited


def join_uri_references(base: str, reference: str) -> str:
    """xml:base of an element joined to that of its parent (C14N 1.1, 2.4: RFC 3986, 5.2, adapted to relative bases)."""
    b, r = urlsplit(base), urlsplit(reference)
    if r.scheme:
        parts = (r.scheme, r.netloc, _without_dots(r.path), r.query, "")
    elif r.netloc:
        parts = (b.scheme, r.netloc, _without_dots(r.path), r.query, "")
    elif not r.path:
        parts = (b.scheme, b.netloc, b.path, r.query or b.query, "")
    elif r.path.startswith("/"):
        parts = (b.scheme, b.netloc, _without_dots(r.path), r.query, "")
    else:
        folder = "/" if b.netloc and not b.path else b.path[: b.path.rfind("/") + 1]
        # A base that ends in ".." names a folder (C14N 1.1, 2.4, first modification).
        if b.path.endswith("..") and (b.path == ".." or b.path.endswith("/..")):
            folder = b.path + "/"
        parts = (b.scheme, b.netloc, _without_dots(folder + r.path), r.query, "")
    return urlunsplit(parts)


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4, keeping leading `..` of relative paths and folding repeated slashes (C14N 1.1, appendix A)."""
    rooted = path.startswith("/")
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if kept and kept[-1] != "..":
                kept.pop()
            elif not rooted:
                kept.append(segment)
        elif segment not in {"", "."}:
            kept.append(segment)
    folder = segments[-1] in {"", ".", ".."} and bool(kept)
    return ("/" if rooted else "") + "/".join(kept) + ("/" if folder else "")
