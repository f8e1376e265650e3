"""The two hash chains of one writer, verified: intact, altered, missing or truncated.

Records and events are read in pages, each in a transaction of its own, so that the memory is constant, and a gateway
that goes on writing or pruning meanwhile neither waits nor is taken for a forger. What came while the last page was
looked at is verified in one transaction together with all that is held against the records (`ledger_verification`).
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, select

from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import events, messages
from gateway.ledger.event import SUMMED_UP, Event, EventKind
from gateway.ledger.proof.anchors import Anchor
from gateway.ledger.proof.chain import Link, digest_or_none
from gateway.ledger.proof.checkpoints import stored_checkpoint
from gateway.ledger.proof.event_walk import SLACK, EventWalk
from gateway.ledger.proof.histories import NotedHistories
from gateway.ledger.proof.ledger_findings import ChainReport, ChainState, Refuted, Signing
from gateway.ledger.proof.noted_heads import NotedHeads
from gateway.ledger.proof.overview import Announcement, Overview, read_overview
from gateway.ledger.proof.signed_head_words import SignedHead
from gateway.ledger.proof.signed_heads import Head, stored_head
from gateway.ledger.proof.span_counts import CountedNames, EarlierSink, Sink, SpanCounts
from gateway.ledger.record_rows import Row
from keystore import CHAIN_START, to_microseconds

PAGE = 1000
"""Records read at a time: some megabytes."""


@dataclass(slots=True)
class Comparison:
    """What all chains are held against, and what takes what they tell."""

    sink: Sink
    """Takes what the records and events of a chain count."""
    earlier: EarlierSink
    overview: Overview
    anchors: Mapping[str, list[Anchor]] = field(default_factory=dict)
    """By writer: ends of chains as they were written down elsewhere."""
    signed_heads: Mapping[str, list[SignedHead]] = field(default_factory=dict)
    pinned: frozenset[str] | None = None
    """Public keys from elsewhere; None where none were given."""
    pruned_before: int | None = None
    """Nothing younger than this instant (microseconds) is ever pruned; None trusts the database."""
    on_progress: Callable[[int], None] = lambda _: None
    names: CountedNames = field(default_factory=CountedNames)
    noted: NotedHeads = field(default_factory=NotedHeads)
    histories: NotedHistories = field(default_factory=NotedHistories)


class ChainWalk:
    """The way along the chains of one writer, from the checkpoint to the head."""

    def __init__(self, connection: Connection, writer: str, comparison: Comparison) -> None:
        """Begin behind the checkpoint, in a transaction that the overview of the comparison is not older than."""
        overview = comparison.overview
        self.instance = overview.instances.get(writer, "")
        self._comparison = comparison
        signed = comparison.signed_heads.get(writer, [])
        self._noted = deque(
            sorted(
                [*comparison.anchors.get(writer, ()), *(one.anchor for one in signed if one.anchor.sequence)],
                key=_place,
            )
        )
        self._checkpoint = overview.checkpoints.get(writer) or stored_checkpoint(connection, writer)
        self._end = Link(writer, self._checkpoint.sequence, self._checkpoint.hash)
        self._rows = 0
        self._keystore_revision = 0
        self._verified_by: set[tuple[int, str]] = set()
        """Few, however many records: revisions, and what a record holds of the keys that verified it."""
        self._latest = 0
        """The latest instant of a record, by the ledger's clock."""
        self._events = EventWalk(signed, comparison.pruned_before)
        self._counts = SpanCounts(comparison.names, comparison.sink, comparison.earlier, self._excused(overview))
        self._announced = self._unfinished(overview)
        self._page: deque[Row] = deque()
        self._event_page: deque[Row] = deque()
        self._has_all_events = False
        self._head: tuple[Head, str | None] | None = None
        self._found: Refuted | None = None

    def go(self, connection: Connection) -> bool:
        """Go on by one page; False at the end of what there is, or of what is good."""
        if self._found is not None:
            return False
        try:
            return self._go(connection)
        except Refuted as found:
            self._found = found
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
            detail = "it holds a value that this program never wrote"
            self._found = Refuted(ChainState.ALTERED, self._end.sequence + 1, detail)
        return False

    def close(self, connection: Connection) -> ChainReport:
        """Go to the end in this transaction, and hold it against what others know."""
        while self.go(connection):
            pass
        if self._found is None:
            try:
                self._refuse_leftovers(connection)
                self._compare_with_head()
                self._compare_with_anchors()
                self._compare_with_pinned()
                self._tell_announced(self._end.sequence)
                self._counts.end(self._end.sequence)
            except Refuted as found:
                self._found = found
        return self._report()

    def _report(self) -> ChainReport:
        found, checkpoint, end = self._found, self._checkpoint, self._end
        return ChainReport(
            writer=end.writer,
            instance=self.instance,
            state=ChainState.INTACT if found is None else found.state,
            rows=self._rows,
            sequence=None if found is None else found.sequence,
            record_id=None if found is None else found.record_id,
            detail=self._what_it_rests_on() if found is None else str(found),
            pruned=checkpoint.sequence,
            pruned_until=checkpoint.time if checkpoint.sequence else None,
            end=end,
            keystore_revision=self._keystore_revision,
            relied_on=frozenset((number, one) for number, text in self._verified_by for one in _thumbprints(text)),
            events=self._events.number,
            event=None if found is None else found.event,
            signing=self._signing(),
            public_key=self._events.public_key,
        )

    def _signing(self) -> Signing:
        if self._events.started is None:
            return Signing.EARLIER
        key = self._events.public_key
        if not key:
            return Signing.UNSIGNED
        return Signing.PINNED if key in (self._comparison.pinned or ()) else Signing.NAMED

    def _go(self, connection: Connection) -> bool:
        self._comparison.names.look_up_in(connection)
        self._head = stored_head(connection, self._end.writer)
        self._read_on(connection)
        goes_on = False
        while self._step(connection):
            goes_on = True
        return goes_on

    def _read_on(self, connection: Connection) -> None:
        """Fill both pages up from one state of the database."""
        writer = self._end.writer
        if not self._page:
            columns = messages.c
            # Again from the last one on: no constraint keeps another of the same number out of a partitioned table.
            again = int(self._rows > 0)
            behind = (columns.writer == writer) & (columns.sequence > self._end.sequence - again)
            query = select(messages).where(behind).order_by(columns.sequence).limit(PAGE + again)
            self._page.extend(_rows(connection, query))
            if again and self._page and self._page[0]["hash"] == self._end.hash:
                self._page.popleft()
            if self._page:
                self._comparison.on_progress(len(self._page))
        if len(self._event_page) < PAGE:
            last = self._event_page[-1]["number"] if self._event_page else self._events.number
            behind = (events.c.writer == writer) & (events.c.number > last)
            query = select(events).where(behind).order_by(events.c.number).limit(PAGE - len(self._event_page))
            self._event_page.extend(_rows(connection, query))
        self._has_all_events = len(self._event_page) < PAGE

    def _step(self, connection: Connection) -> bool:
        """The next event, or else the next record; False where it must be read on first."""
        event = self._event_page[0] if self._event_page else None
        if event is not None and event["records"] <= self._end.sequence:
            self._step_event(self._event_page.popleft())
            return True
        # Never past a record that an event may name which has not been read yet.
        if self._page and (event is not None or self._has_all_events):
            self._step_record(connection, self._page.popleft())
            return True
        return False

    def _step_event(self, row: Row) -> None:
        event = self._events.step(row, self._end)
        self._tell_announced(event.records)
        content = event.content
        if event.kind == EventKind.STARTED:
            revision = content.get("keystore_revision", 0)
            self._keystore_revision = max(self._keystore_revision, revision)
            if self.instance not in ("", content["instance"]):
                detail = f"the head of the chain names the instance {self.instance!r}, and its first event another"
                raise Refuted(ChainState.ALTERED, self._end.sequence, detail, event=1)
        if event.kind in SUMMED_UP:
            self._hold_against(event)
        self._comparison.noted.note(event)
        self._comparison.histories.note(event)

    def _hold_against(self, event: Event) -> None:
        told = Counts.of_content(event.content)
        if event.kind == EventKind.SEALED:
            self._counts.seal(event.records, told, event.number)
        else:
            self._counts.tell(event.records, told, event.number)

    def _tell_announced(self, place: int) -> None:
        """What the events of whoever pruned tell of records whose own writer tells nothing any more."""
        while self._announced and self._announced[0].sequence <= place:
            announced = self._announced.popleft()
            self._counts.tell(announced.sequence, announced.counts, None, announced.after)

    def _step_record(self, connection: Connection, row: Row) -> None:
        end = self._end
        if row["sequence"] != end.sequence + 1:
            end = self._pruned_meanwhile(connection, row, end)
        sequence, writer = end.sequence + 1, end.writer
        if row["previous_hash"] != end.hash or row["hash"] != digest_or_none(end.hash, row):
            detail = "it does not match its hash, or not the record before it"
            raise Refuted(ChainState.ALTERED, sequence, detail, row["id"])
        if self._events.started is None:
            self._refuse_unintroduced(row, sequence)
        else:
            self._check_time(row, sequence)
        if self._announced:
            self._tell_announced(end.sequence)
        self._counts.count(row)
        self._end = Link(writer, sequence, row["hash"])
        self._rows += 1
        self._keystore_revision = max(self._keystore_revision, row["keystore_revision"])
        self._verified_by.add((row["keystore_revision"], row["verified_by"]))
        if self._noted:
            self._compare_with_noted(sequence, row)

    def _refuse_unintroduced(self, row: Row, sequence: int) -> None:
        """Before there were events nobody looked for signers, and everything is older than the first event."""
        overview = self._comparison.overview
        first = overview.first_start
        is_earlier = row["signers"] is None and row["clock_offset"] is None
        if not is_earlier or (first is not None and row["time"] > first + SLACK):
            raise Refuted(ChainState.FOREIGN, sequence, "no event introduces its writer", row["id"])
        if overview.earlier is None or sequence <= overview.noted_ends.get(self._end.writer, 0):
            return
        if first is not None and row["time"] < first - SLACK:
            raise Refuted(ChainState.FOREIGN, sequence, "the first event of all does not know it", row["id"])

    def _check_time(self, row: Row, sequence: int) -> None:
        instant = row["time"] + (row["clock_offset"] or 0)
        if instant < self._events.earliest(self._latest):
            raise Refuted(ChainState.ALTERED, sequence, "its time runs backwards", row["id"])
        self._latest = max(self._latest, instant)

    def _compare_with_noted(self, sequence: int, row: Row) -> None:
        while self._noted and self._noted[0].sequence <= sequence:
            anchor = self._noted.popleft()
            if anchor.sequence == sequence and anchor.hash != row["hash"]:
                raise Refuted(ChainState.ALTERED, sequence, "an anchor knows it with another hash", row["id"])
            if anchor.sequence < sequence:
                self._compare_with_checkpoint(anchor)

    def _pruned_meanwhile(self, connection: Connection, row: Row, end: Link) -> Link:
        checkpoint = stored_checkpoint(connection, end.writer)
        if end.sequence < checkpoint.sequence == row["sequence"] - 1:
            self._checkpoint = checkpoint
            # Announced before it was done, and perhaps after the look at the whole.
            self._announced = self._unfinished(read_overview(connection))
            return Link(end.writer, checkpoint.sequence, checkpoint.hash)
        if row["sequence"] <= end.sequence:
            raise Refuted(ChainState.ALTERED, row["sequence"], "there is another record of this number", row["id"])
        gone = row["sequence"] - end.sequence - 1
        detail = f"{gone} records from here on are gone"
        raise Refuted(ChainState.MISSING, end.sequence + 1, detail, row["id"])

    def _compare_with_head(self) -> None:
        end = self._end
        found = self._head
        if found is None or found[0].records.sequence < end.sequence:
            # No head, or records beyond it: someone changed the table of heads.
            detail = "the head of the chain does not cover its last records"
            raise Refuted(ChainState.ALTERED, end.sequence, detail)
        head, signature = found
        if head.records.sequence > end.sequence:
            gone = head.records.sequence - end.sequence
            raise Refuted(ChainState.TRUNCATED, end.sequence + 1, f"the last {gone} records are gone")
        if head.records.hash != end.hash:
            raise Refuted(ChainState.ALTERED, end.sequence, "the head of the chain has another hash")
        if self._event_page:
            number = self._event_page[0]["number"]
            raise Refuted(ChainState.ALTERED, end.sequence, "it names a record that is not there", event=number)
        if self._events.started is not None or head.event_number or signature is not None:
            self._events.finish(head, signature, end)
        elif not end.sequence:
            raise Refuted(ChainState.FOREIGN, 0, "it has a head, and neither a record nor an event")

    def _compare_with_anchors(self) -> None:
        for anchor in self._noted:
            if anchor.sequence > self._end.sequence:
                gone = anchor.sequence - self._end.sequence
                detail = f"the last {gone} records are gone, with the head moved back: an anchor knows them"
                raise Refuted(ChainState.TRUNCATED, self._end.sequence + 1, detail)
            self._compare_with_checkpoint(anchor)

    def _compare_with_checkpoint(self, anchor: Anchor) -> None:
        """What the checkpoint says of an anchor whose record was pruned."""
        checkpoint = self._checkpoint
        if anchor.sequence == checkpoint.sequence and anchor.hash != checkpoint.hash:
            raise Refuted(ChainState.ALTERED, anchor.sequence, "an anchor knows the last pruned record otherwise")
        before = self._comparison.pruned_before
        if before is not None and to_microseconds(anchor.time) > before:
            detail = "an anchor knows it, and it is gone although it was younger than anything that is pruned"
            raise Refuted(ChainState.MISSING, anchor.sequence, detail)

    def _compare_with_pinned(self) -> None:
        pinned, started = self._comparison.pinned, self._events.started
        if pinned is not None and started is not None and self._events.public_key not in pinned:
            detail = "its end is not signed with a key that you gave"
            raise Refuted(ChainState.FOREIGN, self._end.sequence, detail, event=1)

    def _refuse_leftovers(self, connection: Connection) -> None:
        """Records that a checkpoint covers are removed together with its making: one that is there was put there.

        And numbers begin with 1.
        """
        leftover = (
            select(messages.c.id, messages.c.sequence)
            .where(messages.c.writer == self._end.writer, messages.c.sequence <= self._checkpoint.sequence)
            .order_by(messages.c.sequence)
            .limit(1)
        )
        row = connection.execute(leftover).one_or_none()
        if row is not None:
            raise Refuted(ChainState.ALTERED, row.sequence, "it stands where records were pruned", row.id)
        columns = events.c
        early = select(columns.number).where(columns.writer == self._end.writer, columns.number < 1).limit(1)
        number = connection.execute(early).scalar_one_or_none()
        if number is not None:
            raise Refuted(ChainState.ALTERED, self._end.sequence, "events are numbered from 1 on", event=number)

    def _excused(self, overview: Overview) -> int:
        """Up to which place records went before there were events."""
        writer = self._end.writer
        if overview.earlier is None:
            return self._checkpoint.sequence if not overview.starts else 0
        return overview.noted_checkpoints.get(writer, (0, CHAIN_START))[0]

    def _unfinished(self, overview: Overview) -> deque[Announcement]:
        """The announcements that tell counts which no event of the writer itself tells, one behind the other."""
        writer = self._end.writer
        told = max(overview.told.get(writer, 0), self._excused(overview))
        found: deque[Announcement] = deque()
        for one in overview.announcements.get(writer, ()):
            if told <= one.after < one.sequence:  # else it tells nothing, or what another one tells already
                found.append(one)
                told = one.sequence
        return found

    def _what_it_rests_on(self) -> str:
        if not self._checkpoint.sequence:
            return "every record from the first on"
        return f"every record since the first {self._checkpoint.sequence} were pruned"


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Row]:
    """The rows by name; in one go, for there are many."""
    result = connection.execute(query)
    names = tuple(result.keys())
    return (dict(zip(names, row, strict=True)) for row in result.all())


def _place(anchor: Anchor) -> int:
    return anchor.sequence


def _thumbprints(verified_by: str) -> Iterable[str]:
    try:
        return [str(entry["thumbprint"]) for entry in json.loads(verified_by)]
    except (ValueError, TypeError, KeyError):
        return []  # never written by this program
