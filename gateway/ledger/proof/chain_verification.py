"""The hash chains, verified: intact, altered, missing or truncated, one writer after the other.

Records are read in pages, each in a transaction of its own, so that the memory is constant, and a gateway that goes on
writing or pruning meanwhile neither waits nor is taken for a forger.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, checkpoints, messages
from gateway.ledger.proof.anchors import Anchor
from gateway.ledger.proof.chain import Link, digest, stored_head
from gateway.ledger.proof.checkpoints import stored_checkpoint
from gateway.ledger.record_rows import Row
from keystore import CHAIN_START

PAGE = 1000
"""Records read at a time: some megabytes."""


class ChainState(StrEnum):
    """What the verification of a chain found."""

    INTACT = "intact"
    ALTERED = "altered"
    """A record does not match its hash, does not continue the one before it, or differs from an anchor."""
    MISSING = "missing"
    """A record that was written is gone from the beginning or the middle, and was not pruned."""
    TRUNCATED = "truncated"
    """Records that were written last are gone."""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One writer's chain, verified."""

    writer: str
    instance: str
    """Which gateway wrote it; empty where only an anchor knows of the chain."""
    state: ChainState
    rows: int
    """Records that were found good, up to the first finding."""
    sequence: int | None
    """Where the first finding is; None in an intact chain."""
    record_id: str | None
    """The record that is altered, or the first one behind the gap; None where there is none."""
    detail: str
    """The finding, or what rests on what, in half a sentence."""
    pruned: int
    """Records that were pruned before the first one that is left."""
    pruned_until: datetime | None
    """The instant of the last one pruned; None where none was."""
    end: Link
    """The last record that is good; the end of the chain where it is intact."""
    keystore_revision: int
    """The highest revision of the keystore under which a record that was found good was made; 0 without any."""
    relied_on: frozenset[tuple[int, str]] = frozenset()
    """By the records that were found good: thumbprints that verified a message, each with the keystore's revision."""


def records_to_verify(engine: Engine) -> int:
    """How many records there should be, by the heads and checkpoints: for a progress bar.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        written = connection.execute(select(func.coalesce(func.sum(chains.c.sequence), 0))).scalar_one()
        pruned = connection.execute(select(func.coalesce(func.sum(checkpoints.c.sequence), 0))).scalar_one()
    return max(0, int(written) - int(pruned))


def verify_chain(
    engine: Engine,
    anchors: Iterable[Anchor] = (),
    *,
    pruned_before: datetime | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> tuple[ChainReport, ...]:
    """Verify every writer's chain, in one pass over all records and in constant memory.

    Args:
        engine: The ledger's database.
        anchors: Ends of chains as they were written down elsewhere: they must lie in the chains.
        pruned_before: Nothing younger than this is ever pruned: an anchor whose record was is a finding. None trusts
            the checkpoints of the database.
        on_progress: Told how many more records have been verified, time and again.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    noted: dict[str, list[Anchor]] = {}
    for anchor in anchors:
        noted.setdefault(anchor.writer, []).append(anchor)
    with reading(engine) as connection:
        instances = {row.writer: row.instance for row in connection.execute(select(chains.c.writer, chains.c.instance))}
    writers = {**instances, **{writer: "" for writer in _writers_of_rows(engine) if writer not in instances}}
    reports = [
        _Walk(engine, writer, instance, noted.get(writer, ()), pruned_before, on_progress).report()
        for writer, instance in writers.items()
    ]
    reports += [_gone(writer, found) for writer, found in noted.items() if writer not in writers]
    return tuple(sorted(reports, key=lambda report: (report.instance, report.writer)))


def _writers_of_rows(engine: Engine) -> Iterator[str]:
    """Every writer that has records, from one to the next along the index: few steps, however many records."""
    with reading(engine) as connection:
        writer = connection.execute(select(func.min(messages.c.writer))).scalar_one()
        while writer is not None:
            yield writer
            following = select(func.min(messages.c.writer)).where(messages.c.writer > writer)
            writer = connection.execute(following).scalar_one()


def _gone(writer: str, noted: Sequence[Anchor]) -> ChainReport:
    last = max(noted, key=lambda anchor: anchor.sequence)
    detail = f"the whole chain is gone; an anchor knows {last.sequence} records of it"
    return ChainReport(
        writer, "", ChainState.TRUNCATED, 0, 1, None, detail, last.pruned, None, Link(writer, 0, CHAIN_START), 0
    )


class _Finding(Exception):  # noqa: N818 - not an error: what the verification is there to find
    """The first thing that is wrong with a chain."""

    def __init__(self, state: ChainState, sequence: int, detail: str, record_id: str | None = None) -> None:
        super().__init__(detail)
        self.state, self.sequence, self.detail, self.record_id = state, sequence, detail, record_id


class _Walk:
    """The way along one chain, from its checkpoint to its head."""

    def __init__(
        self,
        engine: Engine,
        writer: str,
        instance: str,
        noted: Sequence[Anchor],
        pruned_before: datetime | None,
        on_progress: Callable[[int], None],
    ) -> None:
        self._engine = engine
        self._instance = instance
        self._pruned_before = pruned_before
        self._on_progress = on_progress
        self._noted = sorted(noted, key=lambda anchor: anchor.sequence)
        with reading(engine) as connection:
            self._checkpoint = stored_checkpoint(connection, writer)
        self._end = Link(writer, self._checkpoint.sequence, self._checkpoint.hash)
        self._rows = 0
        self._keystore_revision = 0
        self._verified_by: set[tuple[int, str]] = set()
        """Few, however many records: revisions, and what a record holds of the keys that verified it."""

    def report(self) -> ChainReport:
        """Walk to the end or to the first finding."""
        found: _Finding | None = None
        try:
            self._refuse_leftovers()
            self._walk()
            self._compare_with_anchors()
        except _Finding as finding:
            found = finding
        checkpoint, end = self._checkpoint, self._end
        return ChainReport(
            writer=end.writer,
            instance=self._instance,
            state=ChainState.INTACT if found is None else found.state,
            rows=self._rows,
            sequence=None if found is None else found.sequence,
            record_id=None if found is None else found.record_id,
            detail=self._what_it_rests_on() if found is None else found.detail,
            pruned=checkpoint.sequence,
            pruned_until=checkpoint.time if checkpoint.sequence else None,
            end=end,
            keystore_revision=self._keystore_revision,
            relied_on=frozenset((number, one) for number, text in self._verified_by for one in _thumbprints(text)),
        )

    def _walk(self) -> None:
        while True:
            # The head first: what it covers must be in the page that is read after it.
            with reading(self._engine) as connection:
                head = stored_head(connection, self._end.writer)
            page = self._page()
            for row in page:
                self._step(row)
            self._on_progress(len(page))
            if not page:
                self._compare_with_head(head)
                return

    def _page(self) -> list[Row]:
        query = (
            select(messages)
            .where(messages.c.writer == self._end.writer, messages.c.sequence > self._end.sequence)
            .order_by(messages.c.sequence)
            .limit(PAGE)
        )
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _step(self, row: Row) -> None:
        end = self._end
        if row["sequence"] != end.sequence + 1:
            end = self._pruned_meanwhile(row, end)
        sequence = end.sequence + 1
        if row["previous_hash"] != end.hash or row["hash"] != _digest_or_none(end.hash, row):
            raise _Finding(
                ChainState.ALTERED, sequence, "it does not match its hash, or not the record before it", row["id"]
            )
        self._end = Link(end.writer, sequence, row["hash"])
        self._rows += 1
        self._keystore_revision = max(self._keystore_revision, row["keystore_revision"])
        self._verified_by.add((row["keystore_revision"], row["verified_by"]))
        while self._noted and self._noted[0].sequence <= sequence:
            anchor = self._noted.pop(0)
            if anchor.sequence == sequence and anchor.hash != row["hash"]:
                raise _Finding(ChainState.ALTERED, sequence, "an anchor knows it with another hash", row["id"])
            if anchor.sequence < sequence:
                self._compare_with_checkpoint(anchor)

    def _pruned_meanwhile(self, row: Row, end: Link) -> Link:
        with reading(self._engine) as connection:
            checkpoint = stored_checkpoint(connection, end.writer)
        if end.sequence < checkpoint.sequence == row["sequence"] - 1:
            self._checkpoint = checkpoint
            return Link(end.writer, checkpoint.sequence, checkpoint.hash)
        gone = row["sequence"] - end.sequence - 1
        raise _Finding(ChainState.MISSING, end.sequence + 1, f"{gone} records from here on are gone", row["id"])

    def _compare_with_head(self, head: Link | None) -> None:
        end = self._end
        if head is None or head.sequence < end.sequence:
            # No head, or records beyond it: someone changed the table of heads.
            raise _Finding(ChainState.ALTERED, end.sequence, "the head of the chain does not cover its last records")
        if head.sequence > end.sequence:
            gone = head.sequence - end.sequence
            raise _Finding(ChainState.TRUNCATED, end.sequence + 1, f"the last {gone} records are gone")
        if head.hash != end.hash:
            raise _Finding(ChainState.ALTERED, end.sequence, "the head of the chain has another hash")

    def _compare_with_anchors(self) -> None:
        for anchor in self._noted:
            if anchor.sequence > self._end.sequence:
                gone = anchor.sequence - self._end.sequence
                detail = f"the last {gone} records are gone, with the head moved back: an anchor knows them"
                raise _Finding(ChainState.TRUNCATED, self._end.sequence + 1, detail)
            self._compare_with_checkpoint(anchor)

    def _compare_with_checkpoint(self, anchor: Anchor) -> None:
        """What the checkpoint says of an anchor whose record was pruned."""
        checkpoint = self._checkpoint
        if anchor.sequence == checkpoint.sequence and anchor.hash != checkpoint.hash:
            raise _Finding(ChainState.ALTERED, anchor.sequence, "an anchor knows the last pruned record otherwise")
        if self._pruned_before is not None and anchor.time > self._pruned_before:
            detail = "an anchor knows it, and it is gone although it was younger than anything that is pruned"
            raise _Finding(ChainState.MISSING, anchor.sequence, detail)

    def _refuse_leftovers(self) -> None:
        """Records that a checkpoint covers are removed together with its making: one that is there was put there."""
        if self._checkpoint.sequence == 0:
            return
        leftover = (
            select(messages.c.id, messages.c.sequence)
            .where(messages.c.writer == self._end.writer, messages.c.sequence <= self._checkpoint.sequence)
            .order_by(messages.c.sequence)
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(leftover).one_or_none()
        if row is not None:
            raise _Finding(ChainState.ALTERED, row.sequence, "it stands where records were pruned", row.id)

    def _what_it_rests_on(self) -> str:
        if not self._checkpoint.sequence:
            return "every record from the first on"
        return f"every record since the first {self._checkpoint.sequence} were pruned"


def _thumbprints(verified_by: str) -> list[str]:
    try:
        return [str(entry["thumbprint"]) for entry in json.loads(verified_by)]
    except (ValueError, TypeError, KeyError):
        return []  # never written by this program


def _digest_or_none(previous: str, row: Row) -> str | None:
    try:
        return digest(previous, row)
    except (TypeError, ValueError):
        return None  # a value of a type that was never written
