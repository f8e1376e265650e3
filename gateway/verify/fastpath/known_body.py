"""The Body of a message whose template is known: known by its tags (body_tags.py), or parsed.

A small message is parsed without its header, of which every octet is known but for values that no parser reads
otherwise (form_pattern.py): what is left is as deep and has the same namespaces in scope. In a large one the header
costs little, and a tree of the whole serves the whole procedure too, should it come to that.
"""

from typing import Final, Protocol

from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize, spend_namespaces
from gateway.verify.coverage import unprotected_in
from gateway.verify.document import Document, has_plain_markup
from gateway.verify.document_limits import may_be_crowded, may_have_too_many_elements
from gateway.verify.fastpath.body_tags import BodyContent, TagSequence, TagSequences, body_content
from gateway.verify.fastpath.canonical_body import CanonicalBodies
from gateway.verify.fastpath.header_prefix import Differs
from gateway.verify.fastpath.memory import Recognised
from gateway.verify.fastpath.template import IdsOfPlainPrefix, MessageTemplate
from gateway.verify.grammar import PLAIN_EXCLUSIVE, CanonicalizationMethod
from gateway.verify.parsing import parse_admitted
from gateway.verify.policy import Policy
from gateway.verify.unreadable import UNREADABLE
from gateway.verify.xml_names import XSI

_XSI: Final = frozenset({XSI.encode()})
MOST_PARSED_IN_PART: Final = 32 * 1024
"""Octets of a message up to which its header is left out. So few cannot come to too many elements under any policy that
admits ordinary messages, nor to too long declarations in a canonical form (document_limits.py)."""


class KnownBody(Protocol):
    """What a verdict needs to know of the Body."""

    @property
    def operation(self) -> str | None:
        """QName of its first child."""
        ...

    @property
    def children(self) -> int:
        """How many elements stand in it."""
        ...

    def form(self, known: CanonicalBodies, method: CanonicalizationMethod, start: bytes, budget: WorkBudget) -> bytes:
        """Its canonical form by `method`; `start` is the canonical form of its start tag.

        Raises:
            Rejection: `structure`, `limits`.
            Differs: An xsi:type may mean something else than what is signed.
        """
        ...

    def learn(self) -> None:
        """Remember how it is written, now that it is known to be its signer's.

        Raises:
            Rejection: `structure`, where it has no canonical form.
        """
        ...


def is_parsed_in_part(message: bytes, policy: Policy) -> bool:
    """Whether a known `message` is small enough to be parsed without its header, or not at all."""
    size = len(message)
    return size <= MOST_PARSED_IN_PART and not may_have_too_many_elements(size, policy)


def known_body(
    document: Document | None, message: bytes, found: Recognised, ids: IdsOfPlainPrefix, policy: Policy
) -> KnownBody:
    """The Body of `message`, parsed as `document` where it is large.

    Args:
        document: the message, known up to the end of its prefix; None where `is_parsed_in_part`.
        message: in UTF-8, without a byte order mark.
        found: its header prefix.
        ids: those in the prefix, whose values are plain: else it could not be left out.
        policy: its limits hold.

    Raises:
        Rejection: `limits`, `encoding`, `malformed`.
        Differs: The whole procedure has to look at it.
    """
    template, values, end = found
    content = body_content(message, end, template.envelope.body_end, template.envelope.closing)
    if document is not None:
        if not document.has_plain_markup:
            raise Differs
        return _ParsedBody(document, content, template, ids)
    tags = template.body_tags
    if tags is not None and not tags.is_worth_asking():
        tags = None
    sequence = None if tags is None else tags.find(content)
    if sequence is not None and sequence.quoted.isdisjoint(ids):
        return _TaggedBody(sequence, content)
    # Where more namespaces are declared, or seem to be, long names are refused wherever they stand.
    if may_be_crowded(message, policy):
        raise Differs
    text, known = template.prefix.without_header(message, values, end)
    if not has_plain_markup(text):
        raise Differs
    return _ParsedBody(parse_admitted(text, policy, known, len(message)), content, template, ids, tags)


class _TaggedBody:
    """A Body of a known tag sequence."""

    __slots__ = ("_content", "children", "operation")

    def __init__(self, sequence: TagSequence, content: BodyContent) -> None:
        self.operation = sequence.operation
        self.children = sequence.children
        self._content = content

    def form(
        self,
        known: CanonicalBodies,
        method: CanonicalizationMethod,
        start: bytes,
        budget: WorkBudget,  # noqa: ARG002 - nothing is made
    ) -> bytes:
        if method is not PLAIN_EXCLUSIVE:
            raise Differs
        return self._content.form(start, known.end)

    def learn(self) -> None:
        """Nothing new."""


class _ParsedBody:
    """A Body in a tree."""

    __slots__ = (
        "_content",
        "_declares_xsi",
        "_document",
        "_forms",
        "_references",
        "_tags",
        "_written",
        "children",
        "operation",
    )

    def __init__(
        self,
        document: Document,
        content: BodyContent,
        template: MessageTemplate,
        ids: IdsOfPlainPrefix,
        tags: TagSequences | None = None,
    ) -> None:
        """Look at `document`, the message or what is left of it without its header; remember its tags in `tags`."""
        if len(document.root) != (1 if document.text is not content.message else 2):
            raise Differs
        self._declares_xsi = template.envelope.declares_xsi
        if document.may_quote(ids | UNREADABLE | _XSI):
            if document.may_quote(ids | UNREADABLE):
                raise Differs
            self._declares_xsi = True
        # There are no comments nor instructions, so that the first child is the first element.
        body = document.root[-1]
        self.children = len(body)
        self.operation = str(body[0].tag) if self.children else None
        self._document = document
        self._content = content
        self._references = template.references
        self._tags = tags
        self._forms = 0
        self._written = 0

    def form(self, known: CanonicalBodies, method: CanonicalizationMethod, start: bytes, budget: WorkBudget) -> bytes:
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
            raise Differs
        return form

    def learn(self) -> None:
        document = self._document
        if self._written < self._forms:
            for reference in self._references:
                if reference.body is not None:
                    reference.body.learn(document, document.known)
        elif self._tags is not None and self._written:
            self._tags.learn(self._content, document.root[-1])
