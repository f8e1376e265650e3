"""The tags of small Bodies, remembered, so that other texts between the same tags need no parser.

A receiver's answers to one operation often have the same tags, octet for octet, and other texts between them. The *tag
sequence* of a Body is what is left of its octets without the texts. Where it is that of a Body that was parsed, and
found to be its signer's, in a message of the same template, then

- its tags are balanced, its elements as many, as deep and in the same namespaces as they were in that one: XML lets no
  text change how a tag is read, as long as it holds neither `<` nor `&`;
- it is written in canonical form as well, as long as no text holds `>` or a carriage return;
- it is well-formed, as long as its texts hold nothing but characters that XML admits, in UTF-8 (XML 1.0, 2.2).

No rule of this package asks what the texts of a Body are. What the conclusion rests on is asked here, whoever calls:

a. a text is told from an attribute by the tags' form: behind the operation's start tag none has attributes, so that
   none holds quotes, and in that one they are double quotes (`_SEQUENCE`);
b. the Body is written in canonical form: C14N, exclusive and without a PrefixList, is asked once for each sequence;
c. nothing stands behind the Body but the end of the Envelope (`BodyContent`);
d. what the tags' attributes hold and matters to some rule is kept with the sequence, or the sequence is not: an id of
   the header prefix, the namespaces of unreadable content, an xsi:type whose prefix is not protected, a namespace name
   of a length that is admitted in small messages alone.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.coverage import unprotected_in
from gateway.verify.document_limits import MAX_NAMESPACE_NAME
from gateway.verify.fastpath.header_prefix import Differs
from gateway.verify.unreadable import UNREADABLE

LONGEST: Final = 8192
"""Octets of a sequence that is remembered, with what is known of it."""
MOST_OCTETS: Final = 65_536
"""Octets of all sequences of one template, with what is known of each."""
TRIAL: Final = 256
"""Bodies after which it is asked whether remembering is worth its while."""
AGAIN: Final = 16 * TRIAL
"""Bodies after which it is tried once more."""
_AROUND: Final = 512
"""Octets that one takes besides, about."""
_TEXT: Final = re.compile(rb">[^<>&]+<")
_NAME: Final = rb"[^\s<>&\"'/=?!]+"
_SEQUENCE: Final = re.compile(
    rb"><" + _NAME + rb"(?: " + _NAME + rb"=\"([^\"<&>\t\r\n]*)\")*>(?:</?" + _NAME + rb">)*[ \t\r\n]*"
)
"""a. The operation's start tag, with attributes as a canonical form has them; tags without any; the end of the file."""
_QUOTED: Final = re.compile(rb"\"([^\"]*)\"")
_CONTROLS: Final = {*range(0x20)} - {0x09, 0x0A}
_ADMITTED: Final = bytes(octet for octet in range(256) if octet not in _CONTROLS)
"""Without the carriage return, which no canonical form holds."""
_NO_CHARACTERS: Final = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
"""U+FFFE and U+FFFF, which UTF-8 can write and XML does not admit."""


class BodyContent(NamedTuple):
    """The content of a Body, in octets; behind it stands the end of the Envelope. Made by `body_content` alone."""

    message: bytes
    start: int
    """Behind the start tag of the Body."""
    end: int
    """Where its end tag begins."""

    @property
    def octets(self) -> bytes:
        """From the end of the Body's start tag to that of the message."""
        return self.message[self.start - 1 :]

    def form(self, start: bytes, end: bytes) -> bytes:
        """The canonical form of the Body, where its content is written in it, between these tags."""
        return b"".join((start, self.message[self.start : self.end], end))


def body_content(message: bytes, start: int, body_end: bytes, closing: bytes) -> BodyContent:
    """The content of the Body of `message`.

    Args:
        message: its Body's start tag ends at `start`.
        start: see there.
        body_end: the end tag of the Body, as it is written.
        closing: that and the end tag of the Envelope, with nothing between them.

    Raises:
        Differs: The end tags are written otherwise, or there is text between them, which the procedure refuses.
    """
    if message.endswith(closing):
        return BodyContent(message, start, len(message) - len(closing))
    envelope_end = message.rfind(b"</")
    end = message.rfind(b"</", start, envelope_end)
    if not message.startswith(body_end, end) or message[end + len(body_end) : envelope_end].strip(b" \t\r\n"):
        raise Differs
    return BodyContent(message, start, end)


@dataclass(frozen=True, slots=True)
class TagSequence:
    """What is known of every Body of one tag sequence."""

    operation: str | None
    """QName of its first child."""
    children: int
    quoted: frozenset[bytes]
    """Whatever stands in quotes in its tags."""

    @property
    def size(self) -> int:
        """Octets that this takes, about."""
        return _AROUND + len(self.operation or "") + sum(map(len, self.quoted))


def tags_of(content: bytes) -> bytes:
    """The octets of `content`, which begins with the end of a tag, without the texts that need no parser."""
    return _TEXT.sub(b"><", content)


def are_characters(content: bytes) -> bool:
    """Whether `content` is UTF-8, and holds only characters that XML admits and a canonical form holds as they are."""
    if content.translate(None, _ADMITTED):
        return False
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return not any(character in content for character in _NO_CHARACTERS)


@dataclass(slots=True, eq=False)
class TagSequences:
    """The tag sequences of the Bodies of one template.

    Safe to share between threads: what is known is replaced as a whole, never altered, so that at worst one of them
    learns in vain.
    """

    _known: dict[bytes, TagSequence] = field(default_factory=dict, init=False)
    """In the order in which they were learnt."""
    _asked: int = field(default=0, init=False)
    _found: int = field(default=0, init=False)

    def is_worth_asking(self) -> bool:
        """Whether sequences of this template are repeated so often that it pays to look for them."""
        self._asked += 1
        if self._asked > AGAIN:
            self._asked = self._found = 0
        return self._asked <= TRIAL or 4 * self._found > self._asked

    def find(self, content: BodyContent) -> TagSequence | None:
        """What is known of a Body of this content; None for others."""
        octets = content.octets
        known = self._known.get(tags_of(octets))
        if known is None or not are_characters(octets):
            return None
        self._found += 1
        return known

    def learn(self, content: BodyContent, body: etree._Element) -> None:
        """Remember the tags of this content, that of the parsed `body`, which is known to be its signer's.

        Where one of the conditions does not hold, nothing is remembered.

        Raises:
            Rejection: `structure`, where the Body has no canonical form.
        """
        tags = tags_of(content.octets)
        if tags in self._known or len(tags) > LONGEST or _SEQUENCE.fullmatch(tags) is None:
            return
        quoted = frozenset(_QUOTED.findall(tags))
        known = TagSequence(str(body[0].tag), len(body), quoted)
        if len(tags) + known.size > LONGEST or not _are_harmless(quoted) or not _is_canonical(content, body):
            return
        self._keep(tags, known)

    def _keep(self, tags: bytes, sequence: TagSequence) -> None:
        known = self._known | {tags: sequence}
        size = sum(len(octets) + one.size for octets, one in known.items())
        while size > MOST_OCTETS:
            oldest = next(iter(known))
            size -= len(oldest) + known.pop(oldest).size
        self._known = known

    @property
    def octets(self) -> int:
        """How many octets are taken, about."""
        return sum(len(tags) + sequence.size for tags, sequence in self._known.items())


def _are_harmless(quoted: frozenset[bytes]) -> bool:
    """d, as far as it is the same for every Body of the sequence."""
    return quoted.isdisjoint(UNREADABLE) and max(map(len, quoted), default=0) <= MAX_NAMESPACE_NAME


def _is_canonical(content: BodyContent, body: etree._Element) -> bool:
    """b, and what d says of types."""
    form = canonicalize(body, Canonicalization.EXCLUSIVE)
    inside = content.message[content.start : content.end]
    # Behind the canonical form's start tag, which is as it may be, and before its end tag.
    start = form.index(b">") + 1
    return form[start : form.rindex(b"</")] == inside and not unprotected_in(body, form, Canonicalization.EXCLUSIVE)
