"""Step 3: the limits that must hold before anything is canonicalized (threat rule 28)."""

import re
from functools import lru_cache
from typing import Any, Final, cast

from lxml import etree

from gateway.verify.document import Document
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection

_STEP: Final = 3
_SMALL: Final = 8192
"""Octets up to which a namespace name costs less than looking for it."""
# Attributes are ordered by C14N at quadratic cost: 100,000 on one element took 42 s. Namespaces in scope are walked by
# inclusive C14N at every element: 10,000 at depth 200 took 71 s. Both are refused before they can cost that.
MAX_NAMESPACE_NAME: Final = 1024
"""Octets of one namespace name: attributes are ordered by these names, comparing them octet by octet."""
MAX_NAMESPACE_OCTETS: Final = 8 * 1024 * 1024
_NAMESPACE_OCTETS_PER_OCTET: Final = 10
"""What namespace declarations may come to in a canonical form, by octets of the message: exclusive C14N repeats them
wherever the parent does not use the prefix, and 50,000 elements with a name of 100,000 octets would be 5 GB. At most so
many for each octet of the message, and MAX_NAMESPACE_OCTETS in a small one."""
_DECLARED: Final = re.compile(rb"xmlns(?::[^\s=<>\"'/:]+)?\s*=\s*(?=\"([^\"]*)\"|'([^']*)')")
"""A declaration, and whatever in a text looks like one.

The value is looked at and not consumed: what only looks like a declaration could end inside a real one, and hide it.
Linear all the same: a look goes no further than to the next quote of its kind, which the next look starts behind.
"""
# Elements that need a declaration of their own in a canonical form, and attributes that may need one.
_RENDERED: Final = (
    "/descendant::*[namespace-uri() != '' and substring-before(name(), ':') != substring-before(name(..), ':')]"
)
_RENDERINGS: Final = etree.XPath(f"count({_RENDERED}) + count(//@*[contains(name(), ':')])")


def exceeded(detail: str) -> Rejection:
    """The finding that a limit is exceeded: step 3, although some limits are met while the message is parsed."""
    return Rejection(Reason.LIMITS, detail, step=_STEP)


@lru_cache(maxsize=64)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


@lru_cache(maxsize=64)
def _more_attributes_than(count: int) -> etree.XPath:
    return etree.XPath(f"boolean(//@*[{count + 1}])")


@lru_cache(maxsize=64)
def _more_rendered_than(count: int) -> etree.XPath:
    # With the number in it libxml2 stops there; with a variable it looks at all.
    return etree.XPath(f"boolean({_RENDERED}[{count + 1}])")


def check_limits(document: Document, policy: Policy, parser_depth: int, size: int) -> None:
    """Count nodes, each count only where the bytes leave it open whether a limit could be exceeded.

    Args:
        document: what is left of the message, or all of it.
        policy: its limits hold.
        parser_depth: how deep the parser lets elements be nested.
        size: octets of the message.

    Raises:
        Rejection: `limits`.
    """
    root, text, end = document.root, document.text, document.attributes_end
    # No element can be deeper than there are elements that end with a tag of their own, itself apart.
    may_be_deeper = policy.max_depth < parser_depth and text.count(b"</") >= policy.max_depth
    if may_be_deeper and _deeper_than(policy.max_depth)(root):
        raise exceeded(f"elements are nested more than {policy.max_depth} deep (max_depth)")
    # Every attribute and every namespace declaration has an equals sign, and ends with a quote.
    equal_signs = text.count(b"=", 0, end)
    if equal_signs > policy.max_attributes and _more_attributes_than(policy.max_attributes)(root):
        raise exceeded(f"an element has more than {policy.max_attributes} attributes (max_attributes)")
    crowded = equal_signs > policy.max_namespaces and may_be_crowded(text, policy, end)
    # In a message of that size the longest possible name, on as many attributes as fit, costs next to nothing.
    if crowded or size > _SMALL:
        _check_names(document, policy, crowded=crowded)


def may_be_crowded(text: bytes, policy: Policy, end: int | None = None) -> bool:
    """Whether `text`, up to `end`, may declare more namespaces than the policy admits at one element."""
    return text.count(b"xmlns", 0, len(text) if end is None else end) > policy.max_namespaces


def may_have_too_many_elements(size: int, policy: Policy) -> bool:
    """Whether so many octets may hold more elements than the policy admits: the shortest is <a/>."""
    return size // 4 > policy.max_elements


def too_many_elements(policy: Policy) -> Rejection:
    """The finding that there are more elements than `policy` admits."""
    return exceeded(f"the message has more than {policy.max_elements} elements (max_elements)")


def _check_names(document: Document, policy: Policy, *, crowded: bool) -> None:
    """Refuse by what is really declared, which takes another pass over the document, where the octets leave it open."""
    text, end = document.text, document.attributes_end
    longest = longest_namespace_name(text[:end])
    repeated = longest <= MAX_NAMESPACE_NAME and _are_repeated_too_much(document, longest)
    if not crowded and longest <= MAX_NAMESPACE_NAME and not repeated:
        return
    found = _declarations(text)
    if found.most_in_scope > policy.max_namespaces:
        raise exceeded(
            f"more than {policy.max_namespaces} namespace declarations are in scope at one element (max_namespaces)"
        )
    if found.longest > MAX_NAMESPACE_NAME:
        raise exceeded(f"a namespace name has more than {MAX_NAMESPACE_NAME} octets")
    # Asked once where what seems to be the longest is: counting takes longer than all the rest.
    if repeated if found.longest == longest else _are_repeated_too_much(document, found.longest):
        raise exceeded("the namespace names are too long for so many elements")


def longest_namespace_name(text: bytes) -> int:
    """Octets of the longest namespace name that `text` declares, or seems to."""
    return max((max(len(m[1] or b""), len(m[2] or b"")) for m in _DECLARED.finditer(text)), default=0)


def _are_repeated_too_much(document: Document, longest: int) -> bool:
    """Whether declarations of names as long as `longest` may come to more than is admitted."""
    text = document.text
    admitted = max(MAX_NAMESPACE_OCTETS, _NAMESPACE_OCTETS_PER_OCTET * len(text))
    # An element takes four octets, an attribute five; then what the octets tell, then what the document does.
    return (
        len(text) // 4 * longest > admitted
        and (document.tags.count + text.count(b"=", 0, document.attributes_end)) * longest > admitted
        and (
            _more_rendered_than(admitted // longest)(document.root)
            or cast(float, _RENDERINGS(document.root)) * longest > admitted
        )
    )


class _Declarations:
    """Counts namespace declarations: a parser target, so that nothing but declarations costs anything."""

    def __init__(self) -> None:
        self.longest = 0
        self.most_in_scope = 0
        self._in_scope = 0

    def start_ns(self, prefix: str, uri: str) -> None:  # noqa: ARG002 - the parser's interface
        self.longest = max(self.longest, len(uri))
        self._in_scope += 1
        self.most_in_scope = max(self.most_in_scope, self._in_scope)

    def end_ns(self, prefix: str) -> None:  # noqa: ARG002 - the parser's interface
        self._in_scope -= 1

    def close(self) -> "_Declarations":
        return self


def _declarations(text: bytes) -> _Declarations:
    """The declarations in `text`, which has been parsed: a second pass for the few messages where they may matter."""
    parser = etree.XMLParser(
        target=cast(Any, _Declarations()), encoding="utf-8", resolve_entities=False, huge_tree=True
    )
    return cast(_Declarations, etree.fromstring(text, parser))
