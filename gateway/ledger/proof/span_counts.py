"""What a writer's records count, held against what its events tell of them.

Each heartbeat tells what the records since the one before add, and `rollup-sealed` the same of its whole span. Where
records are gone, pruned, the events speak for them; where they are there, the events must say what they say.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection

from gateway.ledger.counts import MOST_ACCEPTED_NAMES, Counts
from gateway.ledger.proof.count_comparison import disagreement
from gateway.ledger.proof.ledger_findings import ChainState, Refuted
from gateway.ledger.recorded_operations import count_operations, operations_on_record
from gateway.ledger.uses import count_row
from gateway.present import OTHER_OPERATIONS
from gateway.vocabulary import RecordedOutcome

_ACCEPTED: Final = str(RecordedOutcome.ACCEPTED)

Sink = Callable[[Counts], None]
EarlierSink = Callable[[Mapping[Any, Any], str], None]
"""Takes a record from before signers were looked for, and the name that its operation is counted by."""


class CountedNames:
    """Under which name the operation of a stored record is counted, as far as can be told afterwards."""

    def __init__(self) -> None:
        """Know no names yet."""
        self._own: set[tuple[str, str]] = set()
        """Those with a count of their own; as many as the roll-ups know."""
        self._full: dict[str, bool] = {}
        """Endpoints, and whether they have no room for further names of accepted messages."""
        self._ask = lru_cache(maxsize=10_000)(self._is_counted)
        self._connection: Connection | None = None

    def look_up_in(self, connection: Connection) -> None:
        """Look names up there, for the records that are read next: more may be counted by themselves than before."""
        self._connection = connection
        self._full = {endpoint: full for endpoint, full in self._full.items() if full}

    def name_of(self, row: Mapping[Any, Any]) -> str:
        """Its own name, or that of all those that are counted together."""
        operation: str = row["operation"]
        if not operation or (row["outcome"] == _ACCEPTED and not self.is_full(row["endpoint"])):
            return operation
        cell = row["endpoint"], operation
        if cell in self._own:
            return operation
        if self._ask(*cell):
            self._own.add(cell)
            return operation
        return OTHER_OPERATIONS

    def is_full(self, endpoint: str) -> bool:
        """Whether the operation of an accepted message of `endpoint` may be counted together with others."""
        full = self._full.get(endpoint)
        if full is None:
            assert self._connection is not None  # noqa: S101 - for the type checker
            count = count_operations(self._connection, endpoint, MOST_ACCEPTED_NAMES)
            full = self._full[endpoint] = count >= MOST_ACCEPTED_NAMES
        return full

    def _is_counted(self, endpoint: str, operation: str) -> bool:
        assert self._connection is not None  # noqa: S101 - for the type checker
        return bool(operations_on_record(self._connection, endpoint, [operation]))


class SpanCounts:
    """The counts of one writer, from one event that tells them to the next."""

    def __init__(self, names: CountedNames, sink: Sink, earlier: EarlierSink, excused: int) -> None:
        """Begin at the first record.

        Args:
            names: Under which names operations are counted.
            sink: Takes what is proven.
            earlier: Takes records from before signers were looked for as well.
            excused: Up to this place records were pruned before there were events: nothing tells what they counted.
        """
        self._names = names
        self._sink = sink
        self._earlier = earlier
        self._excused = excused
        self._told_to = 0
        """The last place whose counts were told."""
        self._walked = 0
        """Records counted since then."""
        self._part = Counts()
        """Of these."""
        self._span_from = 0
        """The last place before the span that is not sealed yet."""
        self._accounted = 0
        """Places of that span, up to `_told_to`, whose counts are in `_span`."""
        self._span = Counts()

    def count(self, row: Mapping[Any, Any]) -> None:
        """Count a record that is good.

        Raises:
            ValueError: It says of its signers what this program never wrote; or TypeError, or KeyError.
        """
        operation = self._names.name_of(row)
        self._part.traffic.count_row(row, operation, row["time"] + (row["clock_offset"] or 0))
        if row["signers"] is None:
            self._earlier(row, operation)
        count_row(self._part.uses, row, operation)
        self._walked += 1

    def tell(self, place: int, told: Counts, event: int | None, after: int | None = None) -> None:
        """Hold against an event that tells the counts of the records behind `after`, or the event before, to `place`.

        Raises:
            Refuted: It does not say what they say.
        """
        places = place - (self._told_to if after is None else after)
        self._compare(self._part, told, place, event, whole=self._walked == places)
        self._span.merge(told)
        self._accounted += places
        self._told_to, self._walked, self._part = place, 0, Counts()

    def seal(self, place: int, told: Counts, event: int) -> None:
        """Hold against an event that sums up the span to `place`, and hand that on.

        Raises:
            Refuted: It does not say what they say.
        """
        whole = self._accounted + self._walked == place - self._span_from
        self._compare(self._span.merge(self._part), told, place, event, whole=whole)
        self._sink(told)
        self._span, self._part, self._walked, self._accounted = Counts(), Counts(), 0, 0
        self._told_to = self._span_from = place

    def end(self, place: int) -> None:
        """Hand on what no event sums up, at the end of the chain.

        Raises:
            Refuted: Records are gone whose counts nobody tells.
        """
        accounted = self._accounted + self._walked
        gone = place - max(self._span_from, min(self._excused, place)) - accounted
        if gone > 0:
            detail = f"no event tells what {gone} records counted that were removed"
            raise Refuted(ChainState.MISSING, self._span_from + 1, detail)
        self._sink(self._span.merge(self._part))

    def _compare(self, recorded: Counts, told: Counts, place: int, event: int | None, *, whole: bool) -> None:
        found = disagreement(recorded, told, whole=whole, is_full=self._names.is_full)
        if found is not None:
            detail = f"it does not tell what the records count: {found}"
            raise Refuted(ChainState.ALTERED, place, detail, event=event)
