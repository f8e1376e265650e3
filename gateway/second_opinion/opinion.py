"""What another implementation says of a message that the verification accepted: a value, fit for the record."""

from dataclasses import dataclass
from enum import StrEnum


class Opinion(StrEnum):
    """Whether the other implementation finds every signature good that made the message acceptable."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    NOT_JUDGED = "not-judged"
    """It does not know a construct that the message uses: neither for it nor against it."""


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """One opinion with its ground."""

    opinion: Opinion
    detail: str
    """One safe sentence; empty where the opinions agree."""
