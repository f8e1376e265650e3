"""Step 10: whether the required parts are what was signed, object by object (threat rules 1 to 7, 16)."""

from collections.abc import Collection, Iterable
from typing import Any, Final, cast

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.character_data import character_data
from gateway.verify.document import Document
from gateway.verify.envelope import Envelope, SecurityHeader
from gateway.verify.parsing import parse_own
from gateway.verify.policy import ALL_ATTACHMENTS, Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import ResolvedReference, path_of
from gateway.verify.xml_names import ADDRESSING, SECURITY, SOAP11, SOAP12, TIMESTAMP, XSI, XSI_TYPE, local_name

_HAS_TYPES: Final = etree.XPath("boolean(descendant-or-self::*/@xsi:type)", namespaces={"xsi": XSI})
_ADDRESSING_TAGS: Final = tuple(f"{{{namespace}}}" for namespace in ADDRESSING)
_XSI: Final = XSI.encode()
_SOAP_TAGS: Final = tuple(
    f"{{{namespace}}}{name}" for namespace in (SOAP11, SOAP12) for name in ("Envelope", "Header", "Body")
)
_INSTRUCTIONS: Final = etree.XPath("count(/descendant::processing-instruction())")
_INSTRUCTIONS_WITHIN: Final = etree.XPath("count(descendant::processing-instruction())")


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
        elif part == ALL_ATTACHMENTS:
            continue  # each of them is asked after (`gateway.verify.attachment_coverage`)
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
    required: dict[str, tuple[etree._Element, ...]], references: Iterable[ResolvedReference]
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
    # "Body" and "Timestamp" are names of parts, not of elements without a namespace.
    required_blocks = {part for part in policy.required_parts if part.startswith("{")}
    for reference in references:
        element = reference.element
        if element is envelope.body or element is security.timestamp:
            continue
        tag = str(element.tag)
        if tag in {f"{{{envelope.namespace}}}{name}" for name in ("Envelope", "Header", "Body")}:
            in_place = element is envelope.root or element is envelope.header
        elif tag == TIMESTAMP:
            # That of another actor's header is payload. Ours has to be signed as well: else it may be the one that was
            # carried there, so that nobody asks how old the message is.
            in_place = _is_of_another_actor(element, envelope, security) and any(
                other.element is security.timestamp for other in references
            )
        elif tag in required_blocks or tag.startswith(_ADDRESSING_TAGS):
            # Inside an addressing block that is itself in place, as EndpointReferences have it, is in place too.
            block = _header_block_of(element, envelope)
            in_place = block is not None and (
                block is element or (tag not in required_blocks and str(block.tag).startswith(_ADDRESSING_TAGS))
            )
        else:
            # Any other signed element may stand anywhere, but not instead of a header block of its name.
            in_place = _header_block_of(element, envelope) is element or all(b.tag != tag for b in envelope.blocks)
        if not in_place:
            name = printable(tag, 160)
            raise Rejection(Reason.WRAPPING, f"the signed {name} stands at {path_of(element)}, where nobody reads it")


def _is_of_another_actor(element: etree._Element, envelope: Envelope, security: SecurityHeader) -> bool:
    block = element.getparent()
    return block is not None and block.tag == SECURITY and block is not security.element and block in envelope.blocks


def _header_block_of(element: etree._Element, envelope: Envelope) -> etree._Element | None:
    """The header block that `element` is or stands in."""
    node: etree._Element | None = element
    while node is not None:
        parent = node.getparent()
        if parent is not None and parent is envelope.header:
            return node
        node = parent
    return None


def refuse_unsigned_markup(
    references: Iterable[ResolvedReference], envelope: Envelope, document: Document, policy: Policy
) -> None:
    """What nobody signed must not look like a message to any reader, and what was signed must read the same to all.

    Args:
        references: of the signatures that verify.
        envelope: the message.
        document: the same.
        policy: says whether signed texts may be split.

    Raises:
        Rejection: `structure`: a SOAP element, or a processing instruction (SOAP 1.1, 3; SOAP 1.2 part 1, 5), stands
            outside of what is signed, or what looks like one stands in a comment or an unsigned CDATA section; a CDATA
            section splits a signed text where it need not.
    """
    signed = {reference.digested for reference in references if reference.digested is not None}
    for part in (envelope.body, *envelope.blocks):
        # What is signed holds what its signer put there: a message in a message, say.
        for element in () if part in signed else part.iter(*_SOAP_TAGS):
            if element is not envelope.body and not _is_within(element, signed):
                raise Rejection(
                    Reason.STRUCTURE,
                    f"a second SOAP {local_name(str(element.tag))} stands at {path_of(element)}, which no trusted "
                    "signature covers",
                )
    outermost = {element for element in signed if not any(node in signed for node in element.iterancestors())}
    if document.may_hold_instructions:
        # Counted, not looked up one by one: whoever adds them must not choose what that costs.
        within = sum(cast(float, _INSTRUCTIONS_WITHIN(element)) for element in outermost)
        if cast(float, _INSTRUCTIONS(document.root)) > within:
            raise Rejection(
                Reason.STRUCTURE, "a processing instruction stands outside of what is signed, where SOAP has none"
            )
    found = character_data(document.text)
    misleading = found.first_misleading(document.root, outermost)
    if found.has_misleading_comment or misleading is not None:
        where = "comment" if misleading is None else "CDATA section outside of what is signed"
        raise Rejection(
            Reason.STRUCTURE, f"a {where} holds what a reader that looks for tags in the text would take for a message"
        )
    split = found.first_split(document.root, outermost)
    if split is not None and policy.split_text == "reject":
        raise Rejection(
            Reason.STRUCTURE,
            f"a CDATA section splits the text of {printable(local_name(str(split.tag)), 60)}, which is signed: "
            "what a consumer reads is not certain (the policy may admit it: split_text)",
        )


def _is_within(element: etree._Element, signed: Collection[etree._Element]) -> bool:
    return element in signed or any(ancestor in signed for ancestor in element.iterancestors())


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
