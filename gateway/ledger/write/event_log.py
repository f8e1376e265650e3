"""The events of one writer, written in the transactions that it makes (`gateway.ledger.event`).

What the records add to the counts is told by the next heartbeat, and every hour's heartbeats are summed up in one event
of the kind `rollup-sealed`, which stays for ever; the heartbeats before it may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.ledger.clock import LedgerClock, microseconds
from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import events
from gateway.ledger.database.prepared import insert_rows
from gateway.ledger.event import SUMMED_UP, Content, EventKind, Span, event_row, joined, watched_by
from gateway.ledger.hours import hour_of
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.earlier_counts import what_came_before
from gateway.ledger.proof.histories import history_ends
from gateway.ledger.proof.signed_heads import other_heads
from gateway.ledger.proof.signing_key import SigningKey
from keystore import CHAIN_START

NO_SPAN_YET: Final = 0
_UNDER_WAY: Final = 300_000_000
"""Microseconds: longer than any commit takes, whose end of a chain can be seen only then."""


@dataclass(slots=True)
class EventState:
    """Where the events of a writer stand; replaced as a whole when a transaction has been committed."""

    number: int = 0
    hash: str = CHAIN_START
    moment: float = 0.0
    """The steady clock at the last event, and `at` the ledger's."""
    at: int = 0
    sealed: int = 0
    """The number of the last event that sealed, 0 before the first, and its hash."""
    sealed_hash: str = CHAIN_START
    since: int = NO_SPAN_YET
    """The ledger's clock where the span that is not sealed yet begins."""
    told: Counts = field(default_factory=Counts)
    """Counted in the heartbeats of that span."""
    watched: dict[str, list[Span]] = field(default_factory=dict)
    """Watched in that span."""
    untold: Counts = field(default_factory=Counts)
    """Counted since the last heartbeat."""
    kept: tuple[tuple[int, str], ...] = ()
    """Number and hash of the events of that span that are no heartbeats."""
    configuration: Content | None = None
    """What the chain tells of the configuration in use."""


class EventLog:
    """What one writer tells; used by the writer's thread alone."""

    def __init__(self, clock: LedgerClock, key: SigningKey | None, started: Content) -> None:
        """Tell in the time of `clock`, sign with `key`, and begin each chain with `started`."""
        self.clock = clock
        self.key = key
        self.started = started
        self.state = EventState()
        self.configuration: Content | None = None
        """The configuration in use, whether or not it could be told yet: every chain of the process tells it."""

    def draft(self, writer: str) -> "EventDraft":
        """What the next transaction tells."""
        return EventDraft(self, writer, replace(self.state))

    def begin_anew(self) -> None:
        """A new chain begins: of what was counted and not told nothing is known any more."""
        self.state = EventState()


class EventDraft:
    """Events of one transaction, and the state that holds once it is committed."""

    def __init__(self, log: EventLog, writer: str, state: EventState) -> None:
        """Begin with nothing to tell."""
        self._log = log
        self._writer = writer
        self._clock = log.clock
        self._state = state
        self._added = Counts()

    @property
    def is_new(self) -> bool:
        """Whether the chain has no event yet."""
        return self._state.number == 0

    @property
    def number(self) -> int:
        """The number of the last event."""
        return self._state.number

    @property
    def hash(self) -> str:
        """Its hash."""
        return self._state.hash

    def count(self, counts: Counts) -> None:
        """Add what the records of this transaction count."""
        self._added.merge(counts)

    def begin(self, connection: Connection, records: Link, lost: Content | None) -> None:
        """Write what is due before anything else: the first event of a chain, what was lost with the chain before it,
        and the configuration in use.
        """
        state, log = self._state, self._log
        if self.is_new:
            first = latest_start(connection)
            # What ended before the last beginning was noted by that one, unless its commit was still under way.
            since = None if first is None else first - _UNDER_WAY
            key = "" if log.key is None else log.key.public
            content: dict[str, Any] = {**log.started, "public_key": key}
            content["heads"] = [head.place for head in other_heads(connection, self._writer, since)]
            content["histories"] = history_ends(connection)
            if first is None:
                content |= what_came_before(connection, self._clock.now())
            self._write(connection, records, EventKind.STARTED, content)
            state.since = state.at
            if lost is not None:
                self._write(connection, records, EventKind.RECOVERED, lost)
        if log.configuration is not None and log.configuration is not state.configuration:
            self._write(connection, records, EventKind.CONFIGURATION, log.configuration)
            state.configuration = log.configuration

    def tell(self, connection: Connection, records: Link, kind: EventKind, content: Content) -> None:
        """Write an event."""
        if kind is EventKind.CONFIGURATION and content is self._state.configuration:
            return  # told at the beginning of the transaction
        if kind is EventKind.HEARTBEAT:
            self._tell_heartbeat(connection, records, content)
        elif kind is EventKind.STOPPED:
            self._seal(connection, records)
            self._write(connection, records, kind, content)
        else:
            self._write(connection, records, kind, content)

    def adopt(self) -> None:
        """The transaction was committed."""
        self._state.untold.merge(self._added)
        self._log.state = self._state

    def _tell_heartbeat(self, connection: Connection, records: Link, content: Content) -> None:
        state = self._state
        # Whichever clock went further: a time in which the machine slept, or stood still, was not watched.
        steady = microseconds(self._clock.seconds() - state.moment)
        seconds = max(steady, self._clock.now() - state.at)
        counts = state.untold.copy().merge(self._added)
        offset = self._clock.offset()
        endpoints = {
            name: {**one, "since": None if one["since"] is None else one["since"] + offset}
            for name, one in content["endpoints"].items()
        }
        told = {**content, "endpoints": endpoints, "seconds": seconds, **counts.content()}
        at = self._write(connection, records, EventKind.HEARTBEAT, told)
        state.untold, self._added = Counts(), Counts()
        state.told = state.told.copy().merge(counts)
        state.watched = _with(state.watched, watched_by(at, told))
        if hour_of(state.since) != hour_of(at):
            self._seal(connection, records)

    def _seal(self, connection: Connection, records: Link) -> None:
        state = self._state
        counts = state.told.copy().merge(state.untold).merge(self._added)
        content: dict[str, Any] = {
            "from": state.since,
            "until": self._clock.now(),
            "watched": state.watched,
            **counts.content(),
            "kept": [list(one) for one in state.kept],
            "sealed": state.sealed,
            "sealed_hash": state.sealed_hash,
            "heads": [head.place for head in other_heads(connection, self._writer, state.since - _UNDER_WAY)],
            "histories": history_ends(connection),
        }
        at = self._write(connection, records, EventKind.SEALED, content)
        state.sealed, state.sealed_hash, state.since = state.number, state.hash, at
        state.told, state.untold, self._added = Counts(), Counts(), Counts()
        state.watched, state.kept = {}, ()

    def _write(self, connection: Connection, records: Link, kind: EventKind, content: Content) -> int:
        """Store an event; return its instant by the ledger's clock."""
        state = self._state
        offset, at = self._clock.offset(), self._clock.now()
        row = event_row(
            self._writer,
            state.number + 1,
            state.hash,
            kind,
            at=at,
            offset=offset,
            records={"sequence": records.sequence, "hash": records.hash},
            content=content,
        )
        key = self._log.key
        row["signature"] = None if key is None else key.sign(row["hash"])
        insert_rows(connection, events, [row])
        state.number, state.hash = row["number"], row["hash"]
        state.moment, state.at = self._clock.seconds(), at
        if kind not in SUMMED_UP:
            state.kept = (*state.kept, (state.number, state.hash))
        return at


def latest_start(connection: Connection) -> int | None:
    """When the last chain of events began that there is, by the ledger's clock; None before the first."""
    columns = events.c
    query = (
        select(columns.time + columns.clock_offset)
        .where(columns.kind == EventKind.STARTED)
        .order_by(columns.time.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _with(watched: Mapping[str, list[Span]], more: Mapping[str, Span]) -> dict[str, list[Span]]:
    return {**watched, **{name: joined(watched.get(name, []), span) for name, span in more.items()}}
