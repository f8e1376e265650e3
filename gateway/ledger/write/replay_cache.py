"""The replay cache: a signature is accepted once, on every worker of every instance together.

The insert and the record share one transaction: at no moment is a message accepted and not remembered. A message with
several signatures has a key for each, and repeats itself as soon as one of them was seen: otherwise leaving out or
swapping signatures would make another message of it.

What it does not see: a message with two signatures of which an attacker first delivers one alone and later the other
alone counts as two. The parts themselves are no better key: signatures may cover different parts, and two servers with
two keys may well give the same answer in the same second, in the middle of a renewal. It is one more delivery for each
further signature, and each has its record.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from gateway.ledger.database.connections import upsert
from gateway.ledger.database.ledger_tables import replay_guard
from gateway.ledger.record_rows import NO_LIST, Row, record_of, row_of
from gateway.verify import Outcome

DEFAULT_MEMORY = 24 * 3_600_000_000
"""Microseconds for which a signature is remembered where the message does not say how long it is fresh."""

FORGET_MARGIN = 600 * 1_000_000
"""Microseconds that a key is kept beyond its expiry: a record may wait that long between its instant and its commit."""


def refuse_replayed(connection: Connection, rows: Sequence[Row]) -> set[str]:
    """Remember the accepted signatures of `rows`, and turn the rows that repeat one into rejections. Return their ids.

    What a rejection as replayed looks like is said by `MessageRecord.as_replayed`.

    All keys of a row are remembered, those of a row that repeats as well: what came with a known signature is the
    same message, and its other signatures must not bring it in again.
    """
    asking = [
        (row, set(json.loads(row["replay_keys"])))
        for row in rows
        if row["replay_check"] and row["replay_keys"] != NO_LIST and row["outcome"] == Outcome.ACCEPTED
    ]
    # One row per key can be asked in one statement; a second one of the group repeats the first in any case.
    first: dict[str, Row] = {}
    for row, keys in asking:
        for key in keys:
            first.setdefault(key, row)
    if not first:
        return set()
    new = _remember(connection, first)
    repeating = [
        row
        for row, keys in asking
        if any(key not in new or (first[key] is not row and row["time"] < _expiry(first[key])) for key in keys)
    ]
    for row in repeating:
        row.update(row_of(record_of(row).as_replayed()))
    return {row["id"] for row in repeating}


def _remember(connection: Connection, asking: dict[str, Row]) -> set[str]:
    """Insert the keys; return those that were not remembered, or only as expired."""
    statement = upsert(connection, replay_guard)
    remember = statement.on_conflict_do_update(
        index_elements=[replay_guard.c.replay_key],
        set_={"seen": statement.excluded.seen, "expires": statement.excluded.expires},
        where=replay_guard.c.expires <= statement.excluded.seen,
    ).returning(replay_guard.c.replay_key)
    # Sorted, so that two writers on a database with row locks take them in one order.
    values = [{"replay_key": key, "seen": row["time"], "expires": _expiry(row)} for key, row in sorted(asking.items())]
    return set(connection.execute(remember, values).scalars())


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
