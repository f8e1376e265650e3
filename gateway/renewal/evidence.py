"""What the gateways recorded, as gates and cutover read it: pure data, so that they are pure as well.

All instants are those of the ledger's clock (`gateway.ledger.clock`), and "now" is the latest event that any gateway
wrote: the clock, the file and the environment of whoever asks move nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from gateway.config import MINIMUM_RETENTION
from gateway.ledger import Event, EventKind, EventWindow, Role, Uses, WriterSeen, latest_event, read_events
from gateway.vocabulary import RecordedOutcome
from keystore import KeyId, Thumbprint, from_microseconds, optional_instant

_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = 24 * 3_600_000_000
REMEMBERED: Final = timedelta(days=90)
"""An endpoint that was served within this time counts, whether or not it is configured at present."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How often one certificate's key signed in one cell, in one role and with one outcome."""

    endpoint: str
    operation: str | None
    server: str
    thumbprint: Thumbprint
    key_id: KeyId
    alias: str
    role: Role
    outcome: RecordedOutcome
    messages: int
    first_seen: datetime
    last_seen: datetime
    last_signed: datetime | None
    is_under_way: bool = False
    """Met by a process that runs, which may not have recorded it yet."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A time from an instant until another."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """How a gateway served an endpoint, for as long as it did."""

    during: Span
    guaranteed_delivery_time: timedelta
    retention: timedelta
    requires_all: bool
    """Every signature had to verify, so that each of their keys was needed."""
    instance: str = ""
    """Which gateway did."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What a person said of an endpoint: that it ended, or what it is called since."""

    at: datetime
    who: str
    reason: str
    new_name: str | None = None
    """None where it ended."""


@dataclass(frozen=True, slots=True)
class RecordedEndpoint:
    """An endpoint as the gateways recorded it."""

    name: str
    policies: tuple[RecordedPolicy, ...]
    closing: Closing | None = None
    """The last one, unless it was served again afterwards under this name."""

    def served_since(self, instant: datetime) -> bool:
        """Whether any gateway served it at `instant` or later."""
        return any(policy.during.end >= instant for policy in self.policies)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that keeps the evidence from being whole."""

    sentence: str
    at: datetime | None = None
    """What was recorded before this instant is not all that happened; None where nobody can tell."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which key was used where and when, and when anybody was watching."""

    taken_at: datetime | None
    """The latest event; None where no gateway has ever told anything."""
    uses: Sequence[KeyUse] = ()
    endpoints: Mapping[str, RecordedEndpoint] | None = None
    watched: Mapping[str, Sequence[Span]] | None = None
    """By endpoint, sorted, without overlap."""
    disturbances: Sequence[Disturbance] = ()
    writers: Sequence[WriterSeen] = ()
    """Whose word it is."""

    def recorded(self) -> Mapping[str, RecordedEndpoint]:
        """Every endpoint that a gateway served within the window."""
        return self.endpoints or {}

    def names_of(self, endpoint: str) -> frozenset[str]:
        """`endpoint` and every name that it had before."""
        names, found = {endpoint}, {endpoint}
        while found:  # at most once for each name
            found = {
                name
                for name, recorded in self.recorded().items()
                if name not in names and recorded.closing is not None and recorded.closing.new_name in names
            }
            names |= found
        return frozenset(names)

    def last_name_of(self, endpoint: str) -> str:
        """What it is called at present, or was when it ended."""
        recorded = self.recorded()
        for _ in range(len(recorded)):  # people may have renamed in a circle
            closing = recorded[endpoint].closing if endpoint in recorded else None
            if closing is None or closing.new_name is None:
                break
            endpoint = closing.new_name
        return endpoint

    def has_ended(self, endpoint: str) -> bool:
        """Whether somebody said that it is gone, and not only called otherwise."""
        closing = self.recorded()[endpoint].closing if endpoint in self.recorded() else None
        return closing is not None and closing.new_name is None

    def every_name_of(self, endpoint: str) -> frozenset[str]:
        """`endpoint`, what it was called before, and what it is called since, whether or not it has ended."""
        return self.names_of(self.last_name_of(endpoint))

    def uses_of(self, key_id: KeyId, endpoint: str | None = None) -> list[KeyUse]:
        """The uses of a key, at one endpoint under whatever name or at all; repetitions are no uses."""
        names = None if endpoint is None else self.names_of(endpoint)
        return [
            use
            for use in self.uses
            if use.key_id == key_id and use.role is not Role.REPEATED and (names is None or use.endpoint in names)
        ]

    def needed_uses(self, key_id: KeyId, endpoint: str, since: datetime) -> list[KeyUse]:
        """Those without which messages would not have passed.

        Where every signature had to verify at any time from `since` on, each use was one.
        """
        every = any(policy.requires_all for policy in self.policies_since(endpoint, since))
        return [use for use in self.uses_of(key_id, endpoint) if every or use.role is not Role.PRESENT]

    def policies_since(self, endpoint: str, since: datetime) -> list[RecordedPolicy]:
        """How the endpoint was served from `since` on, under whatever name."""
        found = (self.recorded().get(name) for name in self.names_of(endpoint))
        return [p for one in found if one is not None for p in one.policies if p.during.end >= since]

    def watched_since(self, endpoint: str, since: datetime) -> timedelta:
        """How much time from `since` on somebody watched the endpoint, under whatever name."""
        spans = [span for name in self.names_of(endpoint) for span in (self.watched or {}).get(name, ())]
        total, reached = timedelta(0), since
        for span in sorted(spans):
            start = max(span.start, reached)
            if span.end > start:
                total += span.end - start
                reached = span.end
        return total

    def gaps_since(self, endpoint: str, since: datetime) -> list[Span]:
        """The times from `since` on in which nobody watched the endpoint."""
        gaps: list[Span] = []
        reached = since
        for span in sorted(s for name in self.names_of(endpoint) for s in (self.watched or {}).get(name, ())):
            if span.start > reached:
                gaps.append(Span(reached, span.start))
            reached = max(reached, span.end)
        if self.taken_at is not None and self.taken_at > reached:
            gaps.append(Span(reached, self.taken_at))
        return gaps


def measure(engine: Engine, *, longest: timedelta = timedelta(0)) -> Evidence:
    """Take the evidence from what the gateways told, at a cost that does not depend on the number of messages.

    Args:
        engine: The ledger's database.
        longest: The longest time that is asked for, beyond what the gateways recorded themselves.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    latest = latest_event(engine)
    days = _days(max(longest, REMEMBERED, MINIMUM_RETENTION))
    window = read_events(engine, latest - days)
    recorded = _recorded(window)
    asked = _days(max(_longest(recorded), longest))
    if asked > days:
        window = read_events(engine, latest - asked)
        recorded = _recorded(window)
    return Evidence(
        taken_at=from_microseconds(window.until) if window.until else None,
        uses=tuple(key_uses(window.uses)),
        endpoints=recorded,
        watched={name: tuple(_span(*span) for span in spans) for name, spans in window.watched.items()},
        disturbances=tuple(_disturbances(window)),
        writers=tuple(window.writers),
    )


def _days(time: timedelta) -> int:
    """Microseconds of a window in which `time` can pass, with as much again for pauses."""
    return 2 * (time // _MICROSECOND) + 10 * _DAY


def _longest(recorded: Mapping[str, RecordedEndpoint]) -> timedelta:
    times = [
        time for one in recorded.values() for p in one.policies for time in (p.guaranteed_delivery_time, p.retention)
    ]
    return max(times, default=timedelta(0))


def _span(start: int, end: int) -> Span:
    return Span(from_microseconds(start), from_microseconds(end))


def key_uses(uses: Uses) -> Iterable[KeyUse]:
    """What was counted, as gates and cutover read it."""
    for cell, (messages, first, last, signed) in uses.by_cell().items():
        endpoint, operation, server, thumbprint, key_id, alias, role, outcome = cell
        yield KeyUse(
            endpoint,
            operation or None,
            server,
            Thumbprint(thumbprint),
            KeyId(key_id),
            alias,
            Role(role),
            RecordedOutcome(outcome),
            messages or 0,
            from_microseconds(first or 0),
            from_microseconds(last or 0),
            optional_instant(signed),
        )


def _recorded(window: EventWindow) -> dict[str, RecordedEndpoint]:
    ends = {one.writer: one.head.time for one in window.writers}
    instances = {one.writer: one.instance for one in window.writers}
    by_writer: dict[str, list[Event]] = {}
    for event in window.told:
        if event.kind == EventKind.CONFIGURATION and event.writer in ends:
            by_writer.setdefault(event.writer, []).append(event)
    policies: dict[str, list[RecordedPolicy]] = {}
    for writer, events in by_writer.items():
        untils = [*(event.at for event in events[1:]), ends[writer]]
        for event, until in zip(events, untils, strict=True):
            if until < window.since:
                continue
            for name, told in event.content["endpoints"].items():
                policies.setdefault(name, []).append(
                    RecordedPolicy(
                        _span(event.at, max(event.at, until)),
                        timedelta(microseconds=int(told["guaranteed_delivery_time"])),
                        timedelta(microseconds=int(told["retention"])),
                        told["signatures"] == "all",
                        instances[writer],
                    )
                )
    closings = _closings(window)
    found: dict[str, RecordedEndpoint] = {}
    for name in {*policies, *closings}:
        of_it = tuple(sorted(policies.get(name, ()), key=lambda policy: policy.during))
        closing = closings.get(name)
        if closing is not None and any(policy.during.end > closing.at for policy in of_it):
            closing = None
        found[name] = RecordedEndpoint(name, of_it, closing)
    return found


def _closings(window: EventWindow) -> dict[str, Closing]:
    closings: dict[str, Closing] = {}
    for event in window.told:
        if event.kind in {EventKind.ENDED, EventKind.RENAMED}:
            content = event.content
            new_name = content["new_name"] if event.kind == EventKind.RENAMED else None
            closings[content["endpoint"]] = Closing(
                from_microseconds(event.at), content["who"], content["reason"], new_name
            )
    return closings


def _disturbances(window: EventWindow) -> Iterable[Disturbance]:
    for problem in window.problems:
        yield Disturbance(f"the evidence does not hold: {problem}; wssgate ledger verify tells more")
    for event in window.told:
        if event.kind == EventKind.RECOVERED and event.at >= window.since:
            yield Disturbance(
                "the database was put back to an older state, and what had been recorded since is lost",
                from_microseconds(event.at),
            )
