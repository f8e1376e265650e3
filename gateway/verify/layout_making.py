"""Making a layout from a message that the procedure has accepted (layout.py)."""

from collections.abc import Sequence
from typing import Final

from lxml import etree

from gateway.verify.c14n import start_of
from gateway.verify.cutting import BODY, Head, Path, cut, path_to
from gateway.verify.envelope import Envelope, SecurityHeader
from gateway.verify.grammar import SignatureGrammar
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.layout import Layout, SignedElement
from gateway.verify.names import CREATED, EXPIRES, XENC, XOP, XSI
from gateway.verify.parsing import Document
from gateway.verify.references import ResolvedReference

# As declarations: the names of algorithms begin like that of XML Encryption.
_UNREADABLE: Final = (f'"{XENC}"'.encode(), f'"{XOP}"'.encode())


class _None(Exception):  # noqa: N818 - no error: most of what is odd about a message is
    """The message has no layout."""


def make_layout(
    document: Document,
    envelope: Envelope,
    security: SecurityHeader,
    grammar: SignatureGrammar,
    key_info: KeyInfo,
    references: Sequence[ResolvedReference],
    covered: tuple[str, ...],
) -> Layout | None:
    """The layout of a message that was accepted for this, its one, signature; None where it has none."""
    try:
        return _layout(document, envelope, security, grammar, key_info, references, covered)
    except _None:
        return None


def _layout(
    document: Document,
    envelope: Envelope,
    security: SecurityHeader,
    grammar: SignatureGrammar,
    key_info: KeyInfo,
    references: Sequence[ResolvedReference],
    covered: tuple[str, ...],
) -> Layout:
    root, text = document.root, document.text
    signature = path_to(grammar.element)
    head = cut(text, root, BODY, signature) if root[:] == [envelope.header, envelope.body] else None
    if head is None or any(name in text[: head.end] for name in _UNREADABLE):
        raise _None
    timestamp = security.timestamp
    pieces, last = _pieces(head, text)
    return Layout(
        pieces=pieces,
        last=last,
        ids=tuple(position for position, value in enumerate(head.values) if value.is_id),
        links=_links(head, text),
        version=envelope.version,
        fault=f"{{{envelope.namespace}}}Fault",
        security=path_to(security.element),
        signature=signature,
        signature_id=head.find(signature, b"Id"),
        signature_value=_position(head, (*signature, 1)),
        has_timestamp=timestamp is not None,
        created=_text_position(head, None if timestamp is None else timestamp.find(CREATED)),
        expires=_text_position(head, None if timestamp is None else timestamp.find(EXPIRES)),
        message_id=_text_position(head, envelope.addressing("MessageID")),
        relates_to=_text_position(head, envelope.addressing("RelatesTo")),
        algorithm=grammar.algorithm,
        canonicalization=grammar.canonicalization,
        start=start_of(grammar.signed_info),
        # Their order is that of the References behind CanonicalizationMethod and SignatureMethod.
        references=tuple(
            _signed_element(head, (*signature, 0, number + 2), reference) for number, reference in enumerate(references)
        ),
        key_info=key_info,
        covered=covered,
        declares_xsi=XSI.encode() in text[: head.end],
    )


def _pieces(head: Head, text: bytes) -> tuple[tuple[tuple[bytes, int, bytes], ...], bytes]:
    """The octets before the values, with their number and what ends each value, and those behind the last."""
    pieces = []
    position = 0
    for value in head.values:
        piece = text[position : value.start]
        pieces.append((piece, len(piece), b'"' if value.attribute else b"<"))
        position = value.end
    return tuple(pieces), text[position : head.end]


def _links(head: Head, text: bytes) -> tuple[tuple[int, int], ...]:
    """Which fragment names which id of the head."""
    ids: dict[bytes, int] = {}
    for position, value in enumerate(head.values):
        if value.is_id and ids.setdefault(text[value.start : value.end], position) != position:
            raise _None
    links = []
    for position, value in enumerate(head.values):
        if value.is_fragment:
            named = ids.get(text[value.start : value.end])
            if named is None:
                raise _None
            links.append((position, named))
    return tuple(links)


def _signed_element(head: Head, path: Path, reference: ResolvedReference) -> SignedElement:
    grammar, element = reference.grammar, path_to(reference.element)
    if grammar.str_transform or element not in head.paths:
        raise _None
    return SignedElement(
        path=element,
        start=start_of(reference.element),
        name=reference.part.name,
        shown_path=reference.part.path,
        grammar=grammar,
        fragment=_position(head, path, b"URI"),
        digest=_position(head, (*path, 2 if grammar.transforms else 1)),
    )


def _position(head: Head, path: Path, attribute: bytes = b"") -> int:
    position = head.find(path, attribute)
    if position is None:
        raise _None
    return position


def _text_position(head: Head, element: etree._Element | None) -> int | None:
    """The position of the element's text; None where there is no such element."""
    return None if element is None else _position(head, path_to(element))
