"""The ends of chains as other writers noted them: a chain that was cut short, or is gone, is missed by those.

Of each chain the furthest end that anybody noted is enough: every earlier one lies before it.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from gateway.ledger.database.ledger_tables import events, messages
from gateway.ledger.event import Event, EventKind
from gateway.ledger.proof.ledger_findings import ChainState, Refuted

_NOTING = frozenset({EventKind.STARTED, EventKind.SEALED})
Ends = dict[str, tuple[int, set[str]]]
"""By writer: the place, and the hashes that it was noted with."""


class NotedHeads:
    """The furthest noted ends, of records and of events, by writer."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._records: Ends = {}
        self._events: Ends = {}

    def note(self, event: Event) -> None:
        """Take down what an event that is good says of other chains."""
        if event.kind not in _NOTING:
            return
        for writer, sequence, record, number, hashed in event.content["heads"]:
            _note(self._records, writer, sequence, record)
            _note(self._events, writer, number, hashed)

    def writers(self) -> Iterator[str]:
        """Whoever was noted, with as much as one record or event."""
        yield from sorted({*self._records, *self._events})

    def refute(self, connection: Connection, writer: str, pruned: int, end: int, last_event: int) -> Refuted | None:
        """What is wrong with the chains of `writer` by what others noted of them; None where nothing is.

        Args:
            connection: In the transaction in which the chains were verified.
            writer: Whose chains.
            pruned: Up to this place records were pruned.
            end: The place of the last record.
            last_event: The number of the last event.
        """
        sequence, hashes = self._records.get(writer, (0, set()))
        if sequence > end:
            detail = f"the last {sequence - end} records are gone: events of other writers know them"
            return Refuted(ChainState.TRUNCATED, end + 1, detail)
        number, event_hashes = self._events.get(writer, (0, set()))
        if number > last_event:
            detail = f"the last {number - last_event} events are gone: events of other writers know them"
            return Refuted(ChainState.TRUNCATED, end, detail, event=last_event + 1)
        columns = messages.c
        record = select(columns.hash).where(columns.writer == writer, columns.sequence == sequence)
        if sequence > pruned and hashes != {connection.execute(record).scalar_one()}:
            return Refuted(ChainState.ALTERED, sequence, "an event of another writer knows it with another hash")
        event = select(events.c.hash).where(events.c.writer == writer, events.c.number == number)
        found = connection.execute(event).scalar_one_or_none()
        if found is not None and event_hashes != {found}:  # else a heartbeat that was summed up
            detail = "an event of another writer knows it with another hash"
            return Refuted(ChainState.ALTERED, end, detail, event=number)
        return None


def _note(ends: Ends, writer: str, place: int, hashed: str) -> None:
    found = ends.get(writer)
    if place and (found is None or place > found[0]):
        ends[writer] = place, {hashed}
    elif found is not None and place == found[0]:
        found[1].add(hashed)
