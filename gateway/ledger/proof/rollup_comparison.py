"""The roll-ups, held against what records and events count: every row that is missing, added or changed is a finding.

There can be millions of cells and hours: both sides are put into a database of their own, which keeps what is too much
for the memory in a file that nobody else sees, and is gone afterwards.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, select

from gateway.ledger.counts import MOST_ACCEPTED_NAMES, MOST_NAMES, TRAFFIC, Counts
from gateway.ledger.database.ledger_tables import key_usage_hourly, key_uses_hourly, traffic_hourly
from gateway.ledger.hours import MICROSECONDS_PER_HOUR, hour_of
from gateway.ledger.proof.count_comparison import count_words, disagreeing_operation
from gateway.ledger.proof.ledger_findings import ChainState, Finding
from gateway.present import OTHER_OPERATIONS
from gateway.vocabulary import RecordedOutcome
from keystore import from_microseconds

MOST_FINDINGS: Final = 20
"""Cells that are named."""
_ABOUT: Final = "roll-up"
_HELD: Final = 20_000
"""Cells that are kept in memory."""

_USES: Final = key_uses_hourly.name
_TRAFFIC: Final = traffic_hourly.name
_EARLIER: Final = key_usage_hourly.name
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    _USES: ("endpoint", "operation", "server", "thumbprint", "role", "outcome", "hour"),
    _TRAFFIC: (*TRAFFIC, "hour"),
    _EARLIER: ("endpoint", "operation", "thumbprint", "how", "hour"),
}
"""What tells the rows of each table apart; the operation and the hour have columns of their own."""
_OPERATION: Final = 1
_OF_ACCEPTED: Final = frozenset({str(RecordedOutcome.ACCEPTED), "verified"})
"""The outcome of messages of which more names are counted by themselves; the old table's word for it as well."""

_MAKE: Final = """
CREATE TABLE {side} (cells TEXT, rest TEXT, operation TEXT, messages INTEGER, first INTEGER, last INTEGER,
signed INTEGER, names TEXT, PRIMARY KEY (cells, rest, operation)) WITHOUT ROWID
"""
_ADD: Final = """
INSERT INTO {side} VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cells, rest, operation) DO UPDATE SET
messages = messages + excluded.messages, first = min(first, excluded.first), last = max(last, excluded.last),
signed = coalesce(max(signed, excluded.signed), signed, excluded.signed),
names = CASE WHEN instr(names, excluded.names) THEN names ELSE names || excluded.names END
"""
_DIFFERENT: Final = """
SELECT cells, rest FROM recorded LEFT JOIN stored USING (cells, rest, operation) WHERE stored.messages IS NULL
OR stored.messages <> recorded.messages OR stored.first <> recorded.first OR stored.last <> recorded.last
OR stored.signed IS NOT recorded.signed
UNION SELECT cells, rest FROM stored LEFT JOIN recorded USING (cells, rest, operation) WHERE recorded.messages IS NULL
ORDER BY cells, rest
"""
_OTHERWISE_NAMED: Final = """
SELECT cells, rest, operation FROM stored JOIN recorded USING (cells, rest, operation)
WHERE NOT instr(recorded.names, stored.names) ORDER BY cells, rest, operation
"""


class RollUpComparison:
    """What the roll-ups should hold, and what they hold. To be closed."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._database = sqlite3.connect("", isolation_level=None)
        for side in ("recorded", "stored"):
            self._database.execute(_MAKE.format(side=side))
        self._held = Counts()
        self._earlier: dict[tuple[Any, ...], list[int]] = {}
        """Of records from before signers were looked for: by the key of a row, and its alias and key id."""
        self._names: dict[str, set[str]] = {}
        """The operations of each endpoint that are counted by themselves, as far as they matter."""

    def __enter__(self) -> Self:
        """Be closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the database."""
        self._database.close()

    def add(self, counts: Counts) -> None:
        """Add what is proven."""
        self._held.merge(counts)
        if len(self._held.uses.counts) + len(self._held.traffic.counts) > _HELD:
            self._put_away()

    def add_earlier(self, row: Mapping[Any, Any], operation: str) -> None:
        """Count a record from before signers were looked for, as it was counted then."""
        instant: int = row["time"]
        for how, column in (("verified", "verified_by"), ("recognised", "recognised")):
            for entry in {entry["thumbprint"]: entry for entry in json.loads(row[column])}.values():
                key: tuple[Any, ...] = (
                    row["endpoint"],
                    operation,
                    entry["thumbprint"],
                    how,
                    hour_of(instant),
                    entry["alias"],
                    entry["key_id"],
                )
                found = self._earlier.setdefault(key, [0, instant, instant])
                found[:] = found[0] + 1, min(found[1], instant), max(found[2], instant)
        if len(self._earlier) > _HELD:
            self._put_away()

    def compare(self, connection: Connection, unproven_until: int, proven_by_digest: int | None) -> list[Finding]:
        """Every difference, as far as they are to be named.

        Args:
            connection: In the transaction in which the chains were verified to their ends.
            unproven_until: Up to this hour records were removed of which nothing tells how they counted before there
                were events: there the roll-ups of that time may say more.
            proven_by_digest: Up to this hour the counts of messages are proven otherwise, and those of uses from before
                there were events altogether: of the records there may be fewer by now. None where nothing is.
        """
        self._put_away()
        try:
            self._store(connection)
            return _named(list(self._differences(unproven_until, proven_by_digest)))
        except (TypeError, ValueError, sqlite3.Error):
            detail = "a row of the hourly counts holds a value that this program never wrote"
            return [Finding(_ABOUT, ChainState.ALTERED, detail)]

    def _differences(self, unproven_until: int, proven_by_digest: int | None) -> Iterator[Finding]:
        for cells, rest in self._database.execute(_DIFFERENT).fetchall():
            hour = json.loads(rest)[-1]
            if cells == _TRAFFIC and proven_by_digest is not None and hour <= proven_by_digest:
                continue
            may_be_fewer = hour <= unproven_until or (cells == _EARLIER and proven_by_digest is not None)
            whole = cells == _USES or not may_be_fewer
            finding = self._difference(cells, rest, whole=whole)
            if finding is not None:
                yield finding
        for cells, rest, operation in self._database.execute(_OTHERWISE_NAMED):
            yield _finding(cells, rest, operation, "it names another alias or key than the records")

    def _difference(self, cells: str, rest: str, *, whole: bool) -> Finding | None:
        counted, said = self._group("recorded", cells, rest), self._group("stored", cells, rest)
        values = json.loads(rest)
        most = MOST_ACCEPTED_NAMES if _OF_ACCEPTED.intersection(map(str, values)) else MOST_NAMES
        has_others = len(self._names.get(values[0], ())) >= most
        found = disagreeing_operation(counted, said, may_be_others=has_others, whole=whole)
        if found is None:
            return None
        words = f"it says {count_words(said.get(found))}, and the records {count_words(counted.get(found))}"
        return _finding(cells, rest, found, words)

    def _group(self, side: str, cells: str, rest: str) -> dict[str, Sequence[int | None]]:
        query = f"SELECT operation, messages, first, last, signed FROM {side} WHERE cells = ? AND rest = ?"  # noqa: S608 - one of two constants
        return {operation: count for operation, *count in self._database.execute(query, (cells, rest))}

    def _put_away(self) -> None:
        self._insert(
            "recorded",
            [
                *(
                    _row(_USES, (*key[:4], *key[6:]), count, key[5], key[4])
                    for key, count in self._held.uses.counts.items()
                ),
                *(_row(_TRAFFIC, key, (*count, None)) for key, count in self._held.traffic.counts.items()),
                *(_row(_EARLIER, key[:-2], (*count, None), *key[-2:]) for key, count in self._earlier.items()),
            ],
        )
        self._held, self._earlier = Counts(), {}

    def _store(self, connection: Connection) -> None:
        for table in (key_uses_hourly, traffic_hourly, key_usage_hourly):
            for rows in (
                connection.execute(select(table), execution_options={"yield_per": 1000}).mappings().partitions()
            ):
                self._insert("stored", [_stored_row(table.name, row) for row in rows])
                if table is traffic_hourly:
                    self._note_names(rows)

    def _note_names(self, rows: Iterable[Mapping[Any, Any]]) -> None:
        for row in rows:
            names = self._names.setdefault(row["endpoint"], set())
            if len(names) < MOST_ACCEPTED_NAMES and row["operation"] not in {"", OTHER_OPERATIONS}:
                names.add(row["operation"])

    def _insert(self, side: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(_ADD.format(side=side), rows)
        self._database.execute("COMMIT")


def _row(cells: str, key: Sequence[Any], count: Sequence[Any], *names: str) -> tuple[Any, ...]:
    rest = [*key[:_OPERATION], *key[_OPERATION + 1 :]]
    return (cells, json.dumps(rest), key[_OPERATION], *count, json.dumps(names))


def _stored_row(cells: str, row: Mapping[Any, Any]) -> tuple[Any, ...]:
    key = [row[name] for name in _KEYS[cells]]
    count = (row["messages"], row["first_seen"], row["last_seen"], row.get("last_signed"))
    names = () if cells == _TRAFFIC else (row["alias"], row["key_id"])
    return _row(cells, key, count, *names)


def _finding(cells: str, rest: str, operation: str, words: str) -> Finding:
    *values, hour = json.loads(rest)
    names = [name for name in _KEYS[cells] if name not in {"operation", "hour"}]
    where = ", ".join(f"{name} {_shown(value)}" for name, value in zip(names, values, strict=True) if value != "")
    at = from_microseconds(hour * MICROSECONDS_PER_HOUR).strftime("%Y-%m-%dT%H:00Z")
    return Finding(_ABOUT, ChainState.ALTERED, f"{cells} at {at}, operation {operation or '-'}, {where}: {words}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _named(findings: Sequence[Finding]) -> list[Finding]:
    """Not more of them than anybody reads."""
    if len(findings) <= MOST_FINDINGS:
        return list(findings)
    rest = Finding(_ABOUT, ChainState.ALTERED, f"{len(findings) - MOST_FINDINGS} more cells differ")
    return [*findings[:MOST_FINDINGS], rest]
