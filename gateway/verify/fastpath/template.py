"""Message templates: the part of a message that a signer writes the same way every time, and what it was found to mean.

From its first octet to the end of the Body's start tag (the *header prefix*) a partner's message differs from the one
before only in values: ids, digests, the signature value, instants, the texts of header blocks. Steps 4 to 7 of the
procedure read nothing but the prefix. What they concluded from that of a message which was accepted is kept here, with
its octets; where the octets around the values are the same again, it need not be concluded again.

Why it may be kept: between two values the octets are the same, and a value ends where the parser ends it (an
attribute's at its quote, a text at the next tag, and there is no `&` in the prefix), so that the parser passes through
the same states and makes the same elements with the same attributes. What depends on the values is decided anew
(acceptance.py), and so is all that does not stand in the prefix: the conditions, and the Body.

What is signed in the prefix needs no tree either: the canonical forms of SignedInfo and of the header blocks are kept
as they came out, cut at the same values (form_pattern.py). What a parser has to see is the Body, and of a small one not
even that, where its tags are known (body_tags.py).
"""

from dataclasses import dataclass
from typing import NewType

from gateway.verify.fastpath.body_tags import TagSequences
from gateway.verify.fastpath.canonical_body import CanonicalBodies
from gateway.verify.fastpath.form_pattern import FormPattern, is_plain
from gateway.verify.fastpath.header_prefix import MAX_PREFIX, Differs
from gateway.verify.fastpath.known_values import KnownAddressing, KnownSignature, KnownTimestamp, Values
from gateway.verify.grammar import ReferenceGrammar, is_plain_fragment

IdsOfPlainPrefix = NewType("IdsOfPlainPrefix", set[bytes])
"""The ids of a header prefix all of whose values are plain: `Ids.checked` alone says so."""


@dataclass(frozen=True, slots=True, eq=False)
class HeaderPrefix:
    """The octets of a header prefix around its values."""

    pieces: tuple[tuple[bytes, int, bytes], ...]
    """The octets before each value, how many they are, and what ends the value: a quote, or the beginning of a tag."""
    last: bytes
    """The octets behind the last value."""
    envelope_end: int
    """Where the start tag of the Envelope ends; there are no values before."""
    body_tag_octets: int
    """How many octets the start tag of the Body has without the values in it."""
    body_tag_values: tuple[int, ...]
    """Which those are."""

    def values_in(self, message: bytes) -> tuple[Values, int] | None:
        """The values of a message with this prefix, and where its prefix ends; None for any other message."""
        position = 0
        values = []
        for piece, size, end in self.pieces:
            if not message.startswith(piece, position):
                return None
            start = position + size
            position = message.find(end, start, start + MAX_PREFIX)
            if position < 0:
                return None
            values.append(message[start:position])
        if not message.startswith(self.last, position):
            return None
        position += len(self.last)
        return None if message.find(b"&", 0, position) >= 0 else (values, position)

    def without_header(self, message: bytes, values: Values, end: int) -> tuple[bytes, int]:
        """`message`, which has this prefix up to `end`, with its header left out, and where what is known of that ends.

        A parser makes the same of what is left, with the Body as deep and in the same namespaces, because all that is
        left out is well-formed: the values are plain (`Ids.checked`).
        """
        size = self.body_tag_octets + sum([len(values[position]) for position in self.body_tag_values])
        return message[: self.envelope_end] + message[end - size :], self.envelope_end + size


@dataclass(frozen=True, slots=True, eq=False)
class Ids:
    """Step 6 and 9: which ids there are in the prefix, and which of them the References name."""

    ids: tuple[int, ...]
    links: tuple[tuple[int, int], ...]
    """Values that must be the same: a fragment, and the id of the element that it names."""
    attributes: tuple[int, ...]
    """Values of attributes."""
    texts: tuple[int, ...]
    """Values that are texts, but for the SignatureValue, which is base64 or refused (`KnownSignature.trial`)."""

    def checked(self, values: Values) -> IdsOfPlainPrefix:
        """The ids of the prefix: all different, and each fragment names the element that it named. All is plain.

        Raises:
            Differs: Something is not so.
        """
        ids = {values[position] for position in self.ids}
        if len(ids) != len(self.ids):
            raise Differs
        for fragment, named in self.links:
            value = values[fragment]
            if value != values[named] or not is_plain_fragment(value):
                raise Differs
        if not is_plain([values[p] for p in self.attributes], [values[p] for p in self.texts]):
            raise Differs
        return IdsOfPlainPrefix(ids)


@dataclass(frozen=True, slots=True, eq=False)
class KnownReference:
    """Step 9: one Reference, the element that it names, how it is digested, and which of the values are its own."""

    pattern: FormPattern
    """Of the element's canonical form; of that of its start tag where it is the Body."""
    body: CanonicalBodies | None
    """What is known of how the Body is written; None where it is another element."""
    name: str
    shown_path: str
    grammar: ReferenceGrammar
    """As it was read; uri, id and digest are those of the message that the template was made from."""
    fragment: int
    digest: int


@dataclass(frozen=True, slots=True, eq=False)
class KnownEnvelope:
    """Step 4: the Envelope, and how its end is written."""

    version: str
    fault: str
    """The name of a SOAP Fault of this version."""
    body_end: bytes
    """The end tag of the Body, as it is written."""
    closing: bytes
    """That and the end tag of the Envelope, with nothing between them."""
    declares_xsi: bool
    """The prefix does, so that a type may stand in the Body without a declaration of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class MessageTemplate:
    """A header prefix, cut at its values, and what steps 4 to 7 and 10 concluded from it."""

    prefix: HeaderPrefix
    envelope: KnownEnvelope
    ids: Ids
    signature: KnownSignature
    references: tuple[KnownReference, ...]
    namespace_work: int
    """What `WorkBudget.spend_namespaces` was told of the canonical forms of SignedInfo and header blocks."""
    timestamp: KnownTimestamp | None
    addressing: KnownAddressing
    body_tags: TagSequences | None
    """Of the Bodies; None where they are canonicalized in another way than plain exclusively."""
