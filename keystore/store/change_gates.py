"""What the surroundings of the keystore may hold against a change: asked inside the revision, answered in sentences.

The keystore knows whom it trusts, and not what happened. Whoever measures traffic gives a `Gates` to a change; it is
asked while the write lock is held, so that of two administrators at once none is answered from a state that the other
one has just changed. What it saw stands in the history beside the change, whether the change passed or was forced.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from keystore.errors import Blocker
from keystore.store.stored_entry import StoredEntry

WRITTEN_OVER: Final = "what the gate saw was written over by somebody"

TrustedSince = Callable[[str], datetime]
"""Since when an entry has been trusted for the endpoint of that name, without interruption.

Added, trusted, restored, meant for that endpoint as well, or the beginning of its trust reached: whatever came last. Of
an endpoint for which it is not trusted it says now, the safe answer.
"""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The answer to one question.

    Raises:
        ValueError: `evidence` is no JSON object in canonical spelling.
    """

    blockers: tuple[Blocker, ...] = ()
    """What speaks against the change; empty is a yes."""
    evidence: str = ""
    """What the answer rests on: a JSON object in ASCII, names sorted, no white space. Empty where there is nothing to
    tell."""
    summary: str = ""
    """The same for people: a sentence, without its full stop."""

    @property
    def sentence(self) -> str:
        """The summary, and whether it was a yes; empty where there is none."""
        return f"gate {'overridden' if self.blockers else 'passed'}: {self.summary}" if self.summary else ""

    def __post_init__(self) -> None:
        if self.evidence:
            found = json.loads(self.evidence)
            if not isinstance(found, dict) or _canonical(found) != self.evidence:
                raise ValueError("the evidence of a gate has to be a JSON object in canonical spelling")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer as the history keeps it."""

    summary: str
    blockers: tuple[str, ...]
    """The sentences of what spoke against the change; empty is a yes."""
    evidence: Mapping[str, Any] | None
    """What the answer rested on; None where the gate told nothing."""


class Gates(Protocol):
    """Answers whether a change may be made already."""

    def before_retiring(
        self,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        *,
        at: datetime,
        since: TrustedSince,
        kept: frozenset[str] | None = frozenset(),
    ) -> GateAnswer:
        """What speaks against ending the trust in `entry` at the instant `at`.

        Args:
            entry: The entry, trusted at present.
            others: Every other entry that is not purged.
            at: When the trust shall end; later than now where an end is scheduled.
            since: Since when the entry has been trusted, by endpoint.
            kept: Endpoints for which it stays trusted; None means all of them.
        """
        ...

    def before_purging(self, entry: StoredEntry, *, at: datetime, since: datetime) -> GateAnswer:
        """What speaks against purging the certificate of `entry`, which was retired at the instant `since`."""
        ...


def gate_text(answers: Sequence[GateAnswer]) -> str | None:
    """The answers as the history keeps them, in canonical JSON; None where no gate was asked.

    An object with `answers`, one for each question: its `summary`, the sentences of its `blockers`, and its `evidence`,
    an object, null where the gate gave none.
    """
    if not answers:
        return None
    told = [
        {
            "blockers": [blocker.sentence for blocker in answer.blockers],
            "evidence": json.loads(answer.evidence) if answer.evidence else None,
            "summary": answer.summary,
        }
        for answer in answers
    ]
    return _canonical({"answers": told})


def gate_answers(text: str) -> tuple[KeptAnswer, ...] | None:
    """What `gate_text` keeps, one for each question; None where somebody has written over it.

    Empty where no gate was asked. It never raises: a history that does not hold has to be told of, and that rests on
    reading it.
    """
    if not text:
        return ()
    try:
        content = json.loads(text)
        is_spelled = isinstance(content, dict) and _canonical(content) == text
        json.dumps(content, ensure_ascii=False).encode()  # half a character can be spelled, and not be shown
    except (ValueError, RecursionError):
        return None
    answers = content.get("answers") if is_spelled else None
    if not isinstance(answers, list):
        return None
    kept = [_kept_answer(one) for one in answers]
    return None if None in kept else tuple(filter(None, kept))


def _kept_answer(content: object) -> KeptAnswer | None:
    match content:
        case {"summary": str(summary), "blockers": list(blockers), "evidence": (dict() | None) as evidence} if all(
            isinstance(one, str) for one in blockers
        ):
            return KeptAnswer(summary, tuple(blockers), evidence)
        case _:
            return None


def gate_sentences(text: str) -> tuple[str, ...]:
    """What `gate_text` keeps, for people: a sentence for each answer that has a summary."""
    answers = gate_answers(text)
    if answers is None:
        return (WRITTEN_OVER,)
    told = (GateAnswer(tuple(map(Blocker, one.blockers)), "", one.summary).sentence for one in answers)
    return tuple(filter(None, told))


def blockers_of(answers: Sequence[GateAnswer]) -> tuple[Blocker, ...]:
    """What speaks against the change in all of `answers`."""
    return tuple(blocker for answer in answers for blocker in answer.blockers)


def _canonical(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
