"""What is remembered of the messages of one partner, and how much of it.

Templates only save time. They are made from accepted messages alone: to add one takes a message of a trusted signer, be
it one that somebody else sends again with something altered that is not signed. Whatever does not fit exactly goes
through the whole procedure.

At most `MOST_TEMPLATES` are kept, the used ones. Each holds a header prefix of `header_prefix.MAX_PREFIX` octets at the
most and the canonical forms of its signed elements, the start tags of `canonical_body.MOST_OPERATIONS` operations, tag
sequences of `body_tags.MOST_OCTETS` octets together, and the last trust snapshot that it was used with: some hundred
kilobytes each at the very worst, and some ten for usual messages.
"""

from typing import Final, NamedTuple

from gateway.verify.fastpath.template import MessageTemplate

MOST_TEMPLATES: Final = 16
"""Two keys, two SOAP versions, and a few kinds of responses."""
EAGER: Final = 16
"""Accepted messages without a known template from which templates are made, before that is done for one in `SELDOM`
only: a signer who never writes the same prefix twice, or writes more of them than are kept, must not make every message
dearer."""
SELDOM: Final = 64


class Recognised(NamedTuple):
    """The header prefix of a message, found to be that of a template."""

    template: MessageTemplate
    values: list[bytes]
    end: int
    """Where the prefix ends."""


class KnownMessages:
    """The templates that are known.

    Safe to share between threads: what is known is replaced as a whole where something is added, so that at worst one
    of them learns in vain.
    """

    __slots__ = ("_misses", "_templates")

    def __init__(self) -> None:
        """Know nothing."""
        self._templates: tuple[MessageTemplate, ...] = ()
        """That which fitted last comes first."""
        self._misses = 0
        """Accepted messages that had none of them.

        The count never starts again: with more prefixes than are kept, a hit now and then would have templates made of
        most of the others, which push each other out.
        """

    def __len__(self) -> int:
        """How many templates are known."""
        return len(self._templates)

    def recognise(self, message: bytes) -> Recognised | None:
        """The header prefix of `message`; None where it is not known."""
        templates = self._templates
        for template in templates:
            found = template.prefix.values_in(message)
            if found is not None:
                if template is not templates[0]:
                    self._templates = (template, *(other for other in templates if other is not template))
                return Recognised(template, *found)
        return None

    def wants(self) -> bool:
        """Whether a template should be made from an accepted message of none that is known."""
        self._misses += 1
        return self._misses <= EAGER or self._misses % SELDOM == 0

    def add(self, template: MessageTemplate) -> None:
        """Know `template` from now on."""
        self._templates = (template, *self._templates[: MOST_TEMPLATES - 1])
