"""Step 10: whether the required parts are what was signed, object by object (threat rules 1 to 7, 16)."""

from typing import Final

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.envelope import Envelope, SecurityHeader
from gateway.verify.names import ADDRESSING, TIMESTAMP, XOP, XOP_INCLUDE, XSI
from gateway.verify.parsing import Document
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import ResolvedReference, part_name, path_of
from gateway.verify.text import printable

_TYPE_ATTRIBUTES: Final = etree.XPath("descendant-or-self::*/@xsi:type", namespaces={"xsi": XSI})
_ADDRESSING_TAGS: Final = tuple(f"{{{namespace}}}" for namespace in ADDRESSING)
_MAX_TYPES: Final = 1000
"""xsi:type attributes looked at per part."""


def required_elements(
    policy: Policy, envelope: Envelope, security: SecurityHeader
) -> dict[str, tuple[etree._Element, ...]]:
    """The element objects of each required part, at their absolute positions.

    Raises:
        Rejection: `timestamp-missing`, `part-not-signed` (a required header block is absent).
    """
    required: dict[str, tuple[etree._Element, ...]] = {}
    for part in policy.required_parts:
        if part == "Body":
            required[part] = (envelope.body,)
        elif part == "Timestamp":
            if security.timestamp is None:
                raise Rejection(Reason.TIMESTAMP_MISSING, "the policy requires a Timestamp, and there is none")
            required[part] = (security.timestamp,)
        else:
            blocks = tuple(block for block in envelope.blocks if block.tag == part)
            if not blocks:
                raise Rejection(Reason.PART_NOT_SIGNED, f"the required header block {part} is absent")
            required[part] = blocks
    return required


def missing_parts(
    required: dict[str, tuple[etree._Element, ...]], references: tuple[ResolvedReference, ...]
) -> tuple[str, ...]:
    """The required parts that `references` do not cover: covered is an element that *is* a referenced one."""
    return tuple(
        part
        for part, elements in required.items()
        if not all(any(reference.element is element for reference in references) for element in elements)
    )


def refuse_misplaced(
    references: tuple[ResolvedReference, ...], envelope: Envelope, security: SecurityHeader, policy: Policy
) -> None:
    """A signed element that looks like a part of the message must stand where that part stands.

    Raises:
        Rejection: `wrapping`.
    """
    namespace = envelope.namespace
    for reference in references:
        element, tag = reference.element, str(reference.element.tag)
        if tag in {f"{{{namespace}}}Envelope", f"{{{namespace}}}Header", f"{{{namespace}}}Body"}:
            in_place = element is envelope.root or element is envelope.header or element is envelope.body
        elif tag == TIMESTAMP:
            in_place = element is security.timestamp
        elif tag in policy.required_parts or tag.startswith(_ADDRESSING_TAGS):
            # Inside an addressing block that is itself in place, as EndpointReferences have it, is in place too.
            block = _header_block_of(element, envelope)
            in_place = block is not None and (
                block is element or (tag not in policy.required_parts and str(block.tag).startswith(_ADDRESSING_TAGS))
            )
        else:
            continue
        if not in_place:
            raise Rejection(
                Reason.WRAPPING, f"the signed {part_name(element)} stands at {path_of(element)}, where nobody reads it"
            )


def _header_block_of(element: etree._Element, envelope: Envelope) -> etree._Element | None:
    """The header block that `element` is or stands in."""
    node: etree._Element | None = element
    while node is not None:
        parent = node.getparent()
        if parent is not None and parent is envelope.header:
            return node
        node = parent
    return None


def refuse_unreadable(envelope: Envelope, document: Document) -> None:
    """The gateway must be able to read what it vouches for.

    Raises:
        Rejection: `structure`, where the Body or a header block is encrypted or refers to an attachment.
    """
    if envelope.is_encrypted:
        raise Rejection(Reason.STRUCTURE, "the message holds encrypted content that the gateway cannot read")
    if XOP.encode() in document.text and next(envelope.body.iter(XOP_INCLUDE), None) is not None:
        raise Rejection(
            Reason.STRUCTURE, "the Body refers to an attachment (xop:Include) that the signature does not cover"
        )


def unprotected_prefixes(references: tuple[ResolvedReference, ...]) -> tuple[str, ...]:
    """Prefixes in xsi:type values whose declaration the signature does not cover.

    Exclusive canonicalization keeps only declarations of prefixes that elements and attributes themselves use, so the
    namespace of such a value can be changed without touching the digest (XML-EXC-C14N, 1.3 and 4).
    """
    found: dict[str, None] = {}
    for reference in references:
        method = reference.grammar.canonicalization
        if method.method is not Canonicalization.EXCLUSIVE or reference.grammar.str_transform:
            continue
        for value in _TYPE_ATTRIBUTES(reference.element)[:_MAX_TYPES]:
            prefix, colon, _ = str(value).strip().rpartition(":")
            shown = prefix if colon else "#default"
            if shown in method.prefixes or shown in found:
                continue
            if not _is_rendered(prefix if colon else None, value.getparent(), reference.element):
                found[shown] = None
    return tuple(printable(prefix, 40) for prefix in found)


def _is_rendered(prefix: str | None, element: etree._Element, apex: etree._Element) -> bool:
    """Whether the canonical form of `apex` declares `prefix` at `element`: an element on the way uses it visibly."""
    if prefix not in element.nsmap:
        return True  # Not bound at all: there is nothing that could be rebound unnoticed below the apex.
    node: etree._Element | None = element
    bound = element.nsmap[prefix]
    while node is not None:
        attribute_uses = prefix is not None and any(str(name).startswith(f"{{{bound}}}") for name in node.attrib)
        if node.nsmap.get(prefix) == bound and (node.prefix == prefix or attribute_uses):
            return True
        if node is apex:
            return False
        node = node.getparent()
    return False
