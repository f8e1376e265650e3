"""Counting: what answers a question while records go by, in whichever order, from whichever source.

Nothing is kept of a record but counts, the first and the last: a quarter of records takes no more memory than a day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from gateway.ledger import CountedRecord, Role
from gateway.present import instant_json
from gateway.renewal.signoff.document_errors import DocumentUnreadable
from gateway.renewal.signoff.figures import Question, read_instant
from gateway.vocabulary import RecordedOutcome


class Tally(Protocol):
    """What counts for one question."""

    def take(self, record: CountedRecord) -> None:
        """Count a record, or leave it."""

    def value(self) -> Any:
        """The answer, as JSON holds it."""


def tally_of(question: Question) -> Tally | None:
    """What counts for `question`; None where records do not answer it.

    Raises:
        DocumentUnreadable: The question lacks something.
    """
    match question["ask"]:
        case "responses":
            return _Responses(_scope(question))
        case "unexamined":
            return _Responses(_scope(question), unexamined=True)
        case "signed":
            return _Signed(_scope(question), _text(question, "key_id"))
        case "cells":
            return _Cells(_scope(question), _text(question, "key_id"))
        case "reasons":
            return _Reasons(_scope(question), _text(question, "key_id"))
        case "days":
            return _Days(_scope(question), _text(question, "key_id"))
        case "record":
            return RecordTally(_text(question, "id"))
        case _:
            return None


def is_signed_by(record: CountedRecord, key_id: str) -> bool:
    """Whether the record counts as a use of that key."""
    return any(key == key_id and role is not Role.REPEATED for _, key, role in record.signers or ())


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records a question is about."""

    endpoints: frozenset[str]
    since: datetime
    until: datetime
    """Included."""

    def __contains__(self, record: CountedRecord) -> bool:
        """Whether it is about this one."""
        return record.endpoint in self.endpoints and self.since <= record.at <= self.until


def scope_of(question: Question) -> Scope:
    """Of a question that has endpoints and a time.

    Raises:
        DocumentUnreadable: This one has not.
    """
    return _scope(question)


@dataclass(slots=True)
class Extent:
    """How many, and the first and the last of them."""

    messages: int = 0
    accepted: int = 0
    first: tuple[datetime, str] | None = None
    last: tuple[datetime, str] | None = None

    def take(self, record: CountedRecord) -> None:
        """Count it."""
        self.messages += 1
        self.accepted += record.outcome == RecordedOutcome.ACCEPTED
        place = record.at, record.id
        if self.first is None or place < self.first:
            self.first = place
        if self.last is None or place > self.last:
            self.last = place

    def json(self) -> dict[str, Any]:
        """As figures hold it."""
        first, last = self.first or (None, None), self.last or (None, None)
        return {
            "messages": self.messages,
            "accepted": self.accepted,
            "rejected": self.messages - self.accepted,
            "first": instant_json(first[0]),
            "first_record": first[1],
            "last": instant_json(last[0]),
            "last_record": last[1],
        }


@dataclass(slots=True)
class _Responses:
    scope: Scope
    unexamined: bool = False
    count: int = 0

    def take(self, record: CountedRecord) -> None:
        if record in self.scope and (record.signers is None or not self.unexamined):
            self.count += 1

    def value(self) -> int:
        return self.count


@dataclass(slots=True)
class _Signed:
    scope: Scope
    key_id: str
    extent: Extent = field(default_factory=Extent)

    def take(self, record: CountedRecord) -> None:
        if record in self.scope and is_signed_by(record, self.key_id):
            self.extent.take(record)

    def value(self) -> dict[str, Any]:
        return self.extent.json()


@dataclass(slots=True)
class _Cells:
    scope: Scope
    key_id: str
    cells: dict[tuple[str, str], Extent] = field(default_factory=dict)

    def take(self, record: CountedRecord) -> None:
        if record in self.scope and is_signed_by(record, self.key_id):
            self.cells.setdefault((record.operation, record.server), Extent()).take(record)

    def value(self) -> list[dict[str, Any]]:
        return [
            {"operation": operation, "server": server, **extent.json()}
            for (operation, server), extent in sorted(self.cells.items())
        ]


@dataclass(slots=True)
class _Reasons:
    scope: Scope
    key_id: str
    reasons: dict[str, int] = field(default_factory=dict)

    def take(self, record: CountedRecord) -> None:
        if record.reason and record in self.scope and is_signed_by(record, self.key_id):
            self.reasons[record.reason] = self.reasons.get(record.reason, 0) + 1

    def value(self) -> dict[str, int]:
        return dict(sorted(self.reasons.items()))


@dataclass(slots=True)
class _Days:
    scope: Scope
    key_id: str
    days: dict[str, int] = field(default_factory=dict)

    def take(self, record: CountedRecord) -> None:
        if record in self.scope and is_signed_by(record, self.key_id):
            day = record.at.astimezone(UTC).date().isoformat()
            self.days[day] = self.days.get(day, 0) + 1

    def value(self) -> list[list[Any]]:
        return [[day, count] for day, count in sorted(self.days.items())]


@dataclass(slots=True)
class RecordTally:
    """What one record says; it is given that one alone."""

    id: str
    found: dict[str, Any] | None = None

    def take(self, record: CountedRecord) -> None:
        """Note it."""
        self.found = {
            "at": instant_json(record.at),
            "endpoint": record.endpoint,
            "operation": record.operation,
            "server": record.server,
            "outcome": record.outcome,
            "reason": record.reason,
            "signers": sorted({thumbprint for thumbprint, _, _ in record.signers or ()}),
        }

    def value(self) -> dict[str, Any] | None:
        """What it says; None where it did not come."""
        return self.found


class Counting:
    """Many tallies at once; those that ask for single records are looked up by the record."""

    def __init__(self, tallies: Iterable[Tally]) -> None:
        """Count for `tallies`."""
        self._by_id: dict[str, list[RecordTally]] = {}
        self._others: list[Tally] = []
        for tally in tallies:
            if isinstance(tally, RecordTally):
                self._by_id.setdefault(tally.id, []).append(tally)
            else:
                self._others.append(tally)

    def take(self, record: CountedRecord) -> None:
        """Count a record."""
        for tally in self._others:
            tally.take(record)
        for one in self._by_id.get(record.id, ()):
            one.take(record)


def _scope(question: Question) -> Scope:
    return Scope(
        frozenset(endpoints_of(question)), read_instant(question.get("from")), read_instant(question.get("until"))
    )


def endpoints_of(question: Question) -> Sequence[str]:
    """The names of endpoints that a question is about.

    Raises:
        DocumentUnreadable: It has none.
    """
    return _texts(question, "endpoints")


def _texts(question: Question, name: str) -> Sequence[str]:
    found = question.get(name)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise DocumentUnreadable(f"a question has no {name}")
    return found


def _text(question: Question, name: str) -> str:
    found = question.get(name)
    if not isinstance(found, str):
        raise DocumentUnreadable(f"a question has no {name}")
    return found
