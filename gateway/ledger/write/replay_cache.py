"""The replay cache: a signature is accepted once, on every worker of every instance together.

The insert and the record share one transaction: at no moment is a message accepted and not remembered. A message with
several signatures has a key for each, and repeats itself as soon as one of them was seen: otherwise leaving out or
swapping signatures would make another message of it.

What it does not see: a message with two signatures of which an attacker first delivers one alone and later the other
alone counts as two. The parts themselves are no better key: signatures may cover different parts, and two servers with
two keys may well give the same answer in the same second, in the middle of a renewal. It is one more delivery for each
further signature, and each has its record.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, select

from gateway.ledger.database.connections import driver_connection, is_postgresql, upsert
from gateway.ledger.database.ledger_tables import replay_guard
from gateway.ledger.record_rows import Row
from gateway.ledger.write.encoded import Encoded
from gateway.vocabulary import RecordedOutcome

DEFAULT_MEMORY = 24 * 3_600_000_000
"""Microseconds for which a signature is remembered where the message does not say how long it is fresh."""

FORGET_MARGIN = 600 * 1_000_000
"""Microseconds that a key is kept beyond its expiry: a record may wait that long between its instant and its commit."""


def refuse_replayed(connection: Connection, group: Sequence[Encoded]) -> None:
    """Remember the accepted signatures of `group`, and turn the records that repeat one into rejections.

    What a rejection as replayed looks like is said by `MessageRecord.as_replayed`.

    All keys of a record are remembered, those of one that repeats as well: what came with a known signature is the
    same message, and its other signatures must not bring it in again.
    """
    asking = [
        (encoded, set(encoded.record.replay_keys))
        for encoded in group
        if encoded.record.replay_check
        and encoded.record.replay_keys
        and encoded.record.outcome == RecordedOutcome.ACCEPTED
    ]
    # One row per key can be asked in one statement; a second one of the group repeats the first in any case.
    first: dict[str, Row] = {}
    for encoded, keys in asking:
        for key in keys:
            first.setdefault(key, encoded.row)
    if not first:
        return
    new = _remember(connection, first)
    repeating = [
        encoded
        for encoded, keys in asking
        if any(
            key not in new or (first[key] is not encoded.row and encoded.row["time"] < _expiry(first[key]))
            for key in keys
        )
    ]
    for encoded in repeating:
        encoded.become(encoded.record.as_replayed())


def _remember(connection: Connection, asking: dict[str, Row]) -> set[str]:
    """Insert the keys; return those that were not remembered, or only as expired."""
    # Sorted, so that two writers on a database with row locks take them in one order.
    values = [(key, row["time"], _expiry(row)) for key, row in sorted(asking.items())]
    if is_postgresql(connection):
        return _remember_there(connection, values)
    driver = driver_connection(connection)
    new: set[str] = set()
    for start in range(0, len(values), _MOST):
        some = values[start : start + _MOST]
        statement = _INSERT.format(rows=",".join(["(?,?,?)"] * len(some)))
        found = driver.execute(statement, [value for row in some for value in row]).fetchall()
        new.update(key for (key,) in found)
    return new


def _remember_there(connection: Connection, values: Sequence[tuple[str, int, int]]) -> set[str]:
    statement = upsert(connection, replay_guard)
    remember = statement.on_conflict_do_update(
        index_elements=[replay_guard.c.replay_key],
        set_={"seen": statement.excluded.seen, "expires": statement.excluded.expires},
        where=replay_guard.c.expires <= statement.excluded.seen,
    ).returning(replay_guard.c.replay_key)
    named = [{"replay_key": key, "seen": seen, "expires": expires} for key, seen, expires in values]
    return set(connection.execute(remember, named).scalars())


_MOST: Final = 300
"""Rows of one INSERT on SQLite: three values each, and it took at most 999 before version 3.32."""
_INSERT: Final = (
    "INSERT INTO replay_guard (replay_key, seen, expires) VALUES {rows} ON CONFLICT (replay_key) DO UPDATE "
    "SET seen = excluded.seen, expires = excluded.expires WHERE replay_guard.expires <= excluded.seen "
    "RETURNING replay_key"
)


def _expiry(row: Row) -> int:
    fresh_until: int | None = row["fresh_until"]
    return row["time"] + DEFAULT_MEMORY if fresh_until is None else fresh_until


def forget_expired(connection: Connection, now: int, limit: int) -> int:
    """Drop at most `limit` keys that expired long enough before `now` (microseconds); return how many."""
    expired = (
        select(replay_guard.c.replay_key)
        .where(replay_guard.c.expires < now - FORGET_MARGIN)
        .order_by(replay_guard.c.expires)
        .limit(limit)
        .with_for_update(skip_locked=True)  # where rows are locked: never waits for a writer that remembers one anew
    )
    return connection.execute(delete(replay_guard).where(replay_guard.c.replay_key.in_(expired))).rowcount
