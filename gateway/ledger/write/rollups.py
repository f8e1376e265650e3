"""The roll-ups: what a group of rows adds to the hourly counts, in the transaction that stores the rows."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Insert, Table, case

from gateway.ledger.database.connections import upsert
from gateway.ledger.database.ledger_tables import key_usage_hourly, traffic_hourly
from gateway.ledger.database.prepared import Prepared
from gateway.ledger.hours import hour_of
from gateway.ledger.record import How
from gateway.ledger.record_rows import Row
from gateway.ledger.write.counted_operations import counted_names

Key = tuple[Any, ...]


def add_to_rollups(connection: Connection, rows: Sequence[Row]) -> None:
    """Count `rows`. A group of many rows touches each cell once."""
    names = counted_names(connection, rows)
    # Most rows of a group differ in nothing that is counted: first how many are alike, then what they are.
    alike: dict[Key, tuple[int, int, int]] = {}
    for row in rows:
        time = row["time"]
        key = (names[row["endpoint"], row["operation"]], hour_of(time), *(row[name] for name in _COUNTED))
        count, first, last = alike.get(key, (0, time, time))
        alike[key] = count + 1, min(first, time), max(last, time)
    traffic: dict[Key, Row] = {}
    usage: dict[Key, Row] = {}
    for (operation, hour, *values), seen in alike.items():
        row = dict(zip(_COUNTED, values, strict=True))
        cell = {"endpoint": row["endpoint"], "operation": operation, "hour": hour}
        kind = {name: row[name] for name in ("kind", "outcome", "reason", "released")}
        _count(traffic, {**cell, **kind}, seen)
        for how, column in ((How.VERIFIED, "verified_by"), (How.RECOGNISED, "recognised")):
            # By thumbprint: one certificate under two aliases still verified one message.
            entries = {entry["thumbprint"]: entry for entry in json.loads(row[column])}
            for thumbprint, entry in entries.items():
                certificate = {**cell, "thumbprint": thumbprint, "how": str(how)}
                _count(usage, certificate, seen, alias=entry["alias"], key_id=entry["key_id"])
    _merge(connection, traffic_hourly, traffic)
    _merge(connection, key_usage_hourly, usage)


_COUNTED: Final = ("endpoint", "kind", "outcome", "reason", "released", "verified_by", "recognised")


def _count(counts: dict[Key, Row], key: Row, seen: tuple[int, int, int], **described: str) -> None:
    identity = tuple(key.values())
    messages, first, last = seen
    found = counts.get(identity)
    if found is None:
        counts[identity] = {**key, **described, "messages": messages, "first_seen": first, "last_seen": last}
        return
    found.update(described)
    found["messages"] += messages
    found["first_seen"] = min(found["first_seen"], first)
    found["last_seen"] = max(found["last_seen"], last)


def _merge(connection: Connection, table: Table, counts: dict[Key, Row]) -> None:
    if not counts:
        return
    # Sorted, so that two writers on a database with row locks take them in one order.
    _MERGING[table.name].run(connection, [counts[key] for key in sorted(counts)])


def _merging(table: Table) -> Prepared:
    """The statement that adds counts to `table`."""

    def make(connection: Connection) -> Insert:
        statement = upsert(connection, table)
        old, new = table.c, statement.excluded
        changes = {
            "messages": old.messages + new.messages,
            "first_seen": case((new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen),
            "last_seen": case((new.last_seen > old.last_seen, new.last_seen), else_=old.last_seen),
        }
        if "alias" in old:
            changes["alias"] = new.alias
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)

    return Prepared(make, table.columns.keys())


_MERGING: Final = {table.name: _merging(table) for table in (traffic_hourly, key_usage_hourly)}
