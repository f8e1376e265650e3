"""The roll-ups: what a group of rows adds to the hourly counts, in the transaction that stores the rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Insert, Table, and_, case, or_

from gateway.ledger.counts import TRAFFIC, Counts
from gateway.ledger.database.connections import upsert
from gateway.ledger.database.ledger_tables import key_uses_hourly, traffic_hourly
from gateway.ledger.database.prepared import Prepared
from gateway.ledger.hours import hour_of
from gateway.ledger.record_rows import Row
from gateway.ledger.uses import CELL, role_of
from gateway.ledger.write.counted_operations import CountedOperations
from gateway.ledger.write.encoded import Encoded
from keystore import to_microseconds

Key = tuple[Any, ...]


def add_to_rollups(connection: Connection, group: Sequence[Encoded], operations: CountedOperations) -> Counts:
    """Count `group` by the ledger's clock; return what it adds.

    A group of many records touches each cell once.
    """
    counts = _counted(group, operations.names(connection, [encoded.row for encoded in group]))
    traffic: dict[Key, Row] = {}
    for kind, seen in counts.traffic.counts.items():
        traffic[kind] = dict(zip((*TRAFFIC, "hour"), kind, strict=True)) | dict(zip(_SEEN, seen, strict=True))
    _merge(connection, traffic_hourly, traffic)
    usage: dict[Key, Row] = {}
    for (*cell, hour), count in counts.uses.counts.items():
        row = (
            dict(zip(CELL, cell, strict=True)) | {"hour": hour} | dict(zip((*_SEEN, "last_signed"), count, strict=True))
        )
        primary = tuple(row[name] for name in _USE)
        found = usage.get(primary)
        usage[primary] = row if found is None else _together(found, row)
    _merge(connection, key_uses_hourly, usage)
    return counts


def _counted(group: Sequence[Encoded], names: Mapping[tuple[str, str], str]) -> Counts:
    """The counts of `group`; records that are alike are counted together, for most of a group are."""
    counts = Counts()
    alike: dict[Key, list[Any]] = {}
    for encoded in group:
        row, signers = encoded.row, encoded.record.signers or ()
        endpoint, operation, instant = row["endpoint"], row["operation"], row["time"] + row["clock_offset"]
        if len(signers) > 1:
            name = names[endpoint, operation]
            counts.traffic.count_row(row, name, instant)
            counts.uses.count_record(encoded.record, name, instant)
            continue
        of_hour = (endpoint, operation, row["kind"], row["outcome"], row["reason"], row["released"], hour_of(instant))
        use: Key = ()
        signed_at = None
        if signers:
            (signer,) = signers
            entry, signed_at = signer.entry, signer.signed_at
            use = row["server"], entry.thumbprint, entry.key_id, entry.alias, signer.needed, signer.repeated
        found = alike.get((of_hour, use))
        if found is None:
            alike[of_hour, use] = [1, instant, instant, signed_at]
            continue
        found[0] += 1
        if instant < found[1]:
            found[1] = instant
        if instant > found[2]:
            found[2] = instant
        if signed_at is not None and (found[3] is None or signed_at > found[3]):
            found[3] = signed_at
    for ((endpoint, operation, kind, outcome, reason, released, _), use), seen in alike.items():
        messages, first, last, signed_at = seen
        name = names[endpoint, operation]
        counts.traffic.add((endpoint, name, kind, outcome, reason, released), messages, first, last)
        if use:
            server, thumbprint, key_id, alias, needed, repeated = use
            role = role_of(needed=needed, repeated=repeated, outcome=outcome)
            signed = None if signed_at is None else to_microseconds(signed_at)
            cell = (endpoint, name, server, str(thumbprint), str(key_id), str(alias), role.value, outcome)
            counts.uses.add(cell, (messages, first, last, signed))
    return counts


_SEEN: Final = ("messages", "first_seen", "last_seen")
_USE: Final = ("endpoint", "operation", "server", "thumbprint", "role", "outcome", "hour")


def _together(row: Row, more: Row) -> Row:
    """Two rows of one cell: its entry was renamed between two messages of the group."""
    signed = [one["last_signed"] for one in (row, more) if one["last_signed"] is not None]
    return more | {
        "messages": row["messages"] + more["messages"],
        "first_seen": min(row["first_seen"], more["first_seen"]),
        "last_seen": max(row["last_seen"], more["last_seen"]),
        "last_signed": max(signed, default=None),
    }


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
            later = or_(old.last_signed.is_(None), new.last_signed > old.last_signed)
            changes["last_signed"] = case(
                (and_(new.last_signed.is_not(None), later), new.last_signed), else_=old.last_signed
            )
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)

    return Prepared(make, table.columns.keys())


_MERGING: Final = {table.name: _merging(table) for table in (traffic_hourly, key_uses_hourly)}
