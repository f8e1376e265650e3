"""The old key came back: after a cell had counted as switched, after the guaranteed delivery time in which only the new
key was used, or after the old certificate was retired.

Found in the roll-ups at any later time, so that it depends on nobody who looked in between: whether a pause of the old
key was one after which the cell counted as switched says the same rule (`gateway.renewal.cutover.switch_rule`), on what
had been seen by then. Within an hour the roll-ups know the first and the last instant only; messages of which nobody
can tell on which side of an old one they came are left out, so that no relapse is told of that was none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.ledger import UseHour
from gateway.renewal.cutover import SwitchCriteria, switch_evidence
from gateway.renewal.progress.renewal_status import Relapse


@dataclass(frozen=True, slots=True, kw_only=True)
class CellHours:
    """In which hours the old and the new key were used in one cell, oldest first."""

    endpoint: str
    operation: str | None
    server: str
    old: Sequence[UseHour]
    """Uses without which the message would not have passed, whatever became of it."""
    new: Sequence[UseHour]
    together_since: datetime
    """From here on the pauses of the old key count four times: the hour in which the new key was first seen at the
    endpoint."""
    delivery: timedelta
    """The guaranteed delivery time: an old key that was quiet for so long was gone, as far as anybody could tell."""
    retired_at: datetime | None = None
    """Since when no old certificate has been trusted; None where one is."""


@dataclass(slots=True)
class _Seen:
    """What had been seen of the old key until a pause of it."""

    first_new: datetime
    together_since: datetime
    last: datetime | None = None
    longest_ever: timedelta = timedelta(0)
    longest_together: timedelta = timedelta(0)
    together: int = 0

    def take(self, hour: UseHour) -> None:
        """Take in one hour of the old key."""
        if self.last is not None:
            self.longest_ever = max(self.longest_ever, hour.first_seen - self.last)
            if self.last >= self.together_since:
                self.longest_together = max(self.longest_together, hour.first_seen - self.last)
        if hour.last_seen > self.first_new:
            self.together += hour.messages
        self.last = hour.last_seen


def relapses_in(cell: CellHours, criteria: SwitchCriteria, *, is_switched: bool) -> tuple[Relapse, ...]:
    """The relapses of one cell, oldest first.

    Args:
        cell: When its keys were used.
        criteria: What the endpoint asks for before an operation counts as switched.
        is_switched: Whether the cell counts as switched at present, or the old key has been quiet for long enough.
    """
    found: list[Relapse] = []
    if not cell.new:
        return _after_retirement(cell, cell.old, is_over=is_switched)
    seen = _Seen(cell.new[0].first_seen, cell.together_since)
    begun: datetime | None = None
    back: list[UseHour] = []
    for hour in cell.old:
        if cell.retired_at is not None and hour.last_seen > cell.retired_at:
            break
        quiet_from = seen.last or seen.first_new
        # Most hours follow the one before: a shorter pause than the rule asks for at least was none.
        is_pause = hour.first_seen - quiet_from >= min(criteria.quiet_time, cell.delivery)
        if is_pause and hour.first_seen > seen.first_new and _had_switched(cell, criteria, seen, hour.first_seen):
            if begun is not None:
                found.append(_relapse(cell, back, begun, was_retired=False, is_over=True))
            begun, back = quiet_from, []
        if begun is not None:
            back.append(hour)
        seen.take(hour)
    later = _after_retirement(cell, cell.old, is_over=is_switched)
    if begun is not None:
        found.append(_relapse(cell, back, begun, was_retired=False, is_over=is_switched or bool(later)))
    return (*found, *later)


def _after_retirement(cell: CellHours, old: Sequence[UseHour], *, is_over: bool) -> tuple[Relapse, ...]:
    if cell.retired_at is None:
        return ()
    at = cell.retired_at
    # Of the hour in which it was retired one message is certain.
    back = [
        hour if hour.first_seen > at else UseHour(1, 0, hour.last_seen, hour.last_seen)
        for hour in old
        if hour.last_seen > at
    ]
    return (_relapse(cell, back, cell.retired_at, was_retired=True, is_over=is_over),) if back else ()


def _had_switched(cell: CellHours, criteria: SwitchCriteria, seen: _Seen, until: datetime) -> bool:
    """Whether the cell counted as switched just before the old key was used at `until`."""
    after = seen.last
    between = [hour for hour in cell.new if (after is None or hour.first_seen > after) and hour.last_seen < until]
    if not any(hour.accepted for hour in between):
        return False
    quiet_from = seen.first_new if after is None else after
    quiet = between[-1].last_seen - quiet_from
    if cell.delivery and quiet >= cell.delivery:
        return True
    before = sum(hour.messages for hour in cell.new if after is not None and hour.first_seen <= after)
    return switch_evidence(
        criteria,
        messages=sum(hour.messages for hour in between),
        quiet=quiet,
        new_together=before if seen.together else 0,
        old_together=seen.together,
        longest_ever=seen.longest_ever,
        longest_together=seen.longest_together,
    ).sufficient


def _relapse(cell: CellHours, back: Sequence[UseHour], after: datetime, *, was_retired: bool, is_over: bool) -> Relapse:
    return Relapse(
        endpoint=cell.endpoint,
        operation=cell.operation,
        server=cell.server,
        first=back[0].first_seen,
        last=back[-1].last_seen,
        messages=sum(hour.messages for hour in back),
        after=after,
        was_retired=was_retired,
        is_over=is_over,
    )
