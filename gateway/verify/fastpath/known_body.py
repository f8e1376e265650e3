"""The Body of a message whose layout is known: known by its shape (shapes.py), or parsed.

A small message is parsed without its header, of which every octet is known but for values that no parser reads
otherwise (template.py): what is left is as deep and has the same namespaces in scope. In a large one the header costs
little, and a tree of the whole serves the whole procedure too, should it come to that.
"""

from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize, spend_namespaces
from gateway.verify.coverage import unprotected_in
from gateway.verify.fastpath.body_tags import Shape, Shapes
from gateway.verify.fastpath.canonical_body import WrittenBodies
from gateway.verify.fastpath.template import KnownHead
from gateway.verify.grammar import CanonicalizationMethod
from gateway.verify.parsing import Document, holds_instructions, parse_admitted
from gateway.verify.policy import Policy
from gateway.verify.xml_names import XENC, XOP, XSI

_UNREADABLE: Final = frozenset({XENC.encode(), XOP.encode()})
_NAMESPACES: Final = _UNREADABLE | {XSI.encode()}
_SMALL: Final = 32 * 1024
"""Octets of a message up to which its header is left out. So few cannot come to too many elements under any policy that
admits ordinary messages, nor to too long declarations in a canonical form (parsing.py)."""


class Unfamiliar(Exception):  # noqa: N818 - no error: the whole procedure decides
    """Something is not as it was in the message that the layout was made from."""


class FamiliarBody(Protocol):
    """What a verdict needs to know of the Body."""

    @property
    def operation(self) -> str | None:
        """QName of its first child."""
        ...

    @property
    def children(self) -> int:
        """How many elements stand in it."""
        ...

    def form(self, known: WrittenBodies, method: CanonicalizationMethod, start: bytes, budget: WorkBudget) -> bytes:
        """Its canonical form by `method`; `start` is the canonical form of its start tag.

        Raises:
            Rejection: `structure`, `limits`.
            Unfamiliar: An xsi:type may mean something else than what is signed.
        """
        ...

    def learn(self) -> None:
        """Remember how it is written, now that it is known to be its signer's.

        Raises:
            Rejection: `structure`, where it has no canonical form.
        """
        ...


def is_parsed_in_part(message: bytes, policy: Policy) -> bool:
    """Whether a familiar `message` is small enough to be parsed without its header, or not at all."""
    size = len(message)
    return size <= _SMALL and size // 4 <= policy.max_elements


def familiar_body(
    document: Document | None, message: bytes, head: KnownHead, ids: AbstractSet[bytes], policy: Policy
) -> FamiliarBody:
    """The Body of `message`, parsed as `document` where it is large.

    Args:
        document: the message, known up to the end of its head; None where `is_parsed_in_part`.
        message: in UTF-8, without a byte order mark.
        head: its head.
        ids: the ids in the head.
        policy: its budgets hold.

    Raises:
        Rejection: `limits`, `encoding`, `malformed`.
        Unfamiliar: The whole procedure has to look at it.
    """
    if not message.endswith(head.layout.closing):
        _refuse_strange_ending(message, head)
    if document is not None:
        _refuse_strange_text(message)
        return _ParsedBody(document, message, head, ids)
    shapes = head.layout.shapes
    if shapes is not None and not shapes.is_worth_asking():
        shapes = None
    shape = None if shapes is None else shapes.find(message[head.end - 1 :])
    if shape is not None and shape.quoted.isdisjoint(ids):
        return _ShapedBody(shape, message, head)
    # Where more namespaces are declared, or seem to be, long names are refused wherever they stand (parsing.py).
    if message.count(b"xmlns") > policy.max_namespaces:
        raise Unfamiliar
    text, known = head.layout.without_header(head, message)
    _refuse_strange_text(text)
    return _ParsedBody(parse_admitted(text, policy, known, len(message)), message, head, ids, shapes)


def _refuse_strange_ending(message: bytes, head: KnownHead) -> None:
    """Text between the Body and the end of the Envelope is refused, and a shape does not see it."""
    envelope_end = message.rfind(b"</")
    body_end, tag = message.rfind(b"</", head.end, envelope_end), head.layout.body_end
    if not message.startswith(tag, body_end) or message[body_end + len(tag) : envelope_end].strip(b" \t\r\n"):
        raise Unfamiliar


def _refuse_strange_text(text: bytes) -> None:
    """Comments, CDATA sections and processing instructions may split texts, references may spell an id otherwise."""
    # Single characters are found much faster, and many messages hold none of them.
    if (b"!" in text and b"<!" in text) or holds_instructions(text) or (b"&" in text and b"&#" in text):
        raise Unfamiliar


class _ShapedBody:
    """A Body of a known shape."""

    __slots__ = ("_head", "_message", "children", "operation")

    def __init__(self, shape: Shape, message: bytes, head: KnownHead) -> None:
        self.operation = shape.operation
        self.children = shape.children
        self._message = message
        self._head = head

    def form(
        self,
        known: WrittenBodies,
        method: CanonicalizationMethod,  # noqa: ARG002 - only layouts with plain exclusive canonicalization have shapes
        start: bytes,
        budget: WorkBudget,  # noqa: ARG002 - nothing is made
    ) -> bytes:
        message, content = self._message, self._head.end
        end = message.rfind(b"</", content, message.rfind(b"</"))
        return b"".join((start, message[content:end], known.end))

    def learn(self) -> None:
        """Nothing new."""


class _ParsedBody:
    """A Body in a tree."""

    __slots__ = (
        "_declares_xsi",
        "_document",
        "_forms",
        "_head",
        "_message",
        "_shapes",
        "_written",
        "children",
        "operation",
    )

    def __init__(
        self,
        document: Document,
        message: bytes,
        head: KnownHead,
        ids: AbstractSet[bytes],
        shapes: Shapes | None = None,
    ) -> None:
        """Look at `document`, the message or what is left of it without its header; remember its shape in `shapes`."""
        if len(document.root) != (1 if document.text is not message else 2):
            raise Unfamiliar
        self._declares_xsi = head.layout.declares_xsi
        if document.may_quote(ids | _NAMESPACES):
            if document.may_quote(ids | _UNREADABLE):
                raise Unfamiliar
            self._declares_xsi = True
        # There are no comments nor instructions, so that the first child is the first element.
        body = document.root[-1]
        self.children = len(body)
        self.operation = str(body[0].tag) if self.children else None
        self._document = document
        self._message = message
        self._head = head
        self._shapes = shapes
        self._forms = 0
        self._written = 0

    def form(self, known: WrittenBodies, method: CanonicalizationMethod, start: bytes, budget: WorkBudget) -> bytes:
        document = self._document
        body = document.root[-1]
        form = known.form(document, document.known, start)
        self._forms += 1
        if form is None:
            form = canonicalize(body, method.method, method.prefixes, budget, start=start)
        else:
            self._written += 1
            spend_namespaces(body, method.method, method.prefixes, budget)
        if self._declares_xsi and unprotected_in(body, form, method.method):
            raise Unfamiliar
        return form

    def learn(self) -> None:
        document, head = self._document, self._head
        if self._written < self._forms:
            for known in head.layout.references:
                if known.body is not None:
                    known.body.learn(document, document.known)
        elif self._shapes is not None and self._written and b"&" not in document.text:
            shape = Shape(self.operation, self.children, frozenset(document.quoted))
            self._shapes.learn(self._message[head.end - 1 :], shape)
