"""The way along the events of one writer: each follows the one before it, is signed, and is bound to the records.

Heartbeats may be gone once an event has summed them up. From there the chain goes on by that event: it names the one
that summed up before it, and by number and hash every event between them that stays.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.ledger.event import LONGEST_STEP, SUMMED_UP, Event, EventKind, event_hash
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.event_contents import content_fault
from gateway.ledger.proof.ledger_findings import ChainState, Refuted
from gateway.ledger.proof.overview import read_event
from gateway.ledger.proof.signed_head_words import SignedHead
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.proof.signing_key import is_signed_by
from keystore import CHAIN_START

SLACK: Final = 60_000_000
"""Microseconds by which a record may be dated before the one before it: its instant is that of its verification."""


class EventWalk:
    """Where the events of a writer stand, as far as they are good."""

    def __init__(self, noted: Iterable[SignedHead], summed_up_before: int | None) -> None:
        """Begin before the first event.

        Args:
            noted: Signed ends of this writer's chains that were kept elsewhere.
            summed_up_before: Only heartbeats that were summed up before this instant may be gone; None where any may.
        """
        self._noted = sorted(noted, key=lambda head: head.head.event_number)
        self._summed_up_before = summed_up_before
        self.number = 0
        self.hash = CHAIN_START
        self.started: Event | None = None
        self._at = 0
        """By the ledger's clock."""
        self._records = 0
        self._sealed = 0
        self._sealed_hash = CHAIN_START
        self._kept: list[list[int | str]] = []
        self._gone_from: int | None = None
        """The first heartbeat that is gone since the last event that summed up."""
        self._silence: tuple[int, int] | None = None
        """The last long time without an event."""

    @property
    def public_key(self) -> str:
        """What signs the chain, by its first event; empty where nothing does."""
        return "" if self.started is None else str(self.started.content["public_key"])

    def earliest(self, latest: int) -> int:
        """Before which no record may be dated that comes now, after one of the instant `latest`.

        Records that could not be written for a while, and that nobody waited for, are written afterwards.
        """
        return (latest if self._silence is None else min(latest, self._silence[0])) - SLACK

    def step(self, row: Mapping[Any, Any], end: Link) -> Event:
        """Take the next event.

        Args:
            row: The event.
            end: The last record up to which the walk has come: the event's own, or one that was pruned with it.

        Raises:
            Refuted: It is not what was written.
        """
        number = row["number"]
        event = read_event(row)
        if event is None or row["hash"] != _hash_or_none(row):
            raise self._refuted(end, number, "it does not match its hash")
        self._follow(event, end)
        fault = content_fault(event.kind, event.content)
        if fault is not None:
            raise self._refuted(end, number, fault)
        self._check_signature(event, end)
        self._check_records(event, end)
        if event.at < self._at:
            raise self._refuted(end, number, "its time runs backwards")
        if event.kind == EventKind.SEALED:
            self._sum_up(event, end)
        elif event.kind not in SUMMED_UP:
            self._kept.append([number, event.hash])
        self._compare_with_noted(event, end)
        self._note_silence(event.at)
        self.number, self.hash, self._at, self._records = number, event.hash, event.at, event.records
        return event

    def finish(self, head: Head, signature: str | None, end: Link) -> None:
        """Hold the end against the head of the chain.

        Raises:
            Refuted: It is not the head's, or the head is not signed as it should be.
        """
        if self._gone_from is not None:
            raise self._refuted(end, self._gone_from, "it is gone, and no event sums it up", ChainState.MISSING)
        if head.event_number > self.number:
            gone = head.event_number - self.number
            raise self._refuted(end, self.number + 1, f"the last {gone} events are gone", ChainState.TRUNCATED)
        if (head.event_number, head.event_hash) != (self.number, self.hash):
            raise self._refuted(end, self.number, "the head of the chain knows its last event otherwise")
        if head.time < self._at:
            raise self._refuted(end, self.number, "the head of the chain is older than its last event")
        if not _is_signed(self.public_key, head.text, signature):
            raise self._refuted(end, self.number, "the head of the chain is not signed with the key of its first event")
        if self._noted:  # further than the last event
            gone = self._noted[-1].head.event_number - self.number
            detail = f"the last {gone} events are gone, with the head moved back: a signed head knows them"
            raise self._refuted(end, self.number + 1, detail, ChainState.TRUNCATED)

    def _follow(self, event: Event, end: Link) -> None:
        """Whether it follows the one before it, or a heartbeat that may be gone."""
        number = event.number
        if self.number == 0 and (number, event.kind) != (1, EventKind.STARTED):
            raise self._refuted(end, 1, "the first event is gone", ChainState.MISSING)
        if self.number == 0:
            if event.records:
                raise self._refuted(end, 1, "it begins behind records that nothing introduces", ChainState.FOREIGN)
            self.started = event
        elif event.kind == EventKind.STARTED:
            raise self._refuted(end, number, "it begins a chain that has begun already")
        if number == self.number + 1:
            if event.previous_hash != self.hash:
                raise self._refuted(end, number, "it does not follow the event before it")
        elif self._gone_from is None:
            self._gone_from = self.number + 1

    def _check_signature(self, event: Event, end: Link) -> None:
        if not _is_signed(self.public_key, event.hash, event.signature):
            raise self._refuted(end, event.number, "it is not signed with the key that the first event names")

    def _check_records(self, event: Event, end: Link) -> None:
        if event.records < self._records:
            raise self._refuted(end, event.number, "it names an earlier record than the event before it")
        known = CHAIN_START if event.records == 0 else end.hash if event.records == end.sequence else None
        # Of records that were pruned nobody knows the hash any more, but of the last one.
        if known is not None and event.records_hash != known:
            raise self._refuted(end, event.number, f"it knows record {event.records} with another hash")

    def _sum_up(self, event: Event, end: Link) -> None:
        content = event.content
        if [content["sealed"], content["sealed_hash"]] != [self._sealed, self._sealed_hash]:
            raise self._refuted(end, event.number, "it does not follow the event that summed up before it")
        if content["kept"] != self._kept:
            raise self._refuted(end, event.number, _what_differs(content["kept"], self._kept))
        if self._gone_from is not None:
            if self._summed_up_before is not None and event.at > self._summed_up_before:
                raise self._refuted(end, self._gone_from, "it is gone, and too young to be pruned", ChainState.MISSING)
            self._gone_from = None
        self._sealed, self._sealed_hash, self._kept = event.number, event.hash, []

    def _compare_with_noted(self, event: Event, end: Link) -> None:
        while self._noted and self._noted[0].head.event_number <= event.number:
            noted = self._noted.pop(0)
            if noted.public_key != self.public_key:
                raise self._refuted(end, 1, "a signed head knows the chain with another key", ChainState.FOREIGN)
            if noted.head.event_number == event.number and noted.head.event_hash != event.hash:
                raise self._refuted(end, event.number, "a signed head knows it with another hash")

    def _note_silence(self, at: int) -> None:
        if self.number and at - self._at > LONGEST_STEP:
            self._silence = self._at, at
        elif self._silence is not None and at > self._silence[1] + SLACK:
            self._silence = None

    def _refuted(self, end: Link, number: int, detail: str, state: ChainState = ChainState.ALTERED) -> Refuted:
        return Refuted(state, end.sequence, detail, event=number)


def _hash_or_none(row: Mapping[Any, Any]) -> str | None:
    try:
        return event_hash(row["previous_hash"], row)
    except (TypeError, ValueError):
        return None  # a value of a type that was never written


def _is_signed(key: str, text: str, signature: str | None) -> bool:
    """Signed by `key`, or not signed where there is no key."""
    if not key or signature is None:
        return not key and signature is None
    return is_signed_by(key, text, signature)


def _what_differs(told: list[list[Any]], found: list[list[Any]]) -> str:
    gone = sorted(number for number, _ in told if number not in {one[0] for one in found})
    if gone:
        return f"event {gone[0]}, which it knows, is gone"
    return "it does not know the events before it as they are"
