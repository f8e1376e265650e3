"""Making a layout from a message that the procedure has accepted (layout.py)."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.binding import signed_bindings
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize
from gateway.verify.envelope import Envelope, SecurityHeader
from gateway.verify.fastpath.body_tags import Shapes
from gateway.verify.fastpath.canonical_body import WrittenBodies
from gateway.verify.fastpath.form_pattern import Markers, Template
from gateway.verify.fastpath.header_prefix import BODY, Head, Path, cut, element_at, path_to
from gateway.verify.fastpath.template import Layout, SignedElement
from gateway.verify.grammar import CanonicalizationMethod, SignatureGrammar
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.parsing import MAX_NAMESPACE_NAME, Document, longest_namespace_name, parse_own
from gateway.verify.reason import Rejection
from gateway.verify.references import ResolvedReference
from gateway.verify.xml_names import CREATED, EXPIRES, SAML1, SAML2, XENC, XOP, XSI

# As declarations: the names of algorithms begin like that of XML Encryption.
_UNREADABLE: Final = (f'"{XENC}"'.encode(), f'"{XOP}"'.encode())
_ASSERTIONS: Final = (SAML1.encode(), SAML2.encode())
"""A KeyInfo may name one by its id and take the key from its texts, which are values of a layout."""
_BEHIND_NAME: Final = re.compile(rb"[ \t\r\n/>]")


class _None(Exception):  # noqa: N818 - no error: most of what is odd about a message is
    """The message has no layout."""


def make_layout(
    document: Document,
    envelope: Envelope,
    security: SecurityHeader,
    grammar: SignatureGrammar,
    signed_info: bytes,
    key_info: KeyInfo,
    references: Sequence[ResolvedReference],
    covered: tuple[str, ...],
) -> Layout | None:
    """The layout of a message that was accepted for this, its one, signature; None where it has none.

    `signed_info` is the canonical SignedInfo.
    """
    try:
        return _layout(document, envelope, security, grammar, signed_info, key_info, references, covered)
    except (_None, Rejection):
        return None


def _layout(
    document: Document,
    envelope: Envelope,
    security: SecurityHeader,
    grammar: SignatureGrammar,
    signed_info: bytes,
    key_info: KeyInfo,
    references: Sequence[ResolvedReference],
    covered: tuple[str, ...],
) -> Layout:
    root, text = document.root, document.text
    signature = path_to(grammar.element)
    head = cut(text, root, BODY, signature) if root[:] == [envelope.header, envelope.body] else None
    if head is None or any(name in text[: head.end] for name in (*_UNREADABLE, *_ASSERTIONS)):
        raise _None
    if longest_namespace_name(text[: head.end]) > MAX_NAMESPACE_NAME:
        raise _None  # admitted in small messages alone
    timestamp = security.timestamp
    pieces, last = _pieces(head, text)
    signature_value = _position(head, (*signature, 1))
    texts = tuple(p for p, value in enumerate(head.values) if not value.attribute and p != signature_value)
    bindings = signed_bindings(envelope, security.element, [reference.element for reference in references])
    forms = _Forms(head, text, pieces, last)
    return Layout(
        pieces=pieces,
        last=last,
        ids=tuple(position for position, value in enumerate(head.values) if value.is_id),
        links=_links(head, text),
        attributes=tuple(position for position, value in enumerate(head.values) if value.attribute),
        texts=texts,
        envelope_end=head.envelope_end,
        body_tag=_body_tag(head),
        body_end=forms.body_end,
        closing=forms.closing,
        version=envelope.version,
        fault=f"{{{envelope.namespace}}}Fault",
        signature_id=head.find(signature, b"Id"),
        signature_value=signature_value,
        has_timestamp=timestamp is not None,
        created=_text_position(head, None if timestamp is None else timestamp.find(CREATED)),
        expires=_text_position(head, None if timestamp is None else timestamp.find(EXPIRES)),
        message_id=_text_position(head, envelope.addressing("MessageID")),
        relates_to=_text_position(head, envelope.addressing("RelatesTo")),
        relations=tuple(_position(head, path_to(block)) for block in bindings.relations),
        confirmations=tuple(head.find(path_to(element), b"Value") for element in bindings.confirmations),
        algorithm=grammar.algorithm,
        canonicalization=grammar.canonicalization.uri,
        signed_info=forms.template((*signature, 0), grammar.canonicalization, signed_info),
        # Their order is that of the References behind CanonicalizationMethod and SignatureMethod.
        references=tuple(
            _signed_element(head, (*signature, 0, number + 2), reference, forms)
            for number, reference in enumerate(references)
        ),
        namespace_work=forms.namespace_work,
        key_info=key_info,
        covered=covered,
        declares_xsi=XSI.encode() in text[: head.end],
        shapes=Shapes() if _has_plain_body(references, envelope) else None,
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


def _has_plain_body(references: Sequence[ResolvedReference], envelope: Envelope) -> bool:
    """Whether the Body is signed, and canonicalized exclusively without a PrefixList wherever it is."""
    methods = [one.grammar.canonicalization for one in references if one.element is envelope.body]
    return set(methods) == {CanonicalizationMethod(Canonicalization.EXCLUSIVE)}


def _body_tag(head: Head) -> tuple[int, tuple[int, ...]]:
    """How many octets of the Body's start tag are no values, and which values are in it."""
    if any(value.start < head.envelope_end for value in head.values):
        raise _None
    inside = [(position, value) for position, value in enumerate(head.values) if value.start > head.body_start]
    values = sum(value.end - value.start for _, value in inside)
    return head.end - head.body_start - values, tuple(position for position, _ in inside)


def _signed_element(head: Head, path: Path, reference: ResolvedReference, forms: "_Forms") -> SignedElement:
    grammar, element = reference.grammar, path_to(reference.element)
    if grammar.str_transform or element not in head.paths:
        raise _None
    template, body = forms.template(element, grammar.canonicalization, reference.form), None
    if element == BODY:
        body = forms.written_bodies(grammar.canonicalization, template)
    return SignedElement(
        template=template,
        body=body,
        name=reference.part.name,
        shown_path=reference.part.path,
        grammar=grammar,
        fragment=_position(head, path, b"URI"),
        digest=_position(head, (*path, 2 if grammar.transforms else 1)),
    )


class _Forms:
    """Canonical forms of the head's elements, made once more with markers in the places of the values."""

    def __init__(self, head: Head, text: bytes, pieces: Sequence[tuple[bytes, int, bytes]], last: bytes) -> None:
        self._values = [text[value.start : value.end] for value in head.values]
        # Nothing that a text holds can be made from its own hash.
        self._markers = Markers(hashlib.sha256(text).hexdigest(), len(self._values))
        envelope_tag, body_tag = text[: head.envelope_end], text[head.body_start : head.end]
        self._opening = envelope_tag + body_tag
        self.body_end = _end_tag(body_tag)
        """The end tag of the Body."""
        self.closing = self.body_end + _end_tag(envelope_tag[envelope_tag.rfind(b"<") :])
        marked = [
            part for (piece, *_), marker in zip(pieces, self._markers.all, strict=True) for part in (piece, marker)
        ]
        self._root = parse_own(b"".join((*marked, last, self.closing)))
        self.namespace_work = 0

    def template(self, path: Path, method: CanonicalizationMethod, form: bytes) -> Template:
        """The template of the element at `path`, whose canonical form is `form`; of the Body that of its start tag."""
        budget = WorkBudget(0)
        element = element_at(self._root, path)
        marked = canonicalize(element, method.method, method.prefixes, budget)
        if path == BODY:
            marked = marked.removesuffix(self.body_end)
        else:
            self.namespace_work += budget.namespaces_spent
        template = self._markers.template(marked)
        filled = template.filled(self._values)
        if not (form.startswith(filled) if path == BODY else form == filled):
            raise _None
        return template

    def written_bodies(self, method: CanonicalizationMethod, template: Template) -> WrittenBodies:
        """What there is to know of how the Body is written."""
        return WrittenBodies(
            opening=self._opening,
            closing=self.closing,
            end=self.body_end,
            start=template.filled(self._values),
            canonicalize=lambda body: canonicalize(body, method.method, method.prefixes),
        )


def _end_tag(start_tag: bytes) -> bytes:
    return b"</" + _BEHIND_NAME.split(start_tag[1:], maxsplit=1)[0] + b">"


def _position(head: Head, path: Path, attribute: bytes = b"") -> int:
    position = head.find(path, attribute)
    if position is None:
        raise _None
    return position


def _text_position(head: Head, element: etree._Element | None) -> int | None:
    """The position of the element's text; None where there is no such element."""
    return None if element is None else _position(head, path_to(element))
