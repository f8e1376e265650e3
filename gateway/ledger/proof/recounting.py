"""The records up to ends of chains that somebody wrote down, read again one by one, and what was watched until then.

A figure that was written down once has to come out the same later, while the chains have grown. So what it was counted
up to is told by place and not by time: of each writer the place and hash of its last record and of its last event. Each
record has to fit its hash and to follow the one before it; one that does not is not handed on, so that what was counted
with it does not come out any more.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, checkpoints, events, messages
from gateway.ledger.event import Span, joined
from gateway.ledger.hours import MICROSECONDS_PER_HOUR
from gateway.ledger.proof.chain import digest_or_none
from gateway.ledger.proof.checkpoints import stored_checkpoint
from gateway.ledger.proof.recounted_events import ServedPolicy, recount_events, told_events
from gateway.ledger.record import MessageRecord, Role
from gateway.ledger.uses import role_of
from keystore import CHAIN_START, from_microseconds, to_microseconds

_PAGE: Final = 2_000
_DAY: Final = 24 * MICROSECONDS_PER_HOUR
"""How far the clock of a gateway and that of the ledger may be apart where a walk begins."""


@dataclass(frozen=True, slots=True, order=True)
class ChainEnd:
    """Where the chains of one writer ended at some moment."""

    writer: str
    instance: str
    public_key: str
    """With which the writer signs; empty where it signs nothing."""
    sequence: int
    hash: str
    event_number: int
    event_hash: str


@dataclass(frozen=True, slots=True)
class ChainEnds:
    """Where all chains ended, read from one state of the database."""

    ends: tuple[ChainEnd, ...]
    """Of each writer that wrote since the instant that was asked for, by writer."""
    until: datetime | None
    """The last commit of all of them, by the ledger's clock; None where there is none."""
    kept_since: datetime | None
    """Records before this instant may have been pruned; None where none were."""
    begun: datetime | None
    """When the first of all writers began; None where there is none, or nothing tells."""


@dataclass(frozen=True, slots=True)
class CountedRecord:
    """One record that fits its hash, as figures count it."""

    id: str
    at: datetime
    """By the ledger's clock."""
    endpoint: str
    operation: str
    """Empty where nothing told it."""
    server: str
    outcome: str
    reason: str
    """Empty in one that was accepted."""
    signers: tuple[tuple[str, str, Role], ...] | None
    """Thumbprint, key id and role of each known signer; None in a record from before they were looked for."""


@dataclass(slots=True)
class Recount:
    """How the reading again went."""

    findings: list[str] = field(default_factory=list)
    """What does not hold, a sentence each."""
    missing: list[str] = field(default_factory=list)
    """What was pruned since, so that nothing can be told of it any more."""
    watched: dict[str, list[Span]] = field(default_factory=dict)
    """By endpoint, in microseconds of the ledger's clock: sorted, and apart from each other."""
    unwatched: list[str] = field(default_factory=list)
    """Of which writers it can no longer be told what they watched."""
    served: list[ServedPolicy] = field(default_factory=list)
    """How the writers served each endpoint, up to the ends; those that are over before the beginning as well."""
    unconfigured: list[str] = field(default_factory=list)
    """Of which writers it can no longer be told by which policies they served."""
    broken: set[str] = field(default_factory=set)
    """The writers of whom any finding tells."""
    unproven: set[str] = field(default_factory=set)
    """Writers whose last record or last event was pruned since, so that nothing tells any more what it was."""


def chain_ends(engine: Engine, since: datetime) -> ChainEnds:
    """Where the chains of all writers that wrote since `since` end at present.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    started = select(events).where(events.c.number == 1).subquery()
    query = (
        select(chains, started.c.content)
        .outerjoin(started, started.c.writer == chains.c.writer)
        .where((chains.c.time >= to_microseconds(since)) | chains.c.time.is_(None))
        .order_by(chains.c.writer)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
        pruned = connection.execute(select(func.max(checkpoints.c.time))).scalar_one()
        begun = connection.execute(select(func.min(started.c.time + started.c.clock_offset))).scalar_one()
        is_told = not connection.execute(select(chains.c.writer).where(chains.c.event_number.is_(None)).limit(1)).all()
    ends = tuple(
        ChainEnd(
            row.writer,
            row.instance,
            _public_key(row.content),
            row.sequence,
            row.hash,
            row.event_number or 0,
            row.event_hash or CHAIN_START,
        )
        for row in rows
    )
    until = max((row.time for row in rows if row.time is not None), default=None)
    return ChainEnds(
        ends,
        None if until is None else from_microseconds(until),
        None if pruned is None else from_microseconds(pruned) + timedelta(hours=1),
        from_microseconds(begun) if begun is not None and is_told else None,
    )


def recount(
    engine: Engine, ends: Sequence[ChainEnd], since: datetime, take: Callable[[CountedRecord], None]
) -> Recount:
    """Read the records of these chains from `since` on up to their ends, and hand each that holds to `take`.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    found = Recount()
    with reading(engine) as connection:
        told = told_events(connection)
    for end in ends:
        _Walk(engine, end, to_microseconds(since), found).walk(told.get(end.writer, ()), take)
    found.watched = {name: _apart(spans) for name, spans in found.watched.items()}
    return found


def records_up_to(engine: Engine, ends: Sequence[ChainEnd], since: datetime, *, most: int) -> list[str] | None:
    """The ids of all records of these chains from `since` on, each chain with the record before; None where they are
    more than `most`.

    That record shows that nothing of the time is missing at the beginning.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    columns, found = messages.c, list[str]()
    with reading(engine) as connection:
        for end in ends:
            of_chain = (columns.writer == end.writer, columns.sequence <= end.sequence)
            instant = columns.time + func.coalesce(columns.clock_offset, 0)
            first = select(func.min(columns.sequence)).where(
                *of_chain, columns.time >= to_microseconds(since) - _DAY, instant >= to_microseconds(since)
            )
            begin = connection.execute(first).scalar_one()
            if begin is None:
                continue
            query = (
                select(columns.id)
                .where(*of_chain, columns.sequence >= begin - 1)
                .order_by(columns.sequence)
                .limit(most + 1 - len(found))
            )
            found += connection.execute(query).scalars()
            if len(found) > most:
                return None
    return found


def counted_record(record: MessageRecord) -> CountedRecord:
    """A record as figures count it."""
    offset = timedelta(0) if record.clock_offset is None else record.clock_offset
    signers = None
    if record.signers is not None:
        outcome = str(record.outcome)
        signers = tuple(
            (
                str(one.entry.thumbprint),
                str(one.entry.key_id),
                role_of(needed=one.needed, repeated=one.repeated, outcome=outcome),
            )
            for one in record.signers
        )
    return CountedRecord(
        record.id,
        record.time + offset,
        record.endpoint,
        record.operation or "",
        record.server,
        str(record.outcome),
        record.reason or "",
        signers,
    )


def _counted(row: Mapping[Any, Any]) -> CountedRecord:
    """The same of a row, without all that no figure counts: there may be millions.

    Raises:
        ValueError: It was never written by this program; or TypeError, or KeyError.
    """
    outcome, signers = row["outcome"], None
    if row["signers"] is not None:
        signers = tuple(
            (
                one["entry"]["thumbprint"],
                one["entry"]["key_id"],
                role_of(needed=one["needed"], repeated=one["repeated"], outcome=outcome),
            )
            for one in json.loads(row["signers"])
        )
    return CountedRecord(
        row["id"],
        from_microseconds(row["time"] + (row["clock_offset"] or 0)),
        row["endpoint"],
        row["operation"],
        row["server"] or "",
        outcome,
        row["reason"],
        signers,
    )


class _Walk:
    """Over the chains of one writer."""

    def __init__(self, engine: Engine, end: ChainEnd, since: int, found: Recount) -> None:
        self._engine = engine
        self._end = end
        self._since = since
        self._found = found
        self._name = f"{end.instance} ({end.writer})"

    def walk(self, told: Sequence[Mapping[Any, Any]], take: Callable[[CountedRecord], None]) -> None:
        with reading(self._engine) as connection:
            self._read_events(connection, told)
            begun = self._beginning(connection)
        if begun is None:
            return
        place, previous = begun
        while place < self._end.sequence:
            rows = self._page(place)
            for row in rows:
                place, previous = self._next(place, previous, dict(row), take)
            if not rows:
                self._find(f"its records from number {place + 1} on are missing")
                return
        if previous is not None and previous != self._end.hash:
            self._find(f"its record {self._end.sequence} is not the one that was there")

    def _beginning(self, connection: Connection) -> tuple[int, str | None] | None:
        """The place before the first record that counts, and its hash where anything tells it; None where none does.

        What lies there has to hold as well: else whoever takes the first records away, or dates them back, would only
        move the beginning.
        """
        columns, end = messages.c, self._end
        query = select(func.min(columns.sequence)).where(
            columns.writer == end.writer, columns.time >= self._since - _DAY
        )
        first = connection.execute(query).scalar_one()
        checkpoint = stored_checkpoint(connection, end.writer)
        if checkpoint.sequence and to_microseconds(checkpoint.time) >= self._since:
            self._found.missing.append(
                f"{self._name}: its records up to number {min(checkpoint.sequence, end.sequence)} were pruned"
            )
        if checkpoint.sequence > end.sequence:
            self._found.unproven.add(end.writer)
            return None
        place = end.sequence if first is None else min(int(first) - 1, end.sequence)
        place = max(place, checkpoint.sequence)
        if place == checkpoint.sequence:
            return place, checkpoint.hash
        row = connection.execute(
            select(messages).where(columns.writer == end.writer, columns.sequence == place)
        ).mappings()
        before = row.one_or_none()
        if before is None:
            which = "last records are" if place == end.sequence else f"record {place} and perhaps others before are"
            self._find(f"its {which} missing")
            return None if place == end.sequence else (place, None)
        if not _fits(before):
            self._find(f"its record {place} ({before['id']}) was altered")
        return place, str(before["hash"])

    def _page(self, place: int) -> Sequence[Mapping[Any, Any]]:
        columns = messages.c
        query = (
            select(messages)
            .where(columns.writer == self._end.writer, columns.sequence > place, columns.sequence <= self._end.sequence)
            .order_by(columns.sequence)
            .limit(_PAGE)
        )
        with reading(self._engine) as connection:
            return connection.execute(query).mappings().all()

    def _next(
        self, place: int, previous: str | None, row: dict[Any, Any], take: Callable[[CountedRecord], None]
    ) -> tuple[int, str]:
        number = int(row["sequence"])
        if number != place + 1 and previous is not None:
            self._find(f"its records {place + 1} to {number - 1} are missing")
        elif previous is not None and row["previous_hash"] != previous:
            self._find(f"its record {number} does not follow the one before it")
        try:
            record = _counted(row) if _fits(row) else None
        except (ValueError, TypeError, KeyError):
            record = None  # never written by this program
        if record is None:
            self._find(f"its record {number} ({row['id']}) was altered")
        elif to_microseconds(record.at) >= self._since:
            take(record)
        return number, str(row["hash"])

    def _read_events(self, connection: Connection, told: Sequence[Mapping[Any, Any]]) -> None:
        """What it watched, and by which policies."""
        end, found = self._end, self._found
        if end.event_number == 0:
            return
        head = connection.execute(select(chains).where(chains.c.writer == end.writer)).one_or_none()
        is_end = head is not None and (head.sequence, head.event_number) == (end.sequence, end.event_number)
        ended = head.time if head is not None and is_end else None
        place = end.event_number, end.event_hash
        read = recount_events(connection, end.writer, place, self._since, told, ended)
        for what in read.findings:
            self._find(what)
        if read.is_pruned:
            found.unwatched.append(self._name)
            found.unproven.add(end.writer)
        if read.are_policies_gone:
            found.unconfigured.append(self._name)
        found.served += read.served
        for name, span in read.watched:
            found.watched.setdefault(name, []).append(span)

    def _find(self, what: str) -> None:
        self._found.findings.append(f"{self._name}: {what}")
        self._found.broken.add(self._end.writer)


def _fits(row: Mapping[Any, Any]) -> bool:
    """Whether the record in `row` fits its hash."""
    return digest_or_none(row["previous_hash"], dict(row)) == str(row["hash"])


def _apart(spans: Iterable[Span]) -> list[Span]:
    """The time that any of `spans` covers; those that follow each other closely are one, as in summed-up hours."""
    found: list[Span] = []
    for span in sorted(spans):
        found[-1:] = joined(found[-1:], span)
    return found


def _public_key(content: str | None) -> str:
    try:
        told = json.loads(content or "{}")
    except ValueError:
        return ""
    return str(told.get("public_key") or "") if isinstance(told, dict) else ""
