"""Canonical forms of Bodies that are written in canonical form already, found without canonicalizing.

Most stacks write what they have canonicalized: but for namespaces declared further out, the octets of the Body are its
canonical form. To see that costs a few searches, a third of making the form anew. What is looked at here are Bodies
with one child, the operation, below which no element has attributes or declarations. Such a Body is written in
canonical form where (C14N 1.0, 1.1, 2.3; XML-EXC-C14N, 3):

a. there are no comments, processing instructions, CDATA sections, character references (`has_plain_markup`) nor
   carriage returns, and no references but those that C14N writes itself in texts: `&amp;`, `&lt;` and `&gt;`;
b. each `>` ends a tag, with neither white space nor `/` before it: with no quotes behind the operation's start tag
   every tag is then `<name>` or `</name>`;
c. the start tags of Body and operation are what C14N makes of them. That is asked of C14N itself, for a Body that has
   nothing but an empty operation of this start tag, and remembered;
d. every prefix that is used further in was declared in the canonical form of those two start tags already, so that no
   element inside has to declare it. Which are not is remembered too.

Whatever is written otherwise is canonicalized.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify.document import Document
from gateway.verify.parsing import parse_own

MOST_OPERATIONS: Final = 8
"""Start tags of operations that are remembered for one template."""
LONGEST_OPERATION: Final = 1024
"""Octets of such a tag."""
MOST_UNDECLARED: Final = 4
"""Prefixes that are searched for: each takes a pass over the Body."""
_OPERATION: Final = re.compile(rb'[ \t\n]*(<([\w.\-:]+)(?: [\w.\-:]+="[^"<&>\t\r\n]*")*>)')
# White space or a slash before the end of a tag. The single character in front is found much faster.
_OTHERWISE: Final = re.compile(rb">(?<=[ \t\n/]>)")
_WRITTEN: Final = (b"&amp;", b"&lt;", b"&gt;")

Canonicalize = Callable[[etree._Element], bytes]  # noqa: SLF001 - lxml's only name for its type


class Operation(NamedTuple):
    """What is known of the start tag of an operation in a Body of one template."""

    is_canonical: bool
    """It and that of the Body are written in canonical form."""
    undeclared: tuple[bytes, ...]
    """Start tags, as far as the colon, of elements that would have to declare their prefix."""


_OTHER: Final = Operation(is_canonical=False, undeclared=())


@dataclass(slots=True, eq=False)
class CanonicalBodies:
    """What is remembered of the Bodies of one template, for one canonicalization.

    The tags around the content are those of the message that the template was made from. Those of another one differ in
    values alone, which are plain, so that they are written in canonical form where these are.
    """

    opening: bytes
    """The start tags of Envelope and Body, as they are written."""
    closing: bytes
    """The end tags of Body and Envelope."""
    end: bytes
    """The end tag of the Body."""
    start: bytes
    """The canonical form of the Body's start tag, in `opening`."""
    canonicalize: Canonicalize
    _operations: dict[bytes, Operation] = field(default_factory=dict, init=False)

    def form(self, document: Document, content: int, start: bytes) -> bytes | None:
        """The canonical form of the Body of `document`; None where it is not seen to be written in it.

        Args:
            document: an Envelope whose last child is a Body of this template.
            content: where the Body's content begins.
            start: the canonical form of its start tag.
        """
        text, body = document.text, document.root[-1]
        found = _OPERATION.match(text, content)
        operation = None if found is None else self._operations.get(found[1])
        if (
            found is None
            or operation is None
            or not operation.is_canonical
            or not document.has_plain_markup
            # a. Behind the last end tag but one, that of the Body, there is only that of the Envelope.
            or len(body) != 1
            or document.attributes_end > found.end()
            or text.find(b"\r", content) >= 0
            or not _references_are_canonical(text, content)
        ):
            return None
        inside, end = found.end(), text.rfind(b"</", content, text.rfind(b"</"))
        if (
            not text.startswith(self.end, end)
            # b
            or text.count(b"<", inside, end) != text.count(b">", inside, end)
            or _OTHERWISE.search(text, inside, end) is not None
            # d
            or any(text.find(tag, inside, end) >= 0 for tag in operation.undeclared)
        ):
            return None
        return b"".join((start, text[content:end], self.end))

    def learn(self, document: Document, content: int) -> None:
        """Remember the operation of a Body that is known to be its signer's.

        Args:
            document: as for `form`.
            content: as for `form`.

        Raises:
            Rejection: `structure`, where it has no canonical form.
        """
        found = _OPERATION.match(document.text, content)
        if found is None or len(self._operations) >= MOST_OPERATIONS:
            return
        tag, name = found.groups()
        if tag not in self._operations and len(tag) <= LONGEST_OPERATION:
            self._operations[tag] = self._look_at(tag, b"</" + name + b">")

    def _look_at(self, tag: bytes, end: bytes) -> Operation:
        """c, and for d which prefixes are in scope and not declared."""
        body = parse_own(self.opening + tag + end + self.closing)[-1]
        form = self.canonicalize(body)
        in_scope = body[0].nsmap
        declared = parse_own(form)[0].nsmap
        missing = [prefix for prefix, name in in_scope.items() if declared.get(prefix) != name]
        if form != self.start + tag + end + self.end or None in missing or len(missing) > MOST_UNDECLARED:
            return _OTHER
        return Operation(is_canonical=True, undeclared=tuple(f"<{prefix}:".encode() for prefix in missing))


def _references_are_canonical(text: bytes, content: int) -> bool:
    references = text.count(b"&", content)
    return not references or references == sum(text.count(reference, content) for reference in _WRITTEN)
