"""The roll-ups counted anew from the rows, by another way than the one under test: plain loops over the records."""

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Engine, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_usage_hourly, messages, traffic_hourly

Counts = dict[tuple[Any, ...], tuple[int, int, int]]


def counted_from_rows(engine: Engine) -> tuple[Counts, Counts]:
    """Traffic and key usage as they follow from the table of messages."""
    traffic: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    usage: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    with reading(engine) as connection:
        for m in connection.execute(select(messages)):
            hour = m.time // (3600 * 10**6)
            traffic[m.endpoint, m.operation, m.kind, m.outcome, m.reason, m.released, hour].append(m.time)
            for how, column in (("verified", m.verified_by), ("recognised", m.recognised)):
                for thumbprint in {entry["thumbprint"] for entry in json.loads(column)}:
                    usage[m.endpoint, m.operation, thumbprint, how, hour].append(m.time)
    return _summary(traffic), _summary(usage)


def stored_rollups(engine: Engine) -> tuple[Counts, Counts]:
    """Traffic and key usage as the roll-ups have them."""
    with reading(engine) as connection:
        found = [
            {
                tuple(row[c.name] for c in table.primary_key): (row["messages"], row["first_seen"], row["last_seen"])
                for row in connection.execute(select(table)).mappings()
            }
            for table in (traffic_hourly, key_usage_hourly)
        ]
    return found[0], found[1]


def _summary(times: dict[tuple[Any, ...], list[int]]) -> Counts:
    return {key: (len(found), min(found), max(found)) for key, found in times.items()}
