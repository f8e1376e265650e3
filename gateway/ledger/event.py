"""What a writer tells beside its records: when it began, what it did by which configuration, that it watched, what
it counted. Each writer's events are a hash chain of their own (`keystore.hash_chain`), bound to that of its records:
every event names the last record before it, by place and hash.

Whole contents, by kind (instants and lengths in microseconds, instants by the ledger's clock):

started       {version, instance, configuration, keystore_revision, public_key, heads, histories}; the first one of a
              database has pruned and earlier as well (`gateway.ledger.proof.earlier_counts`)
configuration {endpoints: {NAME: {...}}}
heartbeat     {seconds, endpoints: {NAME: {serving, reachable, since}}, keystore_revision, uses, traffic}
rollup-sealed {from, until, watched: {NAME: [[from, until], ...]}, uses, traffic, kept, sealed, sealed_hash, heads,
              histories}
pruned        {writer, sequence, hash, time, at, after, uses, traffic}
recovered     {what, expected, found}
unrecorded    {uses}
ended         {endpoint, reason, who}
renamed       {endpoint, new_name, reason, who}
stopped       {}

`heads` are the ends of the other chains: [[writer, sequence, hash, event_number, event_hash], ...]; `histories` the
ends of the keystore's history and of the statements (`gateway.ledger.proof.histories`). `uses` and
`traffic` are counts (`gateway.ledger.counts`), a row for each hour in which there is something to count: in a heartbeat
of the records since the heartbeat before, in `rollup-sealed` of its whole span, in `pruned` of those records behind the
place `after` and up to `sequence` of which no event of their own writer tells, in `unrecorded` of messages that could
not be recorded, whose instants are that of the event, and whose number is 0 where a killed process did not live to tell
it. `kept` are number and hash of each event
since the `rollup-sealed` before that is no heartbeat: heartbeats may go once they are summed up.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.ledger.record_rows import Row
from keystore import link_hash

Content = Mapping[str, Any]

HEARTBEAT_SECONDS: Final = 30.0
"""How often a writer tells that it watches."""
LONGEST_STEP: Final = 45_000_000
"""Microseconds: a heartbeat that comes later says nothing about the time before it."""
_JOINED: Final = 100_000
"""Microseconds between two spans that count as none: the clocks of the two ends are asked one after the other."""


class EventKind(StrEnum):
    """What an event tells."""

    STARTED = "started"
    CONFIGURATION = "configuration"
    HEARTBEAT = "heartbeat"
    SEALED = "rollup-sealed"
    PRUNED = "pruned"
    RECOVERED = "recovered"
    UNRECORDED = "unrecorded"
    ENDED = "ended"
    RENAMED = "renamed"
    STOPPED = "stopped"


SUMMED_UP: Final = frozenset({EventKind.HEARTBEAT, EventKind.SEALED})
"""Kinds that tell what one of the kind `rollup-sealed` sums up, or are that one."""

HASHED: Final = ("writer", "number", "kind", "time", "clock_offset", "records", "records_hash", "content")
"""The columns that an event's hash is over."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is stored."""

    writer: str
    number: int
    """From 1 on, within the writer."""
    kind: str
    time: int
    """Microseconds by the writer's own clock."""
    clock_offset: int
    """Microseconds that the ledger's clock was ahead of it."""
    records: int
    """The place of the writer's last record."""
    records_hash: str
    content: Content
    previous_hash: str
    hash: str
    signature: str | None

    @property
    def at(self) -> int:
        """When it was written, by the ledger's clock."""
        return self.time + self.clock_offset

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> "Event":
        """The event in a row of the table.

        Raises:
            ValueError: Its content is no JSON object: this program never wrote it.
        """
        try:
            content = json.loads(row["content"])
        except RecursionError as error:
            raise ValueError("the content of an event is nested without end") from error
        if not isinstance(content, dict):
            raise ValueError("the content of an event is no object")  # noqa: TRY004 - of what was read, not of a call
        return cls(
            row["writer"],
            row["number"],
            row["kind"],
            row["time"],
            row["clock_offset"],
            row["records"],
            row["records_hash"],
            content,
            row["previous_hash"],
            row["hash"],
            row["signature"],
        )


def event_hash(previous: str, row: Mapping[Any, Any]) -> str:
    """The hash of the event in `row` that follows one of the hash `previous`.

    Raises:
        TypeError: A value is of a type that was never written.
        ValueError: The same, or `previous` is no hash.
    """
    return link_hash(previous, {name: row[name] for name in HASHED})


def content_text(content: Content) -> str:
    """The one spelling of a content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


Span = tuple[int, int]
"""From and until, in microseconds of the ledger's clock."""


def watched_by(at: int, content: Content) -> dict[str, Span]:
    """Which time a heartbeat that was written at `at` says was watched, by endpoint.

    Watched is an endpoint while it was served and its receiver could be reached: since the event before, at most.
    """
    seconds = int(content["seconds"])
    if not 0 <= seconds <= LONGEST_STEP:
        return {}
    found: dict[str, Span] = {}
    for name, state in content["endpoints"].items():
        if not (state["serving"] and state["reachable"]):
            continue
        start = at - seconds if state["since"] is None else max(at - seconds, int(state["since"]))
        if start < at:
            found[name] = (start, at)
    return found


def joined(spans: list[Span], more: Span) -> list[Span]:
    """`spans`, sorted, with `more` behind them: one with the last where it follows it closely."""
    if spans and more[0] - spans[-1][1] <= _JOINED:
        return [*spans[:-1], (spans[-1][0], max(spans[-1][1], more[1]))]
    return [*spans, more]


def event_row(
    writer: str, number: int, previous: str, kind: EventKind, *, at: int, offset: int, records: Row, content: Content
) -> Row:
    """A new event as a row, with its hash and without a signature; `records` has `sequence` and `hash`."""
    row: Row = {
        "writer": writer,
        "number": number,
        "kind": str(kind),
        "time": at - offset,
        "clock_offset": offset,
        "records": records["sequence"],
        "records_hash": records["hash"],
        "content": content_text(content),
    }
    return row | {"previous_hash": previous, "hash": event_hash(previous, row), "signature": None}
