"""How much it takes to say that an operation has *switched*: that no server signs with the old key any more.

The old key's absence shows only in messages that did not carry it. One forgotten server among several that share the
traffic gets a part of it, and between two of its messages all the others are new. Whoever looks after each message
finds a long run of new ones sooner or later by chance alone. So it takes all three of these, at any time:

1. The new key in use, and accepted.
2. New-key messages since the last old one: `MEAN_DISTANCES` times as many as the smallest share of the traffic asks for
   that a server may have (one in a hundred, unless the endpoint says otherwise), whether or not the two keys were ever
   seen together; and, where they were, at least what the rule of three of statistics asks for. (After `n` messages
   without an event the event's share is, with 95 % confidence, at most 3/n. Thus three times the mean distance of
   old-key messages while both were seen.)
3. Quiet of the old key, as far as new-key messages reach, for longer than it ever was in this cell, for longer than
   `QUIET_FACTOR` times its longest quiet since the new key was first seen, and for at least the time that the endpoint
   says (`switch_quiet_time`, an hour).

The constants come from a simulation (`bench/switching.py`) of servers that switch one after the other, but for one:
with them "switched" is said too early in less than one of a hundred renewals, although it asks after every message.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.config import Settings

RULE_OF_THREE: Final = 3
MEAN_DISTANCES: Final = 8
"""Of the messages of a server with the smallest share: 800 messages for one in a hundred. Its own turn fails to come
for so long once in e^8 = 3,000 times, and it is tried each time anew until point 3 knows how long its pauses are."""
QUIET_FACTOR: Final = 4
"""Pauses of a server that is chosen at random are as likely to break the longest of k as 1 in k; four times the
longest, as 24 in k^4: that adds up to little, however long the server lags behind."""
_CONFIDENCE: Final = 0.99


@dataclass(frozen=True, slots=True)
class SwitchCriteria:
    """What an endpoint asks for before one of its operations counts as switched."""

    quiet_time: timedelta = timedelta(hours=1)
    """For how long the old key must have been quiet at least."""
    smallest_share: float = 0.01
    """The smallest share of an operation's messages that one server gets, above 0, at most 1."""

    @property
    def fewest_messages(self) -> int:
        """New-key messages since the last old one that it takes in any case."""
        # Rounded first: 8 / 0.01 must not become 801 by an error in the sixteenth place.
        return math.ceil(round(MEAN_DISTANCES / self.smallest_share, 6))


def switch_criteria(settings: Settings) -> Mapping[str, SwitchCriteria]:
    """The criteria of every configured endpoint, by its name."""
    return {
        name: SwitchCriteria(endpoint.switch_quiet_time, endpoint.switch_smallest_share)
        for name, endpoint in settings.endpoints.items()
    }


@dataclass(frozen=True, slots=True)
class SwitchEvidence:
    """What there is, beside what it takes. Points 2 and 3."""

    messages: int
    """New-key messages since the last old-key one."""
    messages_needed: int
    quiet: timedelta
    """From the last old-key message (the first new one, where there was none) to the last new-key message since."""
    quiet_needed: timedelta
    """It must be longer than this; the quiet time alone need only be reached."""
    longest_quiet: timedelta
    """The longest time between two old-key messages of this cell."""
    sufficient: bool

    @property
    def share_missed(self) -> float:
        """The share of the messages that a server could have and be missed, once in a hundred times; 0 to 1."""
        return 1.0 if not self.messages else 1 - (1 - _CONFIDENCE) ** (1 / self.messages)


NOT_WEIGHED: Final = SwitchEvidence(0, 0, timedelta(0), timedelta(0), timedelta(0), sufficient=False)
"""Of a cell in which there is nothing to weigh."""


def switch_evidence(
    criteria: SwitchCriteria,
    *,
    messages: int,
    quiet: timedelta,
    new_together: int = 0,
    old_together: int = 0,
    longest_ever: timedelta = timedelta(0),
    longest_together: timedelta = timedelta(0),
) -> SwitchEvidence:
    """Compare what there is with what it takes.

    Args:
        criteria: What the endpoint asks for.
        messages: New-key messages since the last old-key one.
        quiet: Between the last old-key message and the last new-key one.
        new_together: New-key messages from the first one on until the last old-key one.
        old_together: Old-key messages in the same time; 0 where the new key came only after the last of them.
        longest_ever: The longest time between two old-key messages.
        longest_together: The longest since the new key was first seen.
    """
    needed = criteria.fewest_messages
    if old_together:
        needed = max(needed, math.ceil(RULE_OF_THREE * (new_together + old_together) / old_together))
    broken = max(longest_ever, QUIET_FACTOR * longest_together)
    return SwitchEvidence(
        messages=messages,
        messages_needed=needed,
        quiet=quiet,
        quiet_needed=max(criteria.quiet_time, broken),
        longest_quiet=longest_ever,
        sufficient=messages >= needed and quiet >= criteria.quiet_time and (quiet > broken or not broken),
    )
