"""Answers to the questions of figures: from the database, or from a bundle of evidence without one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Engine

from gateway.ledger import (
    BundleReport,
    ChainEnd,
    RecordProof,
    Recount,
    Statement,
    counted_record,
    read_statements,
    reading,
    recount,
)
from gateway.present import count_text, instant_json
from gateway.renewal.plan import renewals_of
from gateway.renewal.signoff.figures import Question, Window
from gateway.renewal.signoff.said import said_json
from gateway.renewal.signoff.tallies import Counting, Scope, Tally, scope_of, tally_of
from keystore import from_microseconds, to_microseconds
from keystore.store import HistoryItem, HistoryState, KeystoreStore, gate_answers, verify_history

_OF_RECORDS: Final = "the bundle holds not every record of that time"
_OF_ONE_RECORD: Final = "the bundle does not hold that record"
_UNDER_WAY: Final = timedelta(minutes=5)
"""So much older than the last commit of all may a message be that was recorded after it."""
_NOT_IN_BUNDLES: Final = "bundles hold nothing of it: ask the database"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a source says to one question."""

    value: Any = None
    unknown: str = ""
    """Why it cannot say anything; empty where it can."""


class Source(Protocol):
    """Where questions are answered."""

    findings: Sequence[str]
    """What does not hold in it, a sentence each."""

    def answers(self, questions: Sequence[Question]) -> list[Answered]:
        """The answer to each.

        Raises:
            DocumentUnreadable: A question lacks something.
        """


class LedgerSource:
    """The database, read up to the ends of the window."""

    def __init__(self, engine: Engine, window: Window) -> None:
        """Read what `engine` holds, over `window`."""
        self._engine = engine
        self._window = window
        self.findings: Sequence[str] = ()
        self._history: tuple[HistoryItem, ...] | None = None
        self._statements: list[Statement] | None = None
        self._walk = Recount()

    def answers(self, questions: Sequence[Question]) -> list[Answered]:
        """The answer to each.

        Raises:
            DocumentUnreadable: A question lacks something.
            DatabaseUnavailable: The database cannot be read.
        """
        tallies = [tally_of(question) for question in questions]
        counting = Counting(tally for tally in tallies if tally is not None)
        self._walk = recount(self._engine, self._window.ends, self._window.since, counting.take)
        with reading(self._engine) as connection:
            state = verify_history(connection)
        # A history that is not whole speaks for itself; what it says at a revision is compared all the same.
        history = [] if state.state is HistoryState.INTACT else [f"the history of the keystore: {state.detail}"]
        self.findings = (*self._walk.findings, *history)
        return [self._answer(one, tally) for one, tally in zip(questions, tallies, strict=True)]

    def _answer(self, question: Question, tally: Tally | None) -> Answered:
        if tally is not None:
            value = tally.value()
            gone = self._walk.missing and not (question["ask"] == "record" and value is not None)
            return Answered(unknown="; ".join(self._walk.missing)) if gone else Answered(value)
        match question:
            case {"ask": "watched"}:
                return self._watched(scope_of(question))
            case {"ask": "delivery-times"}:
                return self._delivery_times(scope_of(question))
            case {"ask": "chain-end", "writer": str(writer), "sequence": int(place), "event_number": int(number)}:
                return self._chain_end(writer, place, number)
            case {"ask": "keystore-revision", "revision": int(revision)}:
                return Answered(next((one.hash for one in self._changes() if one.revision == revision), None))
            case {"ask": "keystore-history", "revision": int(revision), "thumbprints": list(thumbprints)}:
                return Answered([_change_json(one) for one in self._changes_of(thumbprints, revision)])
            case {"ask": "said", "renewal": str(name), "number": int(number)}:
                renewals = renewals_of(self._told(number))
                renewal = renewals.by_name.get(name)
                return Answered(None if renewal is None else said_json(renewal, renewals))
            case {"ask": "statement", "number": int(number)}:
                return Answered(next((one.hash for one in self._told(number) if one.number == number), None))
            case {"ask": "findings"}:
                return Answered(list(self.findings))
            case _:
                return Answered(unknown=f"this version does not know the question {question['ask']!r}")

    def _watched(self, scope: Scope) -> Answered:
        if self._walk.unwatched:
            who = ", ".join(self._walk.unwatched)
            return Answered(unknown=f"the heartbeats of {who} before that end were pruned")
        spans = [span for name in scope.endpoints for span in self._walk.watched.get(name, ())]
        return Answered(_watched_json(spans, to_microseconds(scope.since), to_microseconds(scope.until)))

    def _delivery_times(self, scope: Scope) -> Answered:
        if self._walk.unconfigured:
            who = ", ".join(self._walk.unconfigured)
            return Answered(unknown=f"by which policies {who} served before that end is not whole any more")
        since, until = to_microseconds(scope.since), to_microseconds(scope.until)
        found = {
            (one.guaranteed_delivery_time / 1_000_000, one.retention / 1_000_000)
            for one in self._walk.served
            if one.endpoint in scope.endpoints
            and one.since <= until
            and (one.until is None or max(one.since, one.until) >= since)
        }
        return Answered([list(one) for one in sorted(found)])

    def _chain_end(self, writer: str, sequence: int, event_number: int) -> Answered:
        asked = (writer, sequence, event_number)
        end = next((e for e in self._window.ends if (e.writer, e.sequence, e.event_number) == asked), None)
        if end is None or writer in self._walk.broken:
            return Answered(None)
        if writer in self._walk.unproven:
            return Answered(unknown=f"what stood at the end of {end.instance} ({writer}) was pruned")
        return Answered([end.hash, end.event_hash])

    def _changes(self) -> tuple[HistoryItem, ...]:
        if self._history is None:
            self._history = KeystoreStore(self._engine).history()
        return self._history

    def _changes_of(self, thumbprints: Sequence[Any], revision: int) -> Iterator[HistoryItem]:
        return (one for one in self._changes() if one.revision <= revision and str(one.thumbprint) in thumbprints)

    def _told(self, number: int) -> list[Statement]:
        if self._statements is None:
            self._statements = read_statements(self._engine)
        return [one for one in self._statements if one.number <= number]


class BundleSource:
    """A bundle that was verified: what its records say."""

    def __init__(self, report: BundleReport, window: Window) -> None:
        """Answer from `report`, over `window`."""
        self._report = report
        self._window = window
        self.findings: Sequence[str] = (*report.findings, *_unnamed(report, window), *_behind(report, window))
        self._by_writer: dict[str, dict[int, RecordProof]] = {}
        for proof in report.proofs:
            self._by_writer.setdefault(proof.writer, {})[proof.sequence] = proof

    def answers(self, questions: Sequence[Question]) -> list[Answered]:
        """The answer to each, as far as the bundle holds what it rests on.

        Raises:
            DocumentUnreadable: A question lacks something.
        """
        tallies = [tally_of(question) for question in questions]
        counting = Counting(tally for tally in tallies if tally is not None)
        is_whole = bool(self._window.ends) and all(self._is_whole(end) for end in self._window.ends)
        known = {end.writer: end for end in self._window.ends}
        for proof in self._report.proofs:
            end = known.get(proof.writer)
            record = counted_record(proof.record)
            if end is not None and proof.sequence <= end.sequence and record.at >= self._window.since:
                counting.take(record)
        return [self._answer(one, tally, is_whole) for one, tally in zip(questions, tallies, strict=True)]

    def _answer(self, question: Question, tally: Tally | None, is_whole: bool) -> Answered:
        match question:
            case {"ask": "record"} if tally is not None:
                value = tally.value()
                return Answered(value) if value is not None else Answered(unknown=_OF_ONE_RECORD)
            case {"ask": "keystore-revision", "revision": int(revision)}:
                end = self._report.history_end
                return Answered(end.hash) if end is not None and end.revision == revision else _unknown()
            case _ if tally is not None:
                return Answered(tally.value()) if is_whole else Answered(unknown=_OF_RECORDS)
            case _:
                return _unknown()

    def _is_whole(self, end: ChainEnd) -> bool:
        """Whether every record of that writer from the beginning of the window to its end is in the bundle."""
        if end.sequence == 0:
            return True
        held = self._by_writer.get(end.writer, {})
        if end.sequence not in held or held[end.sequence].hash != end.hash:
            return False
        number = end.sequence
        while number in held and counted_record(held[number].record).at >= self._window.since:
            number -= 1
        return number == 0 or number in held


def _unnamed(report: BundleReport, window: Window) -> Iterator[str]:
    """Records of the window by writers of which it names no chain: what is counted without them is not all."""
    named = {end.writer for end in window.ends}
    left_out: dict[str, int] = {}
    for proof in report.proofs:
        if proof.writer not in named and window.since <= counted_record(proof.record).at <= window.until:
            left_out[proof.writer] = left_out.get(proof.writer, 0) + 1
    for writer, count in sorted(left_out.items()):
        yield (
            f"the bundle holds {count_text(count, 'record')} of that time by the writer {writer}, whose chain the "
            "document does not name"
        )


def _behind(report: BundleReport, window: Window) -> Iterator[str]:
    """Records of the window that lie behind the ends that it names: they are not counted, and it tells of that time."""
    ends = {end.writer: end.sequence for end in window.ends}
    behind: dict[str, int] = {}
    for proof in report.proofs:
        if proof.sequence > ends.get(proof.writer, proof.sequence):
            at = counted_record(proof.record).at
            if window.since <= at and window.until - at > _UNDER_WAY:
                behind[proof.writer] = behind.get(proof.writer, 0) + 1
    for writer, count in sorted(behind.items()):
        yield (
            f"the bundle holds {count_text(count, 'record')} of that time by the writer {writer} that lie behind the "
            "end which the document names"
        )


def _unknown() -> Answered:
    return Answered(unknown=_NOT_IN_BUNDLES)


def _watched_json(spans: Iterable[tuple[int, int]], since: int, until: int) -> dict[str, Any]:
    watched, reached, gaps = 0, since, []
    for start, end in sorted(spans):
        start, end = max(start, reached), min(end, until)
        if end <= start:
            continue
        if start > reached:
            gaps.append([_instant(reached), _instant(start)])
        watched += end - start
        reached = end
    if until > reached:
        gaps.append([_instant(reached), _instant(until)])
    return {"seconds": watched / 1_000_000, "gaps": gaps}


def _instant(microseconds: int) -> str:
    return instant_json(from_microseconds(microseconds))


def _change_json(item: HistoryItem) -> dict[str, Any]:
    return {
        "revision": item.revision,
        "time": instant_json(item.time),
        "who": item.who,
        "why": item.why,
        "action": str(item.action),
        "alias": str(item.alias),
        "thumbprint": str(item.thumbprint),
        "overrode": item.overrode,
        "gate": gate_json(item.gate),
    }


def gate_json(text: str) -> list[Mapping[str, Any]] | None:
    """What a gate answered, without the figures: those stand in the history, and in the retirement certificate.

    None where somebody has written over it.
    """
    answers = gate_answers(text)
    if answers is None:
        return None
    return [
        {
            "summary": one.summary,
            "blockers": list(one.blockers),
            "retirement_certificate": _certificate_in(one.evidence or {}),
        }
        for one in answers
    ]


def _certificate_in(evidence: Mapping[str, Any]) -> str | None:
    found = evidence.get("retirement_certificate")
    return found if isinstance(found, str) else None
