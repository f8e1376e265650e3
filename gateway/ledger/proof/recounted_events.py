"""The events of one writer up to an end that somebody wrote down, read again: what it watched, and by which policies.

Heartbeats may have gone once they were summed up. All other events stay for ever, so that one of those which is not
there any more leaves a question open, and one that does not fit is a finding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.ledger.database.ledger_tables import events
from gateway.ledger.event import SUMMED_UP, Event, EventKind, Span, watched_by
from gateway.ledger.proof.event_contents import checked_event
from gateway.ledger.proof.sealed_rows import SealedRows


@dataclass(frozen=True, slots=True)
class ServedPolicy:
    """How a writer served an endpoint for a time, in microseconds; instants by the ledger's clock."""

    endpoint: str
    since: int
    until: int | None
    """None where it went on behind the end up to which was read."""
    guaranteed_delivery_time: int
    retention: int


@dataclass(slots=True)
class EventRecount:
    """What the events of one writer tell."""

    watched: list[tuple[str, Span]] = field(default_factory=list)
    served: list[ServedPolicy] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    """What does not hold, half a sentence each."""
    is_pruned: bool = False
    """Heartbeats before the end are gone, so that it can no longer be told what it watched."""
    are_policies_gone: bool = False
    """Events are gone or altered that may have told of configurations."""


def told_events(connection: Connection) -> dict[str, list[Mapping[Any, Any]]]:
    """The rows of all events that are never pruned, by writer and in their order."""
    columns = events.c
    kinds = [str(kind) for kind in EventKind if kind not in SUMMED_UP]
    query = select(events).where(columns.kind.in_(kinds)).order_by(columns.writer, columns.number)
    found: dict[str, list[Mapping[Any, Any]]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["writer"], []).append(row)
    return found


def recount_events(
    connection: Connection,
    writer: str,
    end: tuple[int, str],
    since: int,
    told: Sequence[Mapping[Any, Any]],
    ended: int | None,
) -> EventRecount:
    """Read the events of `writer` again.

    Args:
        connection: To the ledger's database.
        writer: Whose events.
        end: Number and hash of the last one that counts.
        since: From which instant on, in microseconds of the ledger's clock.
        told: Its rows of `told_events`.
        ended: When it said its last word, where that is still the end; None where it went on.
    """
    walk = _EventWalk(connection, writer, end, since)
    walk.watch()
    walk.serve([row for row in told if row["number"] <= end[0]], ended)
    return walk.found


class _EventWalk:
    def __init__(self, connection: Connection, writer: str, end: tuple[int, str], since: int) -> None:
        self._connection = connection
        self._writer = writer
        self._end = end
        self._since = since
        self._hashes: dict[int, str] = {}
        """Of the events that are known to belong to the chain."""
        self._known_from = 0
        """The number before the first of those; up to the last one, all that are not pruned are known."""
        self._kept = set[int]()
        """Those that an event which sums up an hour says are not pruned."""
        self._known_to = 0
        self.found = EventRecount()

    def watch(self) -> None:
        """Read hours that are summed up, and the heartbeats since the last sum before the end."""
        columns, found = events.c, self.found
        of_writer = (columns.writer == self._writer, columns.number <= self._end[0])
        last = self._connection.execute(
            select(func.max(columns.number)).where(*of_writer, columns.kind == str(EventKind.SEALED))
        ).scalar_one()
        query = select(events).where(*of_writer, columns.number >= (last or 1)).order_by(columns.number)
        previous, number, sealed = "", (last or 1) - 1, None
        self._known_from = number
        for row in self._connection.execute(query).mappings():
            event = checked_event(row)
            if event is None or (previous and event.previous_hash != previous):
                found.findings.append(f"its event {row['number']} was altered")
                found.are_policies_gone = True
                return
            if event.number != number + 1:
                break
            previous, number = event.hash, event.number
            self._hashes[number] = event.hash
            if event.kind == EventKind.SEALED:
                sealed = event
            elif event.kind == EventKind.HEARTBEAT:
                found.watched += watched_by(event.at, event.content).items()
        self._known_to = number
        if number < self._end[0]:
            found.is_pruned = True
        elif previous != self._end[1]:
            found.findings.append(f"its event {self._end[0]} is not the one that was there")
        for event in self._sums(sealed):
            kept = dict(event.content["kept"])
            self._kept |= kept.keys()
            self._hashes |= kept
            self._known_from = event.content["sealed"]
            for name, spans in event.content["watched"].items():
                found.watched += ((name, (start, until)) for start, until in spans)

    def _sums(self, sealed: Event | None) -> Iterator[Event]:
        """The hours that are summed up, from the last one back to the beginning."""
        rows = SealedRows(self._connection, self._writer)
        while sealed is not None:
            yield sealed
            before = sealed.content["sealed"]
            if not 0 < before < sealed.number or sealed.content["from"] < self._since:
                return
            row = rows.at(before)
            event = None if row is None else checked_event(row)
            if event is None or event.hash != sealed.content["sealed_hash"]:
                self.found.findings.append(f"its event {before}, which sums up an hour, was altered")
                self.found.are_policies_gone = True
                return
            sealed = event

    def serve(self, rows: Iterable[Mapping[Any, Any]], ended: int | None) -> None:
        """Read by which policies it served, from its events that are never pruned."""
        found, configured, numbers = self.found, list[Event](), set[int]()
        for row in rows:
            event = checked_event(row)
            number = int(row["number"])
            numbers.add(number)
            is_foreign = self._known_from < number <= self._known_to and self._hashes.get(number) != row["hash"]
            if event is None or is_foreign:
                finding = f"its event {number} was altered"
                found.findings += [] if finding in found.findings else [finding]
                found.are_policies_gone = True
            elif event.kind == EventKind.CONFIGURATION:
                configured.append(event)
            elif event.kind == EventKind.STOPPED:
                ended = event.at
        found.are_policies_gone |= not self._kept <= numbers or self._began_unconfigured(configured)
        untils = [*(event.at for event in configured[1:]), ended]
        for event, until in zip(configured, untils, strict=False):
            for name, policy in event.content["endpoints"].items():
                match policy:
                    case {"guaranteed_delivery_time": int(delivery), "retention": int(retention)}:
                        found.served.append(ServedPolicy(name, event.at, until, delivery, retention))
                    case _:
                        found.are_policies_gone = True  # never written by this program

    def _began_unconfigured(self, configured: Sequence[Event]) -> bool:
        """Whether it watched before the first configuration that is there."""
        if not configured:
            return bool(self.found.watched) or self.found.is_pruned
        return any(until < configured[0].at for _, (_, until) in self.found.watched)
