"""Multipart messages altered in the ways in which readers differ: from the same message always the same mutants."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from tests.mutation.mime_rules import contents, framing, identity
from tests.mutation.mime_source import Altered, MimeMessage, mime_sources


class MimeMutant(NamedTuple):
    """An altered message."""

    name: str
    """Source, rule, and what was done."""
    content_type: str
    body: bytes


MIME_RULES: Final[Mapping[str, Callable[[MimeMessage], Altered]]] = framing.RULES | identity.RULES | contents.RULES
"""Each attack, applied to any message."""


def mime_mutants(source: MimeMessage) -> Iterator[MimeMutant]:
    """Every mutant of a message."""
    unaltered = (source.content_type, source.body())
    for rule, generate in MIME_RULES.items():
        for label, content_type, body in generate(source):
            if (content_type, body) != unaltered:
                yield MimeMutant(f"{source.name}: {rule}: {label}", content_type, body)


def all_mime_mutants() -> Iterator[MimeMutant]:
    """Every mutant of every honest message that is at hand."""
    for source in mime_sources():
        yield from mime_mutants(source)
