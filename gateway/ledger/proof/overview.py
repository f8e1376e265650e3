"""What is known of all writers before their chains are walked along: who there is, what was announced, which keys sign.

It is read from events that the walk verifies later: what was never written by this program is left out here, and found
there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import chains, checkpoints, events, messages
from gateway.ledger.event import SUMMED_UP, Event, EventKind
from gateway.ledger.proof.checkpoints import Checkpoint
from gateway.ledger.proof.event_contents import content_fault
from keystore import from_microseconds

DEFAULT_RETENTION: Final = timedelta(days=90)
"""For how long records of endpoints are kept that no configuration names."""
NEW_KEY: Final = "new-key"
"""What a `recovered` tells by which the key of an instance was replaced: `expected` names the key before."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """Records of a writer that were to be pruned, as an event told before."""

    sequence: int
    """The place of the last one."""
    hash: str
    time: int
    """Its instant."""
    at: int
    """When it was told, by the ledger's clock."""
    after: int
    """The place behind which no event of the writer itself tells the counts."""
    counts: Counts
    """Those of the records from there on."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first event of a chain."""

    writer: str
    at: int
    instance: str
    public_key: str

    @property
    def is_commands(self) -> bool:
        """Whether a command wrote the chain: its name stands behind that of the process."""
        return self.instance.endswith(")")

    @property
    def host(self) -> str:
        """The part of the instance's name that its processes share."""
        return self.instance.partition("/")[0]


@dataclass(slots=True)
class Overview:
    """The whole ledger at a glance, as one state of the database holds it."""

    instances: dict[str, str] = field(default_factory=dict)
    """Every writer, with its instance; empty where no head names one."""
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)
    noted_checkpoints: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By writer, place and hash: what had been pruned when the first event of all was written."""
    noted_ends: dict[str, int] = field(default_factory=dict)
    """By writer, how many records there were then."""
    earlier: Mapping[str, Any] | None = None
    """What that event tells of counts from before (`gateway.ledger.proof.earlier_counts`); None without any."""
    announcements: dict[str, list[Announcement]] = field(default_factory=dict)
    """By writer, in the order of their places."""
    retentions: list[tuple[int, int]] = field(default_factory=list)
    """Recorded at, and the shortest that was configured from then on; both in microseconds."""
    replaced_keys: set[tuple[str, str]] = field(default_factory=set)
    """Old and new key of an instance, where an event tells that it was replaced."""
    told: dict[str, int] = field(default_factory=dict)
    """By writer that something was announced of: the last place whose counts an event of its own tells."""

    @property
    def first_start(self) -> int | None:
        """When the first event of all was written; None where there are none."""
        return min((start.at for start in self.starts), default=None)

    def shortest_retention(self, at: int | None = None) -> int | None:
        """The shortest retention that was recorded up to `at`, in microseconds; None where none was recorded."""
        found = [retention for recorded, retention in self.retentions if at is None or recorded <= at]
        return min(found) if found else None


def read_overview(connection: Connection) -> Overview:
    """Look at the whole ledger. A few steps for each writer, and each event that is no heartbeat."""
    overview = Overview()
    overview.instances = {
        row.writer: row.instance for row in connection.execute(select(chains.c.writer, chains.c.instance))
    }
    for table in (messages, events):
        for writer in _writers_of(connection, table):
            overview.instances.setdefault(writer, "")
    for row in connection.execute(select(checkpoints)):
        overview.checkpoints[row.writer] = Checkpoint(
            row.writer, row.sequence, row.hash, from_microseconds(row.time), from_microseconds(row.pruned_at)
        )
    for event in _events(connection):
        _look_at(overview, event)
    overview.starts.sort(key=lambda start: start.at)
    for writer, found in overview.announcements.items():
        found.sort(key=lambda one: one.sequence)
        columns = events.c
        told = select(func.max(columns.records)).where(columns.writer == writer, columns.kind.in_(sorted(SUMMED_UP)))
        overview.told[writer] = connection.execute(told).scalar_one() or 0
    return overview


def _writers_of(connection: Connection, table: Table) -> Iterator[str]:
    """Every writer in `table`, from one to the next along the index: few steps, however many rows."""
    column = table.c.writer
    writer = connection.execute(select(func.min(column))).scalar_one()
    while writer is not None:
        yield writer
        writer = connection.execute(select(func.min(column)).where(column > writer)).scalar_one()


_LOOKED_AT: Final = (EventKind.STARTED, EventKind.CONFIGURATION, EventKind.PRUNED, EventKind.RECOVERED)


def _events(connection: Connection) -> Iterator[Event]:
    """In the order in which they were written, as far as they are what this program writes."""
    columns = events.c
    query = select(events).where(columns.kind.in_(_LOOKED_AT)).order_by(columns.time + columns.clock_offset)
    for row in connection.execute(query).mappings():
        event = read_event(row)
        if event is not None and content_fault(event.kind, event.content) is None:
            yield event


def read_event(row: Mapping[Any, Any]) -> Event | None:
    """The event in `row`; None where its content is nothing that this program wrote."""
    try:
        return Event.of_row(row)
    except (ValueError, TypeError, RecursionError):
        return None


def _look_at(overview: Overview, event: Event) -> None:
    content = event.content
    if event.kind == EventKind.STARTED:
        overview.starts.append(Start(event.writer, event.at, content["instance"], content["public_key"]))
        if overview.earlier is None and {"earlier", "pruned"} <= content.keys():
            overview.earlier = content["earlier"]
            overview.noted_ends = {writer: place for writer, place, *_ in content["heads"]}
            overview.noted_checkpoints = {writer: (place, end) for writer, place, end, _ in content["pruned"]}
    elif event.kind == EventKind.CONFIGURATION:
        found = [one["retention"] for one in content["endpoints"].values() if "retention" in one]
        if found:
            overview.retentions.append((event.at, min(found)))
    elif event.kind == EventKind.PRUNED:
        overview.announcements.setdefault(content["writer"], []).append(
            Announcement(
                content["sequence"],
                content["hash"],
                content["time"],
                event.at,
                content["after"],
                Counts.of_content(content),
            )
        )
    elif content["what"] == NEW_KEY:
        overview.replaced_keys |= {
            (old, new) for old in map(str, content["expected"]) for new in map(str, content["found"])
        }
