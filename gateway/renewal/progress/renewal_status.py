"""Where a renewal stands: eight steps with what each rests on, and what it waits for.

All instants are those of the ledger's clock, unless their field says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.renewal.cutover import CellState
from gateway.renewal.evidence import Span
from gateway.renewal.plan import Renewal, Waiver
from keystore import Blocker


class Mark(StrEnum):
    """What is known of a step."""

    DONE = "done"
    """Measured, or what the keystore's history says."""
    SAID = "said"
    """A person confirmed it, and nothing can be measured of it."""
    WAITING = "waiting"
    """It can be done, and is not known to be done."""
    LATER = "later"
    """A step before it comes first."""
    CONTRADICTED = "contradicted"
    """A person confirmed it, and what was measured says otherwise."""
    REOPENED = "reopened"
    """It was done, and the old key came back since."""
    NOT_NEEDED = "not-needed"
    """This kind of renewal does without it, or it was given up."""
    LEFT_OPEN = "left-open"
    """It was not done or not certain yet when the renewal was finished."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be done for it any more."""
        return self in {Mark.DONE, Mark.SAID, Mark.NOT_NEEDED}


class Actor(StrEnum):
    """Who does a step."""

    RECEIVER = "receiver administrator"
    TENANT = "tenant administrator"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the eight steps."""

    number: int
    """1 to 8."""
    actor: Actor
    title: str
    mark: Mark
    at: datetime | None = None
    """When it was done or said; of one that waits, since when. None where nothing tells."""
    who: str = ""
    """Who did or said it; empty where it was measured."""
    evidence: tuple[str, ...] = ()
    """What it rests on, or what is missing: sentences without their full stop."""


class CoverageState(StrEnum):
    """Which keys were seen in a cell since the renewal began."""

    ONLY_NEW = "only-new"
    """The new one, and since it was seen first none that it replaces; or the cell counts as switched."""
    BOTH = "both"
    ONLY_OLD = "only-old"
    OTHER = "other"
    """Messages came, and were signed by neither."""
    SILENT = "silent"
    """No message since the renewal began, and the last one is more than a day ago. Silence is no evidence."""
    NEVER_SEEN = "never-seen"
    """Of an operation that is expected no message ever came."""
    WAIVED = "waived"
    """Somebody said that it need not switch."""
    SAME_KEY = "same-key"
    """The certificates share one key: every message verifies under both, and nothing has to switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredCell:
    """One operation of one endpoint, at one server where a field of the response tells which."""

    endpoint: str
    operation: str | None
    server: str
    """Empty where nothing tells."""
    state: CoverageState
    cutover: CellState
    """What the cutover says of it, whatever was waived."""
    is_switched: bool
    """Whether it counts as switched, by measurement alone."""
    new_messages: int
    """With the new key, accepted."""
    old_messages: int
    """With an old key, accepted."""
    new_rejected: int
    old_rejected: int
    messages_since: int
    """With the new key after the last one that needed an old one."""
    messages_needed: int
    """How many of them it takes to count as switched; 0 where there is nothing to weigh."""
    first_new: datetime | None
    """The first message accepted by the new key."""
    last_new: datetime | None
    last_old: datetime | None
    """The last message that needed an old key, whatever became of it."""
    last_traffic: datetime | None
    """The last use of any key; None where there never was one."""
    sentence: str
    """The same in words, without its full stop."""
    waiver: Waiver | None = None
    first_new_seen: datetime | None = None
    """The first message signed with the new key, accepted or rejected."""
    new_since: datetime | None = None
    """The first message with the new key after the last one that needed an old one."""

    @property
    def has_moved(self) -> bool:
        """Whether the new key was accepted, and the last message that needed any of the two was one of the new."""
        is_last = self.last_old is None or (self.last_new is not None and self.last_new > self.last_old)
        return self.first_new is not None and self.new_since is not None and is_last

    @property
    def holds_up(self) -> bool:
        """Whether step 7 waits for it."""
        return self.waiver is None and not self.is_switched


@dataclass(frozen=True, slots=True)
class WatchedTime:
    """How much of the time somebody watched an endpoint."""

    endpoint: str
    since: datetime
    """When the renewal began."""
    until: datetime
    watched: timedelta
    guaranteed_delivery_time: timedelta
    """The longest that was in use in this time."""
    gaps: tuple[Span, ...]
    """Of this time, in which nobody watched."""

    @property
    def share(self) -> float:
        """Of the time, 0 to 1; 0 where no time has passed."""
        length = self.until - self.since
        return min(1.0, self.watched / length) if length > timedelta(0) else 0.0


@dataclass(frozen=True, slots=True)
class Relapse:
    """Use of an old key in a cell that counted as switched, or after the old certificate was retired."""

    endpoint: str
    operation: str | None
    server: str
    first: datetime
    """The first such message."""
    last: datetime
    messages: int
    after: datetime
    """The last use of the old key before the pause for which the cell counted as switched; or the retirement."""
    was_retired: bool
    """Whether the old certificate was retired by then, so that these messages were rejected."""
    is_over: bool
    """Whether the cell counts as switched again."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """One line of what has to be ready before an announced switch."""

    what: str
    is_ready: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalStatus:
    """Where one renewal stands."""

    renewal: Renewal
    judged_at: datetime
    """The latest event on record; of a closed renewal when it was closed, if that is earlier."""
    steps: tuple[Step, ...]
    """Eight."""
    coverage: tuple[CoveredCell, ...]
    watched: tuple[WatchedTime, ...]
    """By endpoint."""
    waiting_for: str
    """Whom and what, in half a sentence; empty where nothing is waited for."""
    since: datetime | None
    """Since when."""
    next_possible: datetime | None
    """From when on the old certificates may be retired, where time alone decides and everything goes on as it does.

    None where something else has to happen first, or they may be retired already, or nothing is left to retire.
    """
    may_retire: bool
    """Whether the gate is open for every old certificate that is trusted still."""
    run: tuple[str, ...]
    """What to run next."""
    blockers: tuple[Blocker, ...]
    """What the gate holds against retiring, each once."""
    relapses: tuple[Relapse, ...]
    warnings: tuple[str, ...]
    """What somebody should look at, sentences without their full stop."""
    countdown: tuple[Preparation, ...] = ()
    """Before an announced switch; empty where none was announced, or it is over."""
    early_at: datetime | None = None
    """When a message with the new key came first, where that was before the announced switch; accepted or not."""
    is_late: bool = False
    """Whether the announced time has passed, and not everything is signed with the new key."""
    keystore_revision: int = 0
    heads: tuple[str, ...] = ()
    """The ends of the ledger's chains that the figures rest on."""

    @property
    def step(self) -> Step | None:
        """What is to be done next; None where the renewal is at its end."""
        return current_step(self.steps)

    @property
    def is_switched(self) -> bool:
        """Whether every cell counts as switched or was waived; not without any."""
        return bool(self.coverage) and not any(cell.holds_up for cell in self.coverage)


def current_step(steps: Sequence[Step]) -> Step | None:
    """The first step that is not settled; the sixth, on which nothing depends, only after all others."""
    left = [step for step in steps if not step.mark.is_settled]
    return next((step for step in left if step.number != 6), left[0] if left else None)
