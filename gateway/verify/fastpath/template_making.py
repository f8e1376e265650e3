"""Making a template from a message that the procedure has accepted (template.py)."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from lxml import etree

from gateway.verify.binding import signed_bindings
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize
from gateway.verify.document_limits import MAX_NAMESPACE_NAME, longest_namespace_name
from gateway.verify.envelope import Envelope, SecurityHeader, fault_of
from gateway.verify.fastpath.body_tags import TagSequences
from gateway.verify.fastpath.canonical_body import CanonicalBodies
from gateway.verify.fastpath.form_pattern import FormPattern, Markers
from gateway.verify.fastpath.header_prefix import BODY, CutPrefix, Differs, Path, cut_prefix, element_at, path_to
from gateway.verify.fastpath.known_values import KnownAddressing, KnownSignature, KnownTimestamp
from gateway.verify.fastpath.memory import KnownMessages
from gateway.verify.fastpath.template import HeaderPrefix, Ids, KnownEnvelope, KnownReference, MessageTemplate
from gateway.verify.findings import Acceptance
from gateway.verify.grammar import PLAIN_EXCLUSIVE, CanonicalizationMethod, SignatureGrammar
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.parsing import parse_own
from gateway.verify.reason import Rejection
from gateway.verify.references import ResolvedReference
from gateway.verify.signature_check import CheckedSignature
from gateway.verify.unreadable import UNREADABLE
from gateway.verify.xml_names import CREATED, EXPIRES, SAML1, SAML2, XSI

# As declarations: the names of algorithms begin like that of XML Encryption.
_UNREADABLE: Final = tuple(b'"' + namespace + b'"' for namespace in UNREADABLE)
_ASSERTIONS: Final = (SAML1.encode(), SAML2.encode())
"""A KeyInfo may name one by its id and take the key from its texts, which are values of a template."""
_BEHIND_NAME: Final = re.compile(rb"[ \t\r\n/>]")


def learn(known: KnownMessages, acceptance: Acceptance) -> None:
    """Remember how a message of no known template is written, which the procedure has accepted."""
    if _is_fit(acceptance) and known.wants():
        template = make_template(acceptance)
        if template is not None:
            known.add(template)


def make_template(acceptance: Acceptance) -> MessageTemplate | None:
    """The template of a message that was accepted for its one signature; None where it has none."""
    one = acceptance.carrying[0]
    if one.signature is None or not _is_fit(acceptance):
        return None
    try:
        return _template(acceptance, *one.signature, one)
    except (Differs, Rejection):
        return None


def _is_fit(acceptance: Acceptance) -> bool:
    """Whether a message may have a template, as far as that is seen at once."""
    envelope, timestamp = acceptance.envelope, acceptance.security.timestamp
    signed = {reference.element for reference in acceptance.carrying[0].references}
    return (
        # What is not UTF-8 whatever it holds, or has a byte order mark, is not what it would be compared with.
        acceptance.document.as_it_came
        # Messages with several signatures are rare, and what the others come to would have to be remembered as well.
        and len(acceptance.security.signatures) == 1
        # What an unsigned Body holds would have to be looked at again, and an unsigned Timestamp is warned of.
        and envelope.body in signed
        and (timestamp is None or timestamp in signed)
        and not acceptance.is_remarkable
    )


def _template(
    acceptance: Acceptance, grammar: SignatureGrammar, key_info: KeyInfo, checked: CheckedSignature
) -> MessageTemplate:
    document, envelope, security = acceptance.document, acceptance.envelope, acceptance.security
    references = checked.references
    root, text = document.root, document.text
    signature = path_to(grammar.element)
    cut = cut_prefix(text, root, BODY, signature) if root[:] == [envelope.header, envelope.body] else None
    if cut is None or any(name in text[: cut.end] for name in (*_UNREADABLE, *_ASSERTIONS)):
        raise Differs
    if longest_namespace_name(text[: cut.end]) > MAX_NAMESPACE_NAME:
        raise Differs  # admitted in small messages alone
    signature_value = _position(cut, (*signature, 1))
    pieces, last = _pieces(cut, text)
    forms = _Forms(cut, text, pieces, last)
    body_tag_octets, body_tag_values = _body_tag(cut)
    # In this order: the forms count what they cost.
    known_signature = KnownSignature(
        id=cut.find(signature, b"Id"),
        value=signature_value,
        algorithm=grammar.algorithm,
        canonicalization=grammar.canonicalization.uri,
        signed_info=forms.pattern((*signature, 0), grammar.canonicalization, checked.octets),
        key_info=key_info,
        covered=acceptance.covered,
        covers=tuple(dict.fromkeys(reference.part.covered_as for reference in references)),
    )
    # Their order is that of the References behind CanonicalizationMethod and SignatureMethod.
    known_references = tuple(
        _reference(cut, (*signature, 0, number + 2), reference, forms) for number, reference in enumerate(references)
    )
    return MessageTemplate(
        prefix=HeaderPrefix(pieces, last, cut.envelope_end, body_tag_octets, body_tag_values),
        envelope=KnownEnvelope(
            version=envelope.version,
            fault=fault_of(envelope.namespace),
            body_end=forms.body_end,
            closing=forms.closing,
            declares_xsi=XSI.encode() in text[: cut.end],
        ),
        ids=Ids(
            ids=tuple(position for position, value in enumerate(cut.values) if value.is_id),
            links=_links(cut, text),
            attributes=tuple(position for position, value in enumerate(cut.values) if value.attribute),
            texts=tuple(p for p, value in enumerate(cut.values) if not value.attribute and p != signature_value),
        ),
        signature=known_signature,
        references=known_references,
        namespace_work=forms.namespace_work,
        timestamp=_timestamp(cut, security),
        addressing=_addressing(cut, acceptance, references),
        body_tags=TagSequences() if _has_plain_body(references, envelope) else None,
    )


def _timestamp(cut: CutPrefix, security: SecurityHeader) -> KnownTimestamp | None:
    """The Timestamp, which is signed (`_is_fit`)."""
    timestamp = security.timestamp
    if timestamp is None:
        return None
    return KnownTimestamp(_text_position(cut, timestamp.find(CREATED)), _text_position(cut, timestamp.find(EXPIRES)))


def _addressing(cut: CutPrefix, acceptance: Acceptance, references: Sequence[ResolvedReference]) -> KnownAddressing:
    envelope, security = acceptance.envelope, acceptance.security
    bindings = signed_bindings(envelope, security.element, [reference.element for reference in references])
    return KnownAddressing(
        message_id=_text_position(cut, envelope.addressing("MessageID")),
        relates_to=_text_position(cut, envelope.addressing("RelatesTo")),
        relations=tuple(_position(cut, path_to(block)) for block in bindings.relations),
        confirmations=tuple(cut.find(path_to(element), b"Value") for element in bindings.confirmations),
    )


def _pieces(cut: CutPrefix, text: bytes) -> tuple[tuple[tuple[bytes, int, bytes], ...], bytes]:
    """The octets before the values, with their number and what ends each value, and those behind the last."""
    pieces = []
    position = 0
    for value in cut.values:
        piece = text[position : value.start]
        pieces.append((piece, len(piece), b'"' if value.attribute else b"<"))
        position = value.end
    return tuple(pieces), text[position : cut.end]


def _links(cut: CutPrefix, text: bytes) -> tuple[tuple[int, int], ...]:
    """Which fragment names which id of the cut."""
    ids: dict[bytes, int] = {}
    for position, value in enumerate(cut.values):
        if value.is_id and ids.setdefault(text[value.start : value.end], position) != position:
            raise Differs
    links = []
    for position, value in enumerate(cut.values):
        if value.is_fragment:
            named = ids.get(text[value.start : value.end])
            if named is None:
                raise Differs
            links.append((position, named))
    return tuple(links)


def _has_plain_body(references: Sequence[ResolvedReference], envelope: Envelope) -> bool:
    """Whether the Body, which is signed, is canonicalized exclusively without a PrefixList wherever it is."""
    methods = [one.grammar.canonicalization for one in references if one.element is envelope.body]
    return all(method is PLAIN_EXCLUSIVE for method in methods)


def _body_tag(cut: CutPrefix) -> tuple[int, tuple[int, ...]]:
    """How many octets of the Body's start tag are no values, and which values are in it."""
    if any(value.start < cut.envelope_end for value in cut.values):
        raise Differs
    inside = [(position, value) for position, value in enumerate(cut.values) if value.start > cut.body_start]
    values = sum(value.end - value.start for _, value in inside)
    return cut.end - cut.body_start - values, tuple(position for position, _ in inside)


def _reference(cut: CutPrefix, path: Path, reference: ResolvedReference, forms: "_Forms") -> KnownReference:
    grammar, element = reference.grammar, path_to(reference.element)
    if grammar.str_transform or element not in cut.paths:
        raise Differs
    pattern, body = forms.pattern(element, grammar.canonicalization, reference.form), None
    if element == BODY:
        body = forms.canonical_bodies(grammar.canonicalization, pattern)
    return KnownReference(
        pattern=pattern,
        body=body,
        name=reference.part.name,
        shown_path=reference.part.path,
        grammar=grammar,
        fragment=_position(cut, path, b"URI"),
        digest=_position(cut, (*path, 2 if grammar.transforms else 1)),
    )


class _Forms:
    """Canonical forms of the prefix's elements, made once more with markers in the places of the values."""

    def __init__(self, cut: CutPrefix, text: bytes, pieces: Sequence[tuple[bytes, int, bytes]], last: bytes) -> None:
        self._values = [text[value.start : value.end] for value in cut.values]
        # Nothing that a text holds can be made from its own hash.
        self._markers = Markers(hashlib.sha256(text).hexdigest(), len(self._values))
        envelope_tag, body_tag = text[: cut.envelope_end], text[cut.body_start : cut.end]
        self._opening = envelope_tag + body_tag
        self.body_end = _end_tag(body_tag)
        """The end tag of the Body."""
        self.closing = self.body_end + _end_tag(envelope_tag[envelope_tag.rfind(b"<") :])
        marked = [
            part for (piece, *_), marker in zip(pieces, self._markers.all, strict=True) for part in (piece, marker)
        ]
        self._root = parse_own(b"".join((*marked, last, self.closing)))
        self.namespace_work = 0

    def pattern(self, path: Path, method: CanonicalizationMethod, form: bytes) -> FormPattern:
        """The pattern of the element at `path`, whose canonical form is `form`; of the Body that of its start tag."""
        budget = WorkBudget(0)
        element = element_at(self._root, path)
        marked = canonicalize(element, method.method, method.prefixes, budget)
        if path == BODY:
            marked = marked.removesuffix(self.body_end)
        else:
            self.namespace_work += budget.namespaces_spent
        pattern = self._markers.pattern(marked)
        filled = pattern.filled(self._values)
        if not (form.startswith(filled) if path == BODY else form == filled):
            raise Differs
        return pattern

    def canonical_bodies(self, method: CanonicalizationMethod, pattern: FormPattern) -> CanonicalBodies:
        """What there is to know of how the Body is written."""
        return CanonicalBodies(
            opening=self._opening,
            closing=self.closing,
            end=self.body_end,
            start=pattern.filled(self._values),
            canonicalize=lambda body: canonicalize(body, method.method, method.prefixes),
        )


def _end_tag(start_tag: bytes) -> bytes:
    return b"</" + _BEHIND_NAME.split(start_tag[1:], maxsplit=1)[0] + b">"


def _position(cut: CutPrefix, path: Path, attribute: bytes = b"") -> int:
    position = cut.find(path, attribute)
    if position is None:
        raise Differs
    return position


def _text_position(cut: CutPrefix, element: etree._Element | None) -> int | None:
    """The position of the element's text; None where there is no such element."""
    return None if element is None else _position(cut, path_to(element))
