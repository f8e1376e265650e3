"""What the writers told within a time, read from their events and checked as it is read.

Gates rest on this and not on the roll-ups, which nothing proves by itself. Of each writer are read the events that sum
up an hour each, from the last one back as far as the window goes, the heartbeats since then, and the records since the
last heartbeat. All of it hangs together by hashes up to the end of the writer's chains, which is signed. Whatever does
not hold is told as a problem, and is for whoever asks to weigh; `ledger verify` looks at everything, and finds more.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, events, key_usage_hourly, messages
from gateway.ledger.event import Event, EventKind, Span, watched_by
from gateway.ledger.proof.chain import Link, digest_or_none
from gateway.ledger.proof.checkpoints import stored_checkpoint
from gateway.ledger.proof.event_contents import checked_event
from gateway.ledger.proof.sealed_rows import SealedRows
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.proof.signing_key import is_signed_by
from gateway.ledger.record import Role
from gateway.ledger.uses import Uses, count_row
from gateway.vocabulary import RecordedOutcome
from keystore import CHAIN_START

_TOLD: Final = (
    EventKind.CONFIGURATION,
    EventKind.RECOVERED,
    EventKind.UNRECORDED,
    EventKind.ENDED,
    EventKind.RENAMED,
    EventKind.PRUNED,
)
_SEALED_AT_MOST: Final = 200_000
"""Summed-up hours of one writer that are read: more than twenty years."""


@dataclass(frozen=True, slots=True)
class WriterSeen:
    """One writer of the window, and what its word is worth."""

    writer: str
    instance: str
    head: Head
    public_key: str
    """With which the end of its chains is signed; empty where it is not."""
    begun: int
    """When it began, in microseconds of the ledger's clock."""


@dataclass(slots=True)
class EventWindow:
    """What was told, in microseconds of the ledger's clock."""

    since: int
    until: int = 0
    """The latest event of all writers; 0 where there is none."""
    writers: list[WriterSeen] = field(default_factory=list)
    uses: Uses = field(default_factory=Uses)
    watched: dict[str, list[Span]] = field(default_factory=dict)
    """By endpoint, of all writers together: sorted, and apart from each other."""
    told: list[Event] = field(default_factory=list)
    """What was configured, recovered, unrecorded, ended and renamed, in the order of time."""
    problems: list[str] = field(default_factory=list)
    """What does not hold, one sentence each."""


def latest_event(engine: Engine) -> int:
    """When the latest event was written, in microseconds of the ledger's clock; 0 where there is none.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    # Heads move with every record: what counts is the last word of a writer about the time.
    last = (events.c.writer == chains.c.writer) & (events.c.number == chains.c.event_number)
    query = select(func.max(events.c.time + events.c.clock_offset)).join_from(chains, events, last)
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one() or 0)


def read_events(engine: Engine, since: int) -> EventWindow:
    """Read what the writers told since `since` (microseconds of the ledger's clock).

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    window = EventWindow(since)
    with reading(engine) as connection:
        _count_earlier(connection, window.uses)
        told = _told(connection)
        pruned = {
            (event.content["writer"], event.content["sequence"], event.content["hash"])
            for rows_of_one in told.values()
            for event in (Event.of_row(row) for row in rows_of_one if row["kind"] == str(EventKind.PRUNED))
        }
        heads: dict[str, Head] = {}
        rows = connection.execute(select(chains).where(chains.c.event_number.is_not(None))).all()
        for row in rows:
            link = Link(row.writer, row.sequence, row.hash)
            heads[row.writer] = Head(link, row.event_number, row.event_hash, row.time)
        for row in rows:
            if row.time >= since:
                reading_of_one = _Reading(connection, window, heads[row.writer], row.instance, row.signature, heads)
                reading_of_one.read(told.get(row.writer, []), pruned)
    window.told.sort(key=lambda event: event.at)
    window.watched = {name: merged(spans) for name, spans in window.watched.items()}
    return window


def merged(spans: Iterable[Span]) -> list[Span]:
    """The time that any of `spans` covers, as sorted spans that do not touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _told(connection: Connection) -> dict[str, list[Any]]:
    columns = events.c
    query = (
        select(events).where(columns.kind.in_([str(kind) for kind in _TOLD])).order_by(columns.writer, columns.number)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["writer"], []).append(row)
    return found


def _count_earlier(connection: Connection, uses: Uses) -> None:
    """What was counted before there were events."""
    columns = key_usage_hourly.c
    identity = (columns.endpoint, columns.operation, columns.thumbprint, columns.key_id, columns.alias, columns.how)
    query = select(
        *identity,
        func.sum(columns.messages).label("messages"),
        func.min(columns.first_seen).label("first_seen"),
        func.max(columns.last_seen).label("last_seen"),
    ).group_by(*identity)
    for row in connection.execute(query):
        outcome = RecordedOutcome.ACCEPTED if row.how == "verified" else RecordedOutcome.REJECTED
        names = (
            row.endpoint,
            row.operation,
            "",
            row.thumbprint,
            row.key_id,
            row.alias,
            str(Role.EARLIER),
            str(outcome),
        )
        uses.add(names, [int(row.messages), row.first_seen, row.last_seen, None])


class _Reading:
    """The reading of one writer."""

    def __init__(
        self,
        connection: Connection,
        window: EventWindow,
        head: Head,
        instance: str,
        signature: str | None,
        heads: Mapping[str, Head],
    ) -> None:
        self._connection = connection
        self._window = window
        self._head = head
        self._instance = instance
        self._signature = signature
        self._heads = heads

    def read(self, told: Iterable[Any], pruned: Collection[tuple[str, int, str]]) -> None:
        """Add to the window what this writer told; `pruned` are the beginnings of chains that events introduce."""
        window, head = self._window, self._head
        started = self._event(1)
        if started is None or started.kind != EventKind.STARTED or started.previous_hash != CHAIN_START:
            self._problem("no event introduces it")
            return  # whoever invents a writer must not make time watched
        key = str(started.content.get("public_key", ""))
        if key and not is_signed_by(key, head.text, self._signature or ""):
            self._problem("the end of its chains is not signed with its key")
            return
        window.writers.append(WriterSeen(head.writer, self._instance, head, key, started.at))
        self._note_heads(started)
        known: dict[int, str] = {}
        self._sealed_hours(self._open_hours(known, pruned), known)
        if known.get(1, started.hash) != started.hash:
            self._problem("its first event does not belong to its chain")
        for row in told:
            event = self._checked(row)
            if event is None:
                continue
            if known.get(event.number) != event.hash and event.at >= window.since:
                self._problem(f"its event {event.number} ({event.kind}) does not belong to its chain")
            if event.kind == EventKind.UNRECORDED:
                window.uses.merge(Uses.of_rows(event.content["uses"]))
            window.told.append(event)

    def _open_hours(self, known: dict[int, str], pruned: Collection[tuple[str, int, str]]) -> Event | None:
        """What was told since the last hour was summed up, and the records since then; that sum, where there is one."""
        columns, head = events.c, self._head
        last = (
            select(func.max(columns.number))
            .where(columns.writer == head.writer, columns.kind == str(EventKind.SEALED))
            .scalar_subquery()
        )
        query = (
            select(events)
            .where(columns.writer == head.writer, columns.number >= func.coalesce(last, 1))
            .order_by(columns.number)
        )
        sealed: Event | None = None
        previous, number = CHAIN_START, 0
        records = Link(head.writer, 0, CHAIN_START)
        for row in self._connection.execute(query).mappings():
            event = self._checked(row)
            if event is None:
                return sealed
            if number and (event.number != number + 1 or event.previous_hash != previous):
                self._problem(f"events before its number {event.number} are missing or altered")
                return sealed
            number, previous = event.number, event.hash
            known[event.number] = event.hash
            self._window.until = max(self._window.until, event.at)
            if event.kind == EventKind.SEALED:
                sealed = event
            elif event.kind == EventKind.HEARTBEAT:
                self._window.uses.merge(Uses.of_rows(event.content["uses"]))
                self._watch(watched_by(event.at, event.content).items())
            if event.kind in {EventKind.SEALED, EventKind.HEARTBEAT}:
                records = Link(head.writer, event.records, event.records_hash)
        if (number, previous) != (head.event_number, head.event_hash):
            self._problem("the last of its events are missing or altered")
        self._count_untold(records, pruned)
        return sealed

    def _sealed_hours(self, event: Event | None, known: dict[int, str]) -> None:
        """The summed-up hours, from the last one back to the beginning of the window."""
        rows = SealedRows(self._connection, self._head.writer)
        for _ in range(_SEALED_AT_MOST):
            if event is None:
                return
            content = event.content
            self._window.uses.merge(Uses.of_rows(content["uses"]))
            for name, spans in content["watched"].items():
                self._watch((name, (int(start), int(end))) for start, end in spans)
            known |= {int(number): str(hashed) for number, hashed in content["kept"]}
            self._note_heads(event)
            before = int(content["sealed"])
            if before == 0 or int(content["from"]) < self._window.since:
                return
            row = rows.at(before)
            found = None if row is None else self._checked(row)
            if found is None or found.hash != content["sealed_hash"]:
                self._problem(f"its event {before}, which sums up an hour, is missing or altered")
                return
            known[found.number] = found.hash
            event = found

    def _count_untold(self, end: Link, pruned: Collection[tuple[str, int, str]]) -> None:
        """The records since `end`, which no event has counted."""
        columns, head = messages.c, self._head.records
        checkpoint = stored_checkpoint(self._connection, head.writer)
        if checkpoint.sequence > end.sequence and (head.writer, checkpoint.sequence, checkpoint.hash) in pruned:
            end = Link(head.writer, checkpoint.sequence, checkpoint.hash)
        query = (
            select(messages)
            .where(columns.writer == head.writer, columns.sequence > end.sequence)
            .order_by(columns.sequence)
        )
        for row in self._connection.execute(query.execution_options(stream_results=True)).mappings():
            hashed = digest_or_none(end.hash, dict(row))
            if row["sequence"] != end.sequence + 1 or row["hash"] != hashed or hashed is None:
                self._problem(f"its records from number {end.sequence + 1} on are missing or altered")
                return
            end = Link(head.writer, row["sequence"], hashed)
            try:
                count_row(self._window.uses, row, row["operation"])
            except (ValueError, TypeError, KeyError):
                self._problem(f"its record {end.sequence} holds a value that this program never wrote")
        if end != head:
            self._problem("the last of its records are missing or altered")

    def _watch(self, spans: Iterable[tuple[str, Span]]) -> None:
        for name, span in spans:
            self._window.watched.setdefault(name, []).append(span)

    def _note_heads(self, event: Event) -> None:
        """What it saw of other chains must still be there."""
        for writer, sequence, _, number, _ in event.content["heads"]:
            other = self._heads.get(writer)
            if other is None or other.records.sequence < sequence or other.event_number < number:
                self._problem(f"it saw records and events of {writer} that are gone")

    def _event(self, number: int) -> Event | None:
        columns = events.c
        query = select(events).where(columns.writer == self._head.writer, columns.number == number)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else self._checked(row)

    def _checked(self, row: Mapping[Any, Any]) -> Event | None:
        """The event in `row`, where it is as it was written."""
        event = checked_event(row)
        if event is None:
            self._problem(f"its event {row['number']} does not fit its hash")
        return event

    def _problem(self, what: str) -> None:
        sentence = f"{self._instance} ({self._head.writer}): {what}"
        if sentence not in self._window.problems:
            self._window.problems.append(sentence)
