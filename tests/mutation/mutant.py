"""One altered message, and what may become of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Final

from gateway.verify import Reason
from tests.mutation.scanning import Edit, edited
from tests.mutation.sealing import keys_of, sealed
from tests.mutation.source import Source


class Fate(Enum):
    """What must become of a mutant. Whenever one is accepted, consumers must read in it what was signed."""

    REJECTED = "rejected"
    ACCEPTED = "accepted"
    """Nothing that counts has changed, and a verifier that refused it would refuse honest messages."""
    EITHER = "either"
    """A rule may refuse it; what it leaves is harmless."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A message made from a good one."""

    label: str
    made: bytes | Callable[[], bytes]
    """The message, or how to make it: of a grid of thousands, most are never asked for."""
    fate: Fate = Fate.REJECTED
    changes: Mapping[str, object] = field(default_factory=dict)
    """Fields of the case that are other than the source's: the policy, the instant, the Content-Type."""
    reasons: frozenset[Reason] | None = None
    """Where they differ from the rule's."""

    def message(self) -> bytes:
        """Its bytes."""
        return self.made if isinstance(self.made, bytes) else self.made()

    @property
    def is_signed_anew(self) -> bool:
        """Whether the signer itself signed it so: there is no other content to compare with."""
        return self.label.endswith(_SIGNED_SO)


_SIGNED_SO: Final = ", signed so"
Generator = Callable[[Source], Iterator[Mutant]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One attack of the threat model, applied to any message."""

    name: str
    generate: Generator
    reasons: frozenset[Reason]
    """Those that name this attack; a mutant is rejected for one of them."""
    share: int = 1
    """Of the mutants that a run makes: grids of thousands get more than lists of twenty."""


def variants(source: Source, label: str, *edits: Edit, fate: Fate = Fate.REJECTED) -> Iterator[Mutant]:
    """The edit as somebody in the middle could make it, and as the signer could have signed it."""
    yield Mutant(label, partial(source.edited, *edits), fate)
    if keys_of(source) is not None:
        yield Mutant(f"{label}{_SIGNED_SO}", partial(_signed_so, source, *edits), fate)


def _signed_so(source: Source, *edits: Edit) -> bytes:
    text = edited(source.text, edits)
    return source.encoded(sealed(source, text) or text)
