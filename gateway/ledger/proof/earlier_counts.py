"""What no event can tell, because it was counted and removed before there were events: noted by the first of all.

The first `started` of a database holds, beside what every one holds:

    pruned   [[writer, sequence, hash, time], ...]: the checkpoints that there were
    earlier  {until, traffic, closed, key_usage}: digests of the rows of `traffic_hourly` up to the hour `until`, a day
             behind the last record that had been pruned, and of `key_usage_hourly` before the hour `closed`: only
             gateways of an older version, which are being replaced, add to it any more

A digest is SHA-256 over the digests of the rows in ascending order, each the SHA-256 of the row as JSON.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Table, select

from gateway.ledger.database.ledger_tables import checkpoints, key_usage_hourly, traffic_hourly
from gateway.ledger.hours import hour_of

NEVER: Final = -1
"""The hour `until` where nothing had been pruned."""
HOURS_BEHIND: Final = 24
"""How far, before there were events, a record may have been dated behind the last one that was pruned."""


def what_came_before(connection: Connection, now: int) -> dict[str, Any]:
    """What the first `started` tells of the time before it; `now` by the ledger's clock, in microseconds."""
    rows = connection.execute(select(checkpoints).order_by(checkpoints.c.writer)).all()
    until = NEVER
    if rows:
        pruned = max(hour_of(row.time) for row in rows)
        # Where a clock was set back records lie behind the last one; but nothing may be counted there any more.
        until = max(pruned, min(pruned + HOURS_BEHIND, hour_of(now) - HOURS_BEHIND))
    return {
        "pruned": [[row.writer, row.sequence, row.hash, row.time] for row in rows],
        "earlier": {"until": until, "closed": hour_of(now), **digests(connection, until, hour_of(now))},
    }


def digests(connection: Connection, until: int, closed: int) -> dict[str, str]:
    """The digests of `earlier` as the database gives them now."""
    return {
        "traffic": _digest(_rows(connection, traffic_hourly, until)),
        "key_usage": _digest(_rows(connection, key_usage_hourly, closed - 1)),
    }


def _rows(connection: Connection, table: Table, until: int) -> Iterable[Mapping[Any, Any]]:
    query = select(table).where(table.c.hour <= until)
    return connection.execute(query, execution_options={"yield_per": 1000}).mappings()


def _digest(rows: Iterable[Mapping[Any, Any]]) -> str:
    found = sorted(
        hashlib.sha256(json.dumps(dict(row), sort_keys=True, separators=(",", ":")).encode()).digest() for row in rows
    )
    return hashlib.sha256(b"".join(found)).hexdigest()
