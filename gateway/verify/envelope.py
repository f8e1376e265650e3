"""Steps 4 and 5: the SOAP structure, and the one Security header that is ours (SOAP 1.1 4, SOAP 1.2 5, WSS-Core 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from gateway.verify.element_content import XML_SPACE, child_elements
from gateway.verify.policy import canonical_actor
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import (
    ADDRESSING,
    ENCRYPTED_DATA,
    ENCRYPTED_HEADER,
    SECURITY,
    SIGNATURE,
    SOAP11,
    SOAP12,
    SOAP_NAMESPACES,
    SOAP_VERSIONS,
    TIMESTAMP,
    local_name,
)


@dataclass(slots=True, eq=False)
class Envelope:
    """The elements at their absolute positions: what a consumer reads."""

    root: etree._Element
    version: str
    """`1.1` or `1.2`."""
    header: etree._Element | None
    body: etree._Element
    blocks: tuple[etree._Element, ...]
    """The header blocks."""
    operation: str | None
    """QName of the Body's first child element in Clark notation."""

    @property
    def namespace(self) -> str:
        """The SOAP namespace of this version."""
        return SOAP_NAMESPACES[self.version]

    @property
    def is_fault(self) -> bool:
        """Whether the Body holds a SOAP Fault and nothing beside it (SOAP 1.2, 5.4)."""
        return is_fault(self.operation, fault_of(self.namespace), len(self.body))

    @property
    def is_encrypted(self) -> bool:
        """Whether the Body or a header block is encrypted, so that the gateway cannot read it."""
        return self.operation == ENCRYPTED_DATA or any(
            block.tag in {ENCRYPTED_DATA, ENCRYPTED_HEADER} for block in self.blocks
        )

    def addressing(self, name: str) -> etree._Element | None:
        """The WS-Addressing header block of that local name; None where it is absent or there are several."""
        tags = [f"{{{namespace}}}{name}" for namespace in ADDRESSING]
        found = [block for block in self.blocks if block.tag in tags]
        return found[0] if len(found) == 1 else None


@dataclass(slots=True, eq=False)
class SecurityHeader:
    """The Security header block that is meant for us."""

    element: etree._Element
    children: tuple[etree._Element, ...]
    signatures: tuple[etree._Element, ...]
    timestamp: etree._Element | None


def fault_of(namespace: str) -> str:
    """The name of a Fault of that SOAP version."""
    return f"{{{namespace}}}Fault"


def is_fault(operation: str | None, fault: str, children: int) -> bool:
    """Whether a Body whose first child is `operation`, of so many `children`, holds a `fault` and nothing beside it."""
    return operation == fault and children == 1


MAX_SECURITY_HEADERS: Final = 16
"""Security headers in one message, those for other actors included."""
MAX_CHILDREN: Final = 1000
"""Header blocks, and children of a Security header: each is looked at several times."""


def soap_version(root: etree._Element) -> str | None:
    """`1.1`, `1.2`, or None where `root` is no SOAP Envelope."""
    return SOAP_VERSIONS.get(str(root.tag))


def read_envelope(root: etree._Element) -> Envelope:
    """The structure `Envelope(Header?, Body)` and nothing else.

    Raises:
        Rejection: `not-soap`, `structure`.
    """
    version = soap_version(root)
    if version is None:
        raise Rejection(
            Reason.NOT_SOAP, f"the root element is {printable(str(root.tag))}, not an Envelope of SOAP 1.1 or 1.2"
        )
    namespace = SOAP_NAMESPACES[version]
    if any(text.strip(XML_SPACE) for text in (root.text or "", *[child.tail or "" for child in root])):
        raise Rejection(Reason.STRUCTURE, "text stands between the children of the Envelope")
    children = child_elements(root)
    tags = [str(child.tag) for child in children]
    header_tag, body_tag = f"{{{namespace}}}Header", f"{{{namespace}}}Body"
    if tags == [header_tag, body_tag]:
        header, body = children
        return Envelope(root, version, header, body, tuple(_children(header)), operation_of(body))
    if tags == [body_tag]:
        return Envelope(root, version, None, children[0], (), operation_of(children[0]))
    shown = ", ".join(printable(local_name(tag), 40) for tag in tags[:6])
    raise Rejection(
        Reason.STRUCTURE,
        f"the Envelope must hold a Header and a Body, or a Body, of its own SOAP version; it holds: {shown}",
    )


def _children(element: etree._Element) -> list[etree._Element]:
    if len(element) > MAX_CHILDREN:
        raise Rejection(Reason.LIMITS, f"the {local_name(str(element.tag))} holds more than {MAX_CHILDREN} elements")
    return child_elements(element)


def operation_of(body: etree._Element) -> str | None:
    """QName of the first child element of `body` in Clark notation."""
    return next((child.tag for child in body if isinstance(child.tag, str)), None)


def find_security_header(envelope: Envelope, actor: str | None) -> tuple[SecurityHeader, tuple[str, ...]]:
    """The Security header for `actor`, and a warning for each one that is meant for somebody else.

    Raises:
        Rejection: `unsigned` (none is ours, or it holds no Signature), `structure` (two are ours, two Timestamps),
            `limits`.
    """
    ours: list[etree._Element] = []
    warnings = []
    headers = [block for block in envelope.blocks if block.tag == SECURITY]
    if len(headers) > MAX_SECURITY_HEADERS:
        raise Rejection(Reason.LIMITS, f"the message has more than {MAX_SECURITY_HEADERS} Security headers")
    for block in headers:
        named = _actor(block, envelope.namespace)
        if named == actor:
            ours.append(block)
        else:
            warnings.append(f"foreign-security-header: a Security header is meant for {printable(named or 'no actor')}")
    if len(ours) > 1:
        raise Rejection(Reason.STRUCTURE, "two Security headers are meant for the same actor")
    if not ours:
        if not headers:
            raise Rejection(Reason.UNSIGNED, "the message has no Security header")
        meant = ", ".join(printable(_actor(block, envelope.namespace) or "no actor", 80) for block in headers)
        ours_is = "without an actor" if actor is None else f"for the actor {printable(actor, 80)}"
        raise Rejection(
            Reason.UNSIGNED, f"no Security header {ours_is}; there are such for: {meant} (see the policy's key actor)"
        )
    children = _children(ours[0])
    signatures = tuple(child for child in children if child.tag == SIGNATURE)
    timestamps = [child for child in children if child.tag == TIMESTAMP]
    if len(timestamps) > 1:
        raise Rejection(Reason.STRUCTURE, "the Security header holds two Timestamps")
    if not signatures:
        raise Rejection(Reason.UNSIGNED, "the Security header holds no Signature")
    timestamp = timestamps[0] if timestamps else None
    return SecurityHeader(ours[0], tuple(children), signatures, timestamp), tuple(warnings)


def headers_for(actor: str | None, root: etree._Element) -> Iterator[etree._Element]:
    """The Security headers for `actor` in an Envelope whose structure is not what it should be.

    Whatever stands where our header would stand, under a Header of either SOAP version; the first few of them.
    """
    for namespace in (SOAP11, SOAP12):
        for header in islice(root.iterchildren(f"{{{namespace}}}Header"), MAX_SECURITY_HEADERS):
            for block in islice(header.iterchildren(SECURITY), MAX_SECURITY_HEADERS):
                if _actor(block, namespace) == actor:
                    yield block


def _actor(block: etree._Element, namespace: str) -> str | None:
    return canonical_actor(block.get(f"{{{namespace}}}{actor_attribute(namespace)}"))


def actor_attribute(namespace: str) -> str:
    """What says whom a header block is for: actor (SOAP 1.1, 4.2.2) or role (SOAP 1.2, 5.2.2), by SOAP's namespace."""
    return "actor" if namespace == SOAP11 else "role"
