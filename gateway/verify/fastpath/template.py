"""Layouts: the part of a message that a signer writes the same way every time, and what it was found to mean.

From its first octet to the end of the Body's start tag (the *head*) a partner's message differs from the one before
only in values: ids, digests, the signature value, instants, the texts of header blocks. Steps 4 to 7 of the procedure
read nothing but the head. What they concluded from the head of a message that was accepted is kept here, with its
octets; where the octets around the values are the same again, it need not be concluded again.

Why it may be kept: between two values the octets are the same, and a value ends where the parser ends it (an
attribute's at its quote, a text at the next tag, and there is no `&` in the head), so that the parser passes through
the same states and makes the same elements with the same attributes. What depends on the values is decided anew
(acceptance.py).

What is signed in the head needs no tree either: the canonical forms of SignedInfo and of the header blocks are kept as
they came out, cut at the same values (template.py). What a parser has to see is the Body, and of a small one not even
that, where its tags are known (shapes.py).

Layouts only save time. They are made from accepted messages alone: to add one takes a message of a trusted signer, be
it one that somebody else sends again with something altered that is not signed. Whatever does not fit exactly goes
through the whole procedure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from gateway.verify.algorithms import SignatureAlgorithm
from gateway.verify.fastpath.body_tags import Shapes
from gateway.verify.fastpath.canonical_body import WrittenBodies
from gateway.verify.fastpath.form_pattern import Template
from gateway.verify.fastpath.header_prefix import MAX_HEAD
from gateway.verify.grammar import ReferenceGrammar
from gateway.verify.key_trial import KeyTrial, report_hint
from gateway.verify.keyinfo import KeyInfo
from gateway.verify.policy import Policy
from gateway.verify.verdict import HintReport, VerifiedBy, accepted_detail
from keystore import Candidate, TrustSnapshot

MOST_LAYOUTS: Final = 8
"""Layouts of one policy and Content-Type: two keys, and a few kinds of responses."""
MOST_OF_ONE_POLICY: Final = 16
"""Layouts of one policy, whatever the Content-Type: each takes some tens of kilobytes at the most."""
MOST_POLICIES: Final = 256
EAGER: Final = 16
"""Accepted messages without a known layout from which layouts are made before that is done for one in 64 only: a signer
who never writes the same head twice, or writes more heads than are kept, must not make every message dearer."""


@dataclass(frozen=True, slots=True, eq=False)
class SignedElement:
    """One Reference of a layout: the element that it names, how it is digested, and which of the values are its own."""

    template: Template
    """Of its canonical form; of that of its start tag where it is the Body."""
    body: WrittenBodies | None
    """What is known of how the Body is written; None where it is another element."""
    name: str
    shown_path: str
    grammar: ReferenceGrammar
    """As it was read; uri, id and digest are those of the message that the layout was made from."""
    fragment: int
    digest: int


@dataclass(slots=True, eq=False)
class Layout:
    """A head, cut at its values, and what steps 4 to 7 concluded from it. Values are named by their positions."""

    pieces: tuple[tuple[bytes, int, bytes], ...]
    """The octets before each value, how many they are, and what ends the value: a quote, or the beginning of a tag."""
    last: bytes
    """The octets behind the last value."""
    ids: tuple[int, ...]
    links: tuple[tuple[int, int], ...]
    """Values that must be the same: a fragment, and the id of the element that it names."""
    attributes: tuple[int, ...]
    """Values of attributes."""
    texts: tuple[int, ...]
    """Values that are texts, but for the SignatureValue."""
    envelope_end: int
    """Where the start tag of the Envelope ends; there are no values before."""
    body_tag: tuple[int, tuple[int, ...]]
    """How many octets the start tag of the Body has without the values in it, and which those are."""
    body_end: bytes
    """The end tag of the Body, as it is written."""
    closing: bytes
    """That and the end tag of the Envelope, with nothing between them."""
    version: str
    fault: str
    """The name of a SOAP Fault of this version."""
    signature_id: int | None
    signature_value: int
    has_timestamp: bool
    created: int | None
    expires: int | None
    message_id: int | None
    relates_to: int | None
    relations: tuple[int, ...]
    """Of the signed wsa:RelatesTo that bind the response to its request."""
    confirmations: tuple[int | None, ...]
    """Of the signed SignatureConfirmation elements, None for one without a Value."""
    algorithm: SignatureAlgorithm
    canonicalization: str
    """Of SignedInfo, its URI."""
    signed_info: Template
    namespace_work: int
    """What `WorkBudget.spend_namespaces` was told of the canonical forms of SignedInfo and header blocks."""
    references: tuple[SignedElement, ...]
    key_info: KeyInfo
    covered: tuple[str, ...]
    declares_xsi: bool
    """The head does."""
    shapes: Shapes | None
    """Of the Bodies; None where they are not signed, or canonicalized in another way than plain exclusively."""
    _order: tuple[TrustSnapshot, Sequence[Candidate]] | None = field(default=None, init=False)
    _signed: tuple[TrustSnapshot, KeyTrial, "SignedBy"] | None = field(default=None, init=False)

    def values_in(self, text: bytes) -> tuple[list[bytes], int] | None:
        """The values of a document with this head, and where its head ends; None for any other document."""
        position = 0
        values = []
        for piece, size, end in self.pieces:
            if not text.startswith(piece, position):
                return None
            start = position + size
            position = text.find(end, start, start + MAX_HEAD)
            if position < 0:
                return None
            values.append(text[start:position])
        if not text.startswith(self.last, position):
            return None
        position += len(self.last)
        return None if text.find(b"&", 0, position) >= 0 else (values, position)

    def without_header(self, head: "KnownHead", text: bytes) -> tuple[bytes, int]:
        """The document `text`, which has this head, with its header left out, and where what is known of that ends."""
        size, positions = self.body_tag
        size += sum([len(head.values[position]) for position in positions])
        return text[: self.envelope_end] + text[head.end - size :], self.envelope_end + size

    def candidates(self, trust: TrustSnapshot, at: datetime) -> Sequence[Candidate]:
        """The keys to try, in the order of the hint; found out once for each snapshot."""
        order = self._order
        if order is not None and order[0] is trust:
            return order[1]
        candidates = tuple(trust.candidates(self.key_info.hint, at))
        if not trust.changes_with_time:
            self._order = trust, candidates
        return candidates

    def signed_by(self, trust: TrustSnapshot, trial: KeyTrial) -> "SignedBy":
        """What a verdict says of the keys that made the signature value; put into words once for each of them."""
        known = self._signed
        if known is not None and known[0] is trust:
            same = known[1]
            if same.signers == trial.signers and same.verified_by == trial.verified_by:
                return known[2]
        verified_by = tuple(dict.fromkeys(trial.verified_by))
        said = SignedBy(
            report_hint(self.key_info.hint, trust, trial), verified_by, accepted_detail(verified_by, self.covered)
        )
        self._signed = trust, trial, said
        return said


class SignedBy(NamedTuple):
    """What a verdict that accepts says of keys."""

    hint: HintReport
    """What KeyInfo claimed, held against what came out."""
    verified_by: tuple[VerifiedBy, ...]
    detail: str


class KnownHead(NamedTuple):
    """The head of a document, recognised."""

    layout: Layout
    values: list[bytes]
    end: int


@dataclass(slots=True)
class _Known:
    """The layouts of one policy."""

    by_type: dict[str | None, tuple[Layout, ...]] = field(default_factory=dict)
    """By Content-Type, that which learnt last being the last; of its layouts the one that fitted last comes first."""
    misses: int = 0
    """Accepted messages that had none of them.

    The count never starts again: with more shapes than are kept, a hit now and then would have layouts made of most of
    the others, which push each other out.
    """

    def add(self, content_type: str | None, layout: Layout) -> None:
        by_type = dict(self.by_type)
        by_type[content_type] = (layout, *by_type.pop(content_type, ())[: MOST_LAYOUTS - 1])
        # The Content-Type is at the sender's choice, or at that of whoever stands in between.
        while sum(map(len, by_type.values())) > MOST_OF_ONE_POLICY:
            del by_type[next(iter(by_type))]
        self.by_type = by_type


class LayoutMemory:
    """The layouts that are known.

    Safe to share between threads: what is known is replaced as a whole where something is added, so that at worst one
    of them learns in vain.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._known: dict[Policy, _Known] = {}
        """By the policy's value: whoever makes the same one anew for each message finds what the others taught."""
        self._seen: dict[int, tuple[Policy, _Known]] = {}
        """The same by the object itself, which is held here as long as its number is used: a value takes longer."""

    def recognise(self, text: bytes, policy: Policy, content_type: str | None) -> KnownHead | None:
        """The head of the document `text`; None where its layout is not known."""
        seen = self._seen.get(id(policy))
        known = self._of(policy) if seen is None else seen[1]
        layouts = () if known is None else known.by_type.get(content_type, ())
        for layout in layouts:
            found = layout.values_in(text)
            if found is not None:
                if known is not None and layout is not layouts[0]:
                    known.by_type[content_type] = (layout, *(other for other in layouts if other is not layout))
                return KnownHead(layout, *found)
        return None

    def wants(self, policy: Policy) -> bool:
        """Whether a layout should be made from an accepted message of none that is known."""
        known = self._of(policy)
        if known is None:
            known = _Known()
            newest = list(self._known.items())[1 - MOST_POLICIES :]
            self._known = {**dict(newest), policy: known}
            self._seen = {}
        known.misses += 1
        return known.misses <= EAGER or known.misses % 64 == 0

    def add(self, layout: Layout, policy: Policy, content_type: str | None) -> None:
        """Know `layout` from now on."""
        known = self._of(policy)
        if known is not None:
            known.add(content_type, layout)

    def _of(self, policy: Policy) -> _Known | None:
        seen = self._seen.get(id(policy))
        if seen is not None:
            return seen[1]
        known = self._known.get(policy)
        if known is not None:
            newest = list(self._seen.items())[1 - MOST_POLICIES :]
            self._seen = {**dict(newest), id(policy): (policy, known)}
        return known
