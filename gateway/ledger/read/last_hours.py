"""What the roll-ups counted in the last hours, for who looks time and again: summed up here, so that the database reads
those hours by their index and nothing else. Where it sums up, it reads every hour that there ever was.

Every function raises `DatabaseUnavailable` where the database cannot be read or holds no ledger.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Table, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_uses_hourly, traffic_hourly
from gateway.ledger.hours import hour_of
from gateway.ledger.read.roll_up_sums import TrafficRow, UsageRow
from gateway.ledger.record import Role
from gateway.vocabulary import RecordedOutcome
from keystore import KeyId, Thumbprint, from_microseconds, to_microseconds


def last_traffic(engine: Engine, since: datetime) -> list[TrafficRow]:
    """As `traffic` of all endpoints gives it, from the beginning of the hour of `since` on; in no order."""
    cell = ("endpoint", "operation", "kind", "outcome", "reason", "released")
    return [
        TrafficRow(
            endpoint=endpoint,
            operation=operation or None,
            kind=kind,
            outcome=outcome,
            reason=reason or None,
            released=released,
            messages=messages,
            first_seen=from_microseconds(first),
            last_seen=from_microseconds(last),
        )
        for (endpoint, operation, kind, outcome, reason, released), (messages, first, last) in _summed(
            engine, traffic_hourly, cell, since
        )
    ]


def last_uses(engine: Engine, since: datetime) -> list[UsageRow]:
    """The same of `usage`: which keys signed; without their shares, gaps and what was signed when."""
    cell = ("endpoint", "operation", "server", "thumbprint", "role", "outcome", "key_id", "alias")
    return [
        UsageRow(
            endpoint=endpoint,
            operation=operation or None,
            server=server,
            alias=alias,
            key_id=KeyId(key_id),
            thumbprint=Thumbprint(thumbprint),
            role=Role(role),
            outcome=RecordedOutcome(outcome),
            messages=messages,
            share=0.0,
            first_seen=from_microseconds(first),
            last_seen=from_microseconds(last),
            last_signed=None,
            longest_gap=timedelta(),
        )
        for (endpoint, operation, server, thumbprint, role, outcome, key_id, alias), (messages, first, last) in _summed(
            engine, key_uses_hourly, cell, since
        )
    ]


def _summed(
    engine: Engine, table: Table, cell: Sequence[str], since: datetime
) -> Iterable[tuple[tuple[Any, ...], tuple[int, int, int]]]:
    """Messages, first and last instant of each cell."""
    columns = [table.c[name] for name in (*cell, "messages", "first_seen", "last_seen")]
    found: dict[tuple[Any, ...], tuple[int, int, int]] = {}
    with reading(engine) as connection:
        for row in connection.execute(select(*columns).where(table.c.hour >= hour_of(to_microseconds(since)))):
            *identity, messages, first, last = row
            key = tuple(identity)
            known = found.get(key)
            found[key] = (
                (messages, first, last)
                if known is None
                else (known[0] + messages, min(known[1], first), max(known[2], last))
            )
    return found.items()
