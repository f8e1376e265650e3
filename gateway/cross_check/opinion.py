"""What another implementation says of a message that the verification accepted: a value, fit for the record."""

from dataclasses import dataclass
from enum import StrEnum


class Opinion(StrEnum):
    """Whether the other implementation finds every signature good that made the message acceptable."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    NOT_JUDGED = "not-judged"
    """The message uses a construct that the judge is known not to know: neither for it nor against it."""
    FAILED = "failed"
    """The judge broke down over something that it should know: no agreement, whatever the cause."""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One opinion with its ground."""

    opinion: Opinion
    detail: str = ""
    """One safe sentence; empty where the opinions agree."""

    @property
    def is_contrary(self) -> bool:
        """Whether the message may not pass where two opinions must agree."""
        return self.opinion in {Opinion.DISAGREES, Opinion.FAILED}
