"""The roll-ups: what a group of rows adds to the hourly counts, in the transaction that stores the rows."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Executable, Table, case

from gateway.ledger.connections import upsert
from gateway.ledger.encoding import Row
from gateway.ledger.instants import hour_of
from gateway.ledger.operation_names import counted_names
from gateway.ledger.tables import key_usage_hourly, traffic_hourly


class How(StrEnum):
    """In which way a key showed up."""

    VERIFIED = "verified"
    """It is trusted, and the message was accepted by it."""
    RECOGNISED = "recognised"
    """The signature is good under it, but it is not trusted (staged, retired) or not admitted: a rejection."""


Key = tuple[Any, ...]
_MADE: Final[dict[tuple[str, str], Executable]] = {}
"""Statements by dialect and table."""


def add_to_rollups(connection: Connection, rows: Sequence[Row]) -> None:
    """Count `rows`. A group of many rows touches each cell once."""
    traffic: dict[Key, Row] = {}
    usage: dict[Key, Row] = {}
    names = counted_names(connection, rows)
    for row in rows:
        endpoint, operation = row["endpoint"], names[row["endpoint"], row["operation"]]
        cell = {"endpoint": endpoint, "operation": operation, "hour": hour_of(row["time"])}
        _count(
            traffic,
            {
                **cell,
                "kind": row["kind"],
                "outcome": row["outcome"],
                "reason": row["reason"],
                "released": row["released"],
            },
            row["time"],
        )
        for how, column in ((How.VERIFIED, "verified_by"), (How.RECOGNISED, "recognised")):
            # By thumbprint: one certificate under two aliases still verified one message.
            entries = {entry["thumbprint"]: entry for entry in json.loads(row[column])}
            for thumbprint, entry in entries.items():
                key = {**cell, "thumbprint": thumbprint, "how": str(how)}
                _count(usage, key, row["time"], alias=entry["alias"], key_id=entry["key_id"])
    _merge(connection, traffic_hourly, traffic)
    _merge(connection, key_usage_hourly, usage)


def _count(counts: dict[Key, Row], key: Row, time: int, **described: str) -> None:
    identity = tuple(key.values())
    found = counts.get(identity)
    if found is None:
        counts[identity] = {**key, **described, "messages": 1, "first_seen": time, "last_seen": time}
        return
    found.update(described)
    found["messages"] += 1
    found["first_seen"] = min(found["first_seen"], time)
    found["last_seen"] = max(found["last_seen"], time)


def _merge(connection: Connection, table: Table, counts: dict[Key, Row]) -> None:
    if not counts:
        return
    # Sorted, so that two writers on a database with row locks take them in one order.
    connection.execute(_merging(connection, table), [counts[key] for key in sorted(counts)])


def _merging(connection: Connection, table: Table) -> Executable:
    """The statement that adds counts to `table`; made once, because making it costs more than carrying it out."""
    made = _MADE.get((connection.dialect.name, table.name))
    if made is None:
        statement = upsert(connection, table)
        old, new = table.c, statement.excluded
        changes = {
            "messages": old.messages + new.messages,
            "first_seen": case((new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen),
            "last_seen": case((new.last_seen > old.last_seen, new.last_seen), else_=old.last_seen),
        }
        if "alias" in old:
            changes["alias"] = new.alias
        made = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
        _MADE[connection.dialect.name, table.name] = made
    return made
