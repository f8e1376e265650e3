"""Which operations a WSDL announces, each by the element that its request has in the Body.

That is, in style document the element of the message's part (WSDL 1.1, 3.5; WS-I Basic Profile 1.1, 4.4), in style rpc
the operation's own name in the namespace of its soap:body (R2729 ff.), and in WSDL 2.0 the element of the input. What a
document does not say by itself, or not without a doubt, is left out: one who waits for an operation that does not
exist waits for ever. The same for operations without an answer, of which there is never anything to verify.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify import shown_operation

_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP: Final = ("{http://schemas.xmlsoap.org/wsdl/soap/}", "{http://schemas.xmlsoap.org/wsdl/soap12/}")
_BODIES: Final = tuple(f"{namespace}body" for namespace in _SOAP)
_WSDL_2: Final = "{http://www.w3.org/ns/wsdl}"
_NO_ELEMENT: Final = frozenset({"#none", "#any", "#other"})
MOST_ANNOUNCED: Final = 500
"""Operations of one document; as many as the ledger remembers for an endpoint."""


def announced_operations(root: etree._Element) -> tuple[str, ...]:
    """The operations that the WSDL announces whose root is `root`, as records call them; none of a schema."""
    if root.tag == f"{_WSDL}definitions":
        found = _of_definitions(root)
    elif root.tag == f"{_WSDL_2}description":
        found = _of_description(root)
    else:
        found = iter(())
    names: dict[str, None] = {}
    for operation in found:
        if len(names) == MOST_ANNOUNCED:
            break
        names[shown_operation(operation) or ""] = None
    return tuple(names)


_MOST_PARTS: Final = 64
"""Parts of one message that are looked at, again for each operation."""


class _Part(NamedTuple):
    """A part of a message."""

    name: str
    element: str | None
    """In Clark notation; None where the part has a type."""


def _of_definitions(root: etree._Element) -> Iterator[str]:
    namespace = root.get("targetNamespace", "")
    messages = {
        _clark(namespace, message.get("name", "")): [
            _Part(part.get("name", ""), _qname(part, part.get("element")))
            for part in islice(message.iterchildren(f"{_WSDL}part"), _MOST_PARTS)
        ]
        for message in root.iterchildren(f"{_WSDL}message")
    }
    port_types = {
        _clark(namespace, port_type.get("name", "")): {
            operation.get("name", ""): operation for operation in port_type.iterchildren(f"{_WSDL}operation")
        }
        for port_type in root.iterchildren(f"{_WSDL}portType")
    }
    bindings = list(root.iterchildren(f"{_WSDL}binding"))
    for binding in bindings:
        soap = next(binding.iterchildren(*(f"{name}binding" for name in _SOAP)), None)
        if soap is None:
            continue
        operations = port_types.get(_qname(binding, binding.get("type")) or "")
        for bound in binding.iterchildren(f"{_WSDL}operation"):
            of_type = None if operations is None else operations.get(bound.get("name", ""))
            yield from _bound(bound, of_type, soap.get("style", "document"), messages)
    # A binding may stand in another document, which imports this one.
    of_bindings = {_qname(binding, binding.get("type")) for binding in bindings}
    for name, operations in port_types.items():
        if name not in of_bindings:
            for operation in operations.values():
                yield from _document_style(operation, None, messages)


def _bound(
    bound: etree._Element, of_type: etree._Element | None, style: str, messages: dict[str, list[_Part]]
) -> Iterator[str]:
    """The operation of a binding for SOAP; `of_type` is that of its portType, None where that is elsewhere."""
    soap = next(bound.iterchildren(*(f"{name}operation" for name in _SOAP)), None)
    style = style if soap is None else soap.get("style", style)
    if style == "document":
        if of_type is not None:
            yield from _document_style(of_type, bound, messages)
    elif style == "rpc" and _is_answered(bound if of_type is None else of_type):
        body = next((body for body in bound.iterfind(f"{_WSDL}input//*") if body.tag in _BODIES), None)
        if body is not None and bound.get("name"):
            yield _clark(body.get("namespace", ""), bound.get("name", ""))


def _document_style(
    operation: etree._Element, bound: etree._Element | None, messages: dict[str, list[_Part]]
) -> Iterator[str]:
    """The element of the request of `operation`, of a portType, as its binding `bound` has it."""
    if not _is_answered(operation):
        return
    of_type = next(operation.iterchildren(f"{_WSDL}input"))
    parts = messages.get(_qname(of_type, of_type.get("message")) or "", [])
    if bound is not None:
        of_binding = list(bound.iterchildren(f"{_WSDL}input"))
        bodies = [body for one in of_binding for body in one.iter(*_BODIES)]
        parts_of_body = bodies[0].get("parts") if bodies else None
        named = None if parts_of_body is None else set(parts_of_body.split())
        in_headers = {
            header.get("part") for one in of_binding for header in one.iter(*(f"{name}header" for name in _SOAP))
        }
        parts = [part for part in parts if (part.name in named if named is not None else part.name not in in_headers)]
    elements = [part.element for part in parts if part.element is not None]
    if len(elements) == 1 == len(parts):
        yield elements[0]


def _is_answered(operation: etree._Element) -> bool:
    """Whether there is a request, and then an answer to it (WSDL 1.1, 2.4)."""
    kinds = [child.tag for child in operation.iterchildren(f"{_WSDL}input", f"{_WSDL}output")]
    return kinds == [f"{_WSDL}input", f"{_WSDL}output"]


def _of_description(root: etree._Element) -> Iterator[str]:
    for operation in root.iterfind(f"{_WSDL_2}interface/{_WSDL_2}operation"):
        inputs = list(operation.iterchildren(f"{_WSDL_2}input"))
        if len(inputs) != 1 or next(operation.iterchildren(f"{_WSDL_2}output"), None) is None:
            continue
        element = inputs[0].get("element")
        name = None if element in _NO_ELEMENT else _qname(inputs[0], element)
        if name is not None:
            yield name


def _qname(element: etree._Element, value: str | None) -> str | None:
    """The name that `value` of an attribute of `element` stands for, in Clark notation (XML Schema part 2, 3.2.18)."""
    prefix, colon, local = (value or "").strip().rpartition(":")
    if not local:
        return None
    namespace = element.nsmap.get(prefix if colon else None)
    if namespace is None and colon:
        return None
    return _clark(namespace or "", local)


def _clark(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name
