"""Since when an entry has been trusted for an endpoint without interruption, told from the history.

A gate asks how long a key could have been used where it is about to end. That is not since when the entry has been in
its state: one that is meant for another endpoint since a minute, or was restored a minute ago, has been trusted there
for a minute.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from keystore.certificate import State
from keystore.epoch import from_microseconds
from keystore.store.change_gates import TrustedSince
from keystore.store.stored_entry import StoredEntry
from keystore.store.table_definitions import history, revisions


class _Stood(NamedTuple):
    """What one change made of the entry, and from when until when that stood."""

    entry: StoredEntry
    begin: datetime
    end: datetime


def trusted_since(connection: Connection, entry_id: int, at: datetime) -> TrustedSince:
    """What tells since when the entry has been trusted for an endpoint; `at`, which is now, where it is not.

    A revision counts as made no earlier than those before it: a clock that was set back makes no trust older.
    """
    numbered = select(
        revisions.c.revision, func.max(revisions.c.time).over(order_by=revisions.c.revision).label("time")
    ).subquery()
    query = (
        select(numbered.c.time, history.c.entry)
        .join(numbered, history.c.revision == numbered.c.revision)
        .where(history.c.entry_id == entry_id)
        .order_by(history.c.id)
    )
    changes = [(from_microseconds(time), StoredEntry.from_json(text)) for time, text in connection.execute(query)]
    now = max([at, *(begin for begin, _ in changes[-1:])])
    ends = [*(begin for begin, _ in changes[1:]), now]
    stood = [_Stood(entry, begin, end) for (begin, entry), end in zip(changes, ends, strict=False)]
    return lambda endpoint: _since(stood, endpoint) or now


def _since(stood: Sequence[_Stood], endpoint: str) -> datetime | None:
    since: datetime | None = None
    for one in stood:
        entry, begin = one.entry, one.begin
        if entry.trusted_from is not None and entry.trusted_from > begin:
            begin, since = entry.trusted_from, None
        over = entry.trusted_until if entry.ends_by_itself else None
        is_meant = entry.endpoints is None or endpoint in entry.endpoints
        if (
            entry.state is not State.TRUSTED
            or not is_meant
            or begin > one.end
            or (over is not None and over <= one.end)
        ):
            since = None
        elif since is None:
            since = begin
    return since
