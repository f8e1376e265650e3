"""Step 10: whether the required parts are what was signed, object by object (threat rules 1 to 7, 16)."""

from typing import Any, Final, cast

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.cdata import splits_text
from gateway.verify.envelope import Envelope, SecurityHeader
from gateway.verify.names import ADDRESSING, ENCRYPTED_DATA, TIMESTAMP, XENC, XOP, XOP_INCLUDE, XSI, XSI_TYPE
from gateway.verify.parsing import Document, parse_own
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import ResolvedReference, path_of
from gateway.verify.text import printable

_HAS_TYPES: Final = etree.XPath("boolean(descendant-or-self::*/@xsi:type)", namespaces={"xsi": XSI})
_ADDRESSING_TAGS: Final = tuple(f"{{{namespace}}}" for namespace in ADDRESSING)
_XSI: Final = XSI.encode()
_XOP: Final = XOP.encode()
_XENC: Final = XENC.encode()


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
    # Elements are equal only to themselves, so that a set of them compares objects.
    covered = {reference.element for reference in references}
    return tuple(part for part, elements in required.items() if not covered.issuperset(elements))


def refuse_misplaced(
    references: tuple[ResolvedReference, ...], envelope: Envelope, security: SecurityHeader, policy: Policy
) -> None:
    """A signed element that looks like a part of the message must stand where that part stands.

    Raises:
        Rejection: `wrapping`.
    """
    for reference in references:
        element = reference.element
        if element is envelope.body or element is security.timestamp:
            continue
        tag = str(element.tag)
        if tag in {f"{{{envelope.namespace}}}{name}" for name in ("Envelope", "Header", "Body")}:
            in_place = element is envelope.root or element is envelope.header
        elif tag == TIMESTAMP:
            in_place = False
        elif tag in policy.required_parts or tag.startswith(_ADDRESSING_TAGS):
            # Inside an addressing block that is itself in place, as EndpointReferences have it, is in place too.
            block = _header_block_of(element, envelope)
            in_place = block is not None and (
                block is element or (tag not in policy.required_parts and str(block.tag).startswith(_ADDRESSING_TAGS))
            )
        else:
            # Any other signed element may stand anywhere, but not instead of a header block of its name.
            in_place = _header_block_of(element, envelope) is element or all(b.tag != tag for b in envelope.blocks)
        if not in_place:
            name = printable(tag, 160)
            raise Rejection(Reason.WRAPPING, f"the signed {name} stands at {path_of(element)}, where nobody reads it")


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
        Rejection: `structure`, where the Body or a header block is encrypted or refers to an attachment, and where
            CDATA sections split text.
    """
    encrypted = envelope.is_encrypted or (document.may_declare(_XENC) and _holds(envelope.body, ENCRYPTED_DATA))
    if encrypted:
        raise Rejection(Reason.STRUCTURE, "the message holds encrypted content that the gateway cannot read")
    if document.may_declare(_XOP) and _holds(envelope.body, XOP_INCLUDE):
        raise Rejection(
            Reason.STRUCTURE, "the Body refers to an attachment (xop:Include) that the signature does not cover"
        )
    if splits_text(document.text):
        raise Rejection(Reason.STRUCTURE, "a CDATA section splits text: what a consumer reads is not certain")


def _holds(element: etree._Element, tag: str) -> bool:
    return next(element.iter(tag), None) is not None


def unprotected_prefixes(references: tuple[ResolvedReference, ...], document: Document) -> tuple[str, ...]:
    """Prefixes in xsi:type values whose declaration the signature does not cover.

    Exclusive canonicalization keeps only declarations of prefixes that elements and attributes themselves use, so the
    namespace of such a value can be changed without touching the digest (XML-EXC-C14N, 1.3 and 4). What is covered is
    what the canonical form says: the values are read there, and have to mean the same.
    """
    if not document.may_declare(_XSI):
        return ()
    found = (
        prefix
        for reference in references
        if not reference.grammar.str_transform
        for prefix in unprotected_in(reference.element, reference.form, reference.grammar.canonicalization.method)
    )
    return tuple(dict.fromkeys(found))


def unprotected_in(element: etree._Element, form: bytes, method: Canonicalization) -> tuple[str, ...]:
    """The unprotected prefixes in one element, whose canonical form is `form`."""
    if method is not Canonicalization.EXCLUSIVE or not _HAS_TYPES(element):
        return ()
    meant = _type_bindings(element)
    signed = _type_bindings(parse_own(form))
    return tuple(
        printable(prefix or "#default", 40)
        for (prefix, namespace), (_, covered) in zip(meant, signed, strict=True)
        if namespace is not None and namespace != covered
    )


def _type_bindings(apex: etree._Element) -> list[tuple[str, str | None]]:
    """The prefix of every xsi:type value in `apex`, in document order, and the namespace it is bound to."""
    scope: dict[str, str] = {prefix or "": uri for prefix, uri in apex.nsmap.items()}
    hidden: list[tuple[str, str | None]] = []
    bindings: list[tuple[str, str | None]] = []
    for event, value in etree.iterwalk(apex, events=("start", "start-ns", "end-ns")):
        if event == "start-ns":
            prefix, uri = cast(tuple[str, str], value)
            hidden.append((prefix, scope.get(prefix)))
            scope[prefix] = uri
        elif event == "end-ns":
            prefix, previous = hidden.pop()
            if previous is None:
                scope.pop(prefix, None)
            else:
                scope[prefix] = previous
        else:
            name = cast(Any, value).get(XSI_TYPE)
            if name is not None:
                prefix = str(name).strip().rpartition(":")[0]
                bindings.append((prefix, scope.get(prefix) or None))
    return bindings
