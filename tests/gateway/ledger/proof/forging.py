"""Somebody who has the database to himself, and knows how it is made: he writes chains anew, hashes, counts and all.

What he does not have is the gateways' signing keys, and what was written down elsewhere.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from gateway.ledger import EventKind, SigningKey
from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import chains, events, key_uses_hourly, messages, traffic_hourly
from gateway.ledger.event import content_text, event_hash
from gateway.ledger.proof.chain import Link, digest
from gateway.ledger.proof.checkpoints import stored_checkpoint
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.record_rows import Row
from gateway.ledger.uses import count_row
from keystore import CHAIN_START


@dataclass(slots=True)
class Forged:
    """One writer's rows, to be changed at will."""

    head: Row
    records: list[Row]
    events: list[Row]
    pruned: tuple[int, str]
    places: dict[int, tuple[int, str]] = field(default_factory=dict)
    """By the place that a record had: the one that it has now, and its hash."""
    numbers: dict[int, int] = field(default_factory=dict)
    """By the number that an event had: the one that it has now; empty where nothing was taken out."""

    def take_out(self, kinds: Set[str]) -> None:
        """Remove the events of these kinds, and number the others anew."""
        self.events[:] = [event for event in self.events if event["kind"] not in kinds]
        for number, event in enumerate(self.events, 1):
            self.numbers[event["number"]] = number
            event["number"] = number

    def number_now(self, number: int) -> int:
        """The number that the event has now, or the one before it."""
        if not self.numbers:
            return number
        return max((new for old, new in self.numbers.items() if old <= number), default=0)


Edit = Callable[[dict[str, Forged]], None]
"""Changes what there is, by instance."""


def forge(connection: Connection, edit: Edit, key: SigningKey | None, *, only: Sequence[str] | None = None) -> None:
    """Write chains anew after `edit`, signed with `key`, and the hourly counts to fit.

    Whoever does it puts the triggers aside first.

    Args:
        connection: Where to.
        edit: What is changed.
        key: None leaves it unsigned.
        only: The instances of which it is written anew; else of all.
    """
    before = _counted(_load(connection))
    found = _load(connection)
    by_instance = {one.head["instance"]: one for one in found.values()}
    edit(by_instance)
    found = {one.head["writer"]: one for one in by_instance.values()}
    untouched = set() if only is None else {w for w, one in found.items() if one.head["instance"] not in only}
    _number(found)
    _write_anew(found, key, untouched)
    _correct_counts(connection, before, _counted(found))
    for writer, one in found.items():
        if writer in untouched:
            continue
        for table in (messages, events, chains):
            connection.execute(delete(table).where(table.c.writer == writer))
        if not one.records and not one.events:
            continue
        for table, rows in ((messages, one.records), (events, one.events), (chains, [one.head])):
            if rows:
                connection.execute(insert(table), rows)


def _load(connection: Connection) -> dict[str, Forged]:
    found: dict[str, Forged] = {}
    for head in connection.execute(select(chains)).mappings():
        writer = head["writer"]
        checkpoint = stored_checkpoint(connection, writer)
        found[writer] = Forged(
            dict(head),
            _rows(connection, messages, writer, "sequence"),
            _rows(connection, events, writer, "number"),
            (checkpoint.sequence, checkpoint.hash),
        )
    return found


def _rows(connection: Connection, table: Table, writer: str, order: str) -> list[Row]:
    query = select(table).where(table.c.writer == writer).order_by(table.c[order])
    return [dict(row) for row in connection.execute(query).mappings()]


def _number(found: Mapping[str, Forged]) -> None:
    """New places for what is left, and the events after as many records as before."""
    for one in found.values():
        place = one.pruned[0]
        for event in one.events:
            gone = event["records"] - place - sum(row["sequence"] <= event["records"] for row in one.records)
            event["records"] -= max(0, gone) if event["records"] > place else 0
        for number, row in enumerate(one.records, place + 1):
            one.places[row["sequence"]] = number, ""
            row["sequence"] = number
            row["writer"] = one.head["writer"]


def _write_anew(found: dict[str, Forged], key: SigningKey | None, untouched: Set[str]) -> None:
    """In the order of time, for events name the ends of other chains."""
    for one in found.values():
        end = one.pruned[1]
        renumbered = {new: old for old, (new, _) in one.places.items()}
        for row in one.records:
            row["previous_hash"], row["hash"] = end, ""
            end = row["hash"] = digest(row["previous_hash"], row)
            one.places[renumbered[row["sequence"]]] = row["sequence"], end
    ends: dict[str, dict[int, str]] = {writer: {} for writer in found}
    state = {writer: _Telling(0, CHAIN_START, 0, CHAIN_START, []) for writer in found}
    for event in _in_order(found):
        one, telling = found[event["writer"]], state[event["writer"]]
        if event["writer"] in untouched:
            ends[event["writer"]][event["number"]] = event["hash"]
            continue
        content = json.loads(event["content"])
        if event["kind"] == EventKind.STARTED and "public_key" in content:
            content["public_key"] = "" if key is None else key.public
        content["heads"] = [_place(found, ends, place) for place in content.get("heads", [])]
        if event["kind"] not in {EventKind.STARTED, EventKind.SEALED}:
            del content["heads"]
        if event["kind"] == EventKind.SEALED:
            content |= {"kept": telling.kept, "sealed": telling.sealed, "sealed_hash": telling.sealed_hash}
        if "uses" in content and event["kind"] != EventKind.PRUNED:
            since = telling.sealed_records if event["kind"] == EventKind.SEALED else telling.records
            if since >= one.pruned[0]:
                content |= _counts(row for row in one.records if since < row["sequence"] <= event["records"]).content()
            telling.records = event["records"]
        event["content"] = content_text(content)
        event["records_hash"] = _record_hash(one, event)
        event["previous_hash"] = telling.hash if event["number"] == telling.number + 1 else event["previous_hash"]
        event["hash"] = event_hash(event["previous_hash"], event)
        event["signature"] = None if key is None else key.sign(event["hash"])
        telling.step(event)
        ends[event["writer"]][event["number"]] = event["hash"]
    for writer, one in found.items():
        if writer in untouched:
            continue
        last = one.records[-1] if one.records else None
        sequence, hashed = one.pruned if last is None else (last["sequence"], last["hash"])
        telling = state[one.head["writer"]]
        head = Head(Link(one.head["writer"], sequence, hashed), telling.number, telling.hash, one.head["time"])
        one.head |= {
            "sequence": sequence,
            "hash": hashed,
            "event_number": telling.number or None,
            "event_hash": telling.hash if telling.number else None,
            "signature": None if key is None or not telling.number else key.sign(head.text),
        }


def _in_order(found: Mapping[str, Forged]) -> Iterator[Row]:
    """Every event after those that it names."""
    waiting = {writer: list(one.events) for writer, one in found.items()}
    told: dict[str, int] = dict.fromkeys(found, 0)
    while any(waiting.values()):
        before = dict(told)
        for writer, left in waiting.items():
            while left and all(
                named not in found or told[named] >= found[named].number_now(number) or not waiting[named]
                for named, _, _, number, _ in json.loads(left[0]["content"]).get("heads", [])
            ):
                event = left.pop(0)
                told[writer] = event["number"]
                yield event
        assert told != before, "events name each other in a circle"


@dataclass(slots=True)
class _Telling:
    number: int
    hash: str
    sealed: int
    sealed_hash: str
    kept: list[list[Any]]
    records: int = 0
    sealed_records: int = 0

    def step(self, event: Row) -> None:
        self.number, self.hash = event["number"], event["hash"]
        if event["kind"] == EventKind.SEALED:
            self.sealed, self.sealed_hash, self.kept = self.number, self.hash, []
            self.sealed_records = event["records"]
        elif event["kind"] != EventKind.HEARTBEAT:
            self.kept.append([self.number, self.hash])


def _place(found: Mapping[str, Forged], ends: Mapping[str, Mapping[int, str]], place: list[Any]) -> list[Any]:
    writer, sequence, hashed, number, event = place
    if writer not in found:
        return place
    places = found[writer].places
    left = [place for place in places if place <= sequence]
    if places:
        sequence, hashed = places[max(left)] if left else (found[writer].pruned if sequence else (0, CHAIN_START))
    number = found[writer].number_now(number)
    return [writer, sequence, hashed, number, ends[writer].get(number, event)]


def _record_hash(one: Forged, event: Row) -> str:
    place = event["records"]
    if place <= one.pruned[0]:
        return str(event["records_hash"])
    return str(one.records[place - one.pruned[0] - 1]["hash"])


def _counts(rows: Any) -> Counts:
    counts = Counts()
    for row in rows:
        counts.traffic.count_row(row, row["operation"], row["time"] + (row["clock_offset"] or 0))
        count_row(counts.uses, row, row["operation"])
    return counts


def _counted(found: Mapping[str, Forged]) -> Counts:
    return _counts(row for one in found.values() for row in one.records)


def _correct_counts(connection: Connection, before: Counts, after: Counts) -> None:
    """Let the hourly counts say what the records say now; in hours of which records were pruned too."""
    hours = {key[-1] for key in (*before.uses.counts, *before.traffic.counts)}
    for table in (key_uses_hourly, traffic_hourly):
        connection.execute(delete(table).where(table.c.hour.in_(hours)))
    for key, count in after.uses.counts.items():
        endpoint, operation, server, thumbprint, key_id, alias, role, outcome, hour = key
        connection.execute(
            insert(key_uses_hourly).values(
                endpoint=endpoint,
                operation=operation,
                server=server,
                thumbprint=thumbprint,
                role=role,
                outcome=outcome,
                hour=hour,
                alias=alias,
                key_id=key_id,
                messages=count[0],
                first_seen=count[1],
                last_seen=count[2],
                last_signed=count[3],
            )
        )
    for kind, seen in after.traffic.counts.items():
        names = ("endpoint", "operation", "kind", "outcome", "reason", "released", "hour")
        values = dict(zip(names, kind, strict=True)) | dict(
            zip(("messages", "first_seen", "last_seen"), seen, strict=True)
        )
        connection.execute(insert(traffic_hourly).values(values))
