"""The whole ledger, verified in one pass: all chains, and all that must agree with them.

1. Every writer's chains are walked along, page by page (`chain_verification`).
2. In one transaction, which sees one state of the database: what came meanwhile; what writers noted of each other's
   ends (`noted_heads`); checkpoints, against the events that announced them; keys; roll-ups, against what records and
   events count (`rollup_comparison`); triggers (`trigger_check`); statements, and where events knew them and the
   keystore's history to end (`histories`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, checkpoints
from gateway.ledger.hours import hour_of
from gateway.ledger.proof.anchors import Anchor
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.chain_verification import ChainWalk, Comparison
from gateway.ledger.proof.checkpoints import Checkpoint
from gateway.ledger.proof.earlier_counts import HOURS_BEHIND, NEVER, digests
from gateway.ledger.proof.ledger_findings import ChainReport, ChainState, Finding, LedgerReport, Refuted
from gateway.ledger.proof.overview import DEFAULT_RETENTION, Announcement, read_overview
from gateway.ledger.proof.rollup_comparison import RollUpComparison
from gateway.ledger.proof.signed_head_words import SignedHead
from gateway.ledger.proof.trigger_check import trigger_findings
from gateway.ledger.statements import StatementsAnchor
from keystore import CHAIN_START, to_microseconds

_T = TypeVar("_T")

_SLACK: Final = 3_600_000_000
"""Microseconds by which the clock of whoever prunes may differ from the ledger's."""


def records_to_verify(engine: Engine) -> int:
    """How many records there should be, by the heads and checkpoints: for a progress bar.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        written = connection.execute(select(func.coalesce(func.sum(chains.c.sequence), 0))).scalar_one()
        pruned = connection.execute(select(func.coalesce(func.sum(checkpoints.c.sequence), 0))).scalar_one()
    return max(0, int(written) - int(pruned))


def recorded_retention(engine: Engine) -> timedelta | None:
    """The shortest retention of an endpoint that any gateway has recorded; None where none has.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        found = read_overview(connection).shortest_retention()
    return None if found is None else timedelta(microseconds=found)


def verify_chain(
    engine: Engine,
    anchors: Iterable[Anchor] = (),
    *,
    pruned_before: datetime | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> tuple[ChainReport, ...]:
    """What `verify_ledger` finds of the chains."""
    return tuple(verify_ledger(engine, anchors, pruned_before=pruned_before, on_progress=on_progress).chains)


def verify_ledger(
    engine: Engine,
    anchors: Iterable[Anchor] = (),
    signed_heads: Iterable[SignedHead] = (),
    *,
    pinned: Iterable[str] | None = None,
    pruned_before: datetime | None = None,
    retention: timedelta = DEFAULT_RETENTION,
    statements_anchors: Iterable[StatementsAnchor] = (),
    on_progress: Callable[[int], None] = lambda _: None,
) -> LedgerReport:
    """Verify everything that the ledger holds, in one pass over all records, and in constant memory.

    Args:
        engine: The ledger's database.
        anchors: Ends of chains as they were written down elsewhere: they must lie in the chains.
        signed_heads: The same with signatures that were found good: of the events' chains as well.
        pinned: Public keys from elsewhere: chains that none of them signs are findings. None where none were given.
        pruned_before: Nothing younger than this is ever pruned: an anchor whose record was is a finding. None trusts
            the database.
        retention: The shortest that the caller knows of; it counts where no gateway has recorded any.
        statements_anchors: Ends of the statements as they were written down elsewhere.
        on_progress: Told how many more records have been verified, time and again.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with RollUpComparison() as roll_ups:
        with reading(engine) as connection:
            overview = read_overview(connection)
            comparison = Comparison(
                roll_ups.add,
                roll_ups.add_earlier,
                overview,
                _by_writer(anchors, lambda anchor: anchor.writer),
                _by_writer(signed_heads, lambda signed: signed.head.writer),
                None if pinned is None else frozenset(pinned),
                None if pruned_before is None else to_microseconds(pruned_before),
                on_progress,
            )
            walks = {writer: ChainWalk(connection, writer, comparison) for writer in overview.instances}
        for walk in walks.values():
            goes_on = True
            while goes_on:
                with reading(engine) as connection:
                    goes_on = walk.go(connection)
        with reading(engine) as connection:
            comparison.overview = read_overview(connection)
            return _Conclusion(connection, comparison, walks, roll_ups, retention, statements_anchors).report()


def _by_writer(found: Iterable[_T], writer: Callable[[_T], str]) -> dict[str, list[_T]]:
    sorted_by: dict[str, list[_T]] = {}
    for one in found:
        sorted_by.setdefault(writer(one), []).append(one)
    return sorted_by


class _Conclusion:
    """Everything that is seen in one state of the database, when the chains have been walked along."""

    def __init__(
        self,
        connection: Connection,
        comparison: Comparison,
        walks: dict[str, ChainWalk],
        roll_ups: RollUpComparison,
        retention: timedelta,
        statements_anchors: Iterable[StatementsAnchor],
    ) -> None:
        self._connection = connection
        self._comparison = comparison
        self._overview = comparison.overview
        self._walks = walks
        self._roll_ups = roll_ups
        self._retention = retention // timedelta(microseconds=1)
        self._statements_anchors = statements_anchors
        self._unproven: list[str] = []

    def report(self) -> LedgerReport:
        for writer in self._overview.instances.keys() - self._walks.keys():
            self._walks[writer] = ChainWalk(self._connection, writer, self._comparison)
        reports = {writer: walk.close(self._connection) for writer, walk in self._walks.items()}
        self._compare_with_noted(reports)
        findings = [*self._checkpoints(), *self._keys(), *trigger_findings(self._connection)]
        histories = self._comparison.histories
        findings += histories.statement_findings(self._connection, self._statements_anchors)
        if all(report.is_intact for report in reports.values()):
            findings += self._compare_roll_ups()
        else:
            self._unproven.append("the hourly counts were not held against the records, for these are not intact")
        chains = sorted(reports.values(), key=lambda report: (report.instance, report.writer))
        return LedgerReport(chains, findings, self._unproven, histories.of_keystore)

    def _compare_with_noted(self, reports: dict[str, ChainReport]) -> None:
        comparison = self._comparison
        outside = {writer: max(a.sequence for a in found) for writer, found in comparison.anchors.items()}
        for writer, signed in comparison.signed_heads.items():
            outside[writer] = max(outside.get(writer, 0), *(one.head.records.sequence for one in signed))
        for writer in {*outside, *comparison.noted.writers()} - reports.keys():
            reports[writer] = _gone(writer, outside.get(writer))
        for writer in comparison.noted.writers():
            report = reports[writer]
            if report.is_intact:
                found = comparison.noted.refute(
                    self._connection, writer, report.pruned, report.end.sequence, report.events
                )
                reports[writer] = report if found is None else _refuted(report, found)

    def _checkpoints(self) -> Iterator[Finding]:
        overview = self._overview
        if overview.checkpoints and not overview.starts:
            self._unproven.append("no event tells of what was pruned: it was done before there were events")
        for writer, checkpoint in sorted(overview.checkpoints.items()):
            found = self._unannounced(writer, checkpoint) if overview.starts else None
            if found is not None:
                detail = f"of the writer {writer} up to record {checkpoint.sequence}: {found}"
                yield Finding("pruning", ChainState.MISSING, detail)
        for writer, announcements in sorted(overview.announcements.items()):
            for one in announcements:
                if one.time > one.at - self._kept(one) + _SLACK:
                    detail = f"of the writer {writer} up to record {one.sequence}: it was younger than every retention"
                    yield Finding("pruning", ChainState.MISSING, detail)

    def _unannounced(self, writer: str, checkpoint: Checkpoint) -> str | None:
        """What is wrong with the way in which records went."""
        overview = self._overview
        noted = overview.noted_checkpoints.get(writer)
        known = [(one.sequence, one.hash) for one in overview.announcements.get(writer, ())]
        known += [] if noted is None else [noted]
        if checkpoint.sequence > max((sequence for sequence, _ in known), default=0):
            return "no event announced it"
        if any(s == checkpoint.sequence and end != checkpoint.hash for s, end in known):
            return "an event knows the record with another hash"
        times = {one.time for one in overview.announcements.get(writer, ()) if one.sequence == checkpoint.sequence}
        if times and to_microseconds(checkpoint.time) not in times:
            return "an event knows the record with another time"
        return None

    def _kept(self, announcement: Announcement) -> int:
        """How long everything was kept at least when that was announced."""
        recorded = self._overview.shortest_retention(announcement.at)
        default = DEFAULT_RETENTION // timedelta(microseconds=1)
        return min(default, self._retention if recorded is None else recorded)

    def _keys(self) -> Iterator[Finding]:
        """One instance signs with one key, unless an event tells that it was replaced."""
        keys: dict[str, list[str]] = {}
        for start in self._overview.starts:
            if not start.public_key and start.is_commands:
                continue  # whoever calls a command may not be allowed to read the key, and is told so
            found = keys.setdefault(start.host, [])
            if start.public_key not in found:
                found.append(start.public_key)
        for host, found in sorted(keys.items()):
            for old, new in pairwise(found):
                if (old, new) not in self._overview.replaced_keys:
                    shown = " and ".join(key or "none" for key in (old, new))
                    yield Finding(
                        "signing key", ChainState.FOREIGN, f"the instance {host} signs with two keys: {shown}"
                    )

    def _compare_roll_ups(self) -> list[Finding]:
        until, earlier = self._pruned_early(), self._overview.earlier
        if earlier is None:
            if until != NEVER:
                self._unproven.append("nothing tells what was counted of records that went before there were events")
            unproven_until = NEVER if until == NEVER else until + HOURS_BEHIND
            return self._roll_ups.compare(self._connection, unproven_until, None)
        findings = self._roll_ups.compare(self._connection, until, until)
        for table, digest in digests(self._connection, until, earlier["closed"]).items():
            if digest != earlier[table]:
                detail = (
                    f"{table}_hourly: what was counted before there were events is not what the first of them noted"
                )
                findings.append(Finding("roll-up", ChainState.ALTERED, detail))
        return findings

    def _pruned_early(self) -> int:
        """The hour of the last record that went before there were events."""
        overview = self._overview
        if overview.earlier is not None:
            return int(overview.earlier["until"])
        times = [] if overview.starts else [to_microseconds(one.time) for one in overview.checkpoints.values()]
        return max(map(hour_of, times), default=NEVER)


def _gone(writer: str, sequence: int | None) -> ChainReport:
    known = "events of other writers know it" if sequence is None else f"an anchor knows {sequence} records of it"
    return ChainReport(
        writer=writer,
        instance="",
        state=ChainState.TRUNCATED,
        rows=0,
        sequence=1,
        record_id=None,
        detail=f"the whole chain is gone; {known}",
        pruned=0,
        pruned_until=None,
        end=Link(writer, 0, CHAIN_START),
        keystore_revision=0,
    )


def _refuted(report: ChainReport, found: Refuted) -> ChainReport:
    return replace(report, state=found.state, sequence=found.sequence, detail=str(found), event=found.event)
