"""The roll-ups counted anew from the rows, by another way than the one under test: plain loops over the records."""

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Engine, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import key_uses_hourly, messages, traffic_hourly

Counts = dict[tuple[Any, ...], tuple[int, int, int]]


def counted_from_rows(engine: Engine) -> tuple[Counts, Counts]:
    """Traffic and key usage as they follow from the table of messages."""
    traffic: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    usage: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    with reading(engine) as connection:
        for m in connection.execute(select(messages)):
            time = m.time + m.clock_offset
            hour = time // (3600 * 10**6)
            traffic[m.endpoint, m.operation, m.kind, m.outcome, m.reason, m.released, hour].append(time)
            roles: dict[str, set[str]] = defaultdict(set)
            for signer in json.loads(m.signers):
                repeated = signer["repeated"] and m.outcome != "accepted"
                role = "repeated" if repeated else "needed" if signer["needed"] else "present"
                roles[signer["entry"]["thumbprint"]].add(role)
            for thumbprint, found in roles.items():
                role = next(role for role in ("needed", "present", "repeated") if role in found)
                usage[m.endpoint, m.operation, m.server, thumbprint, role, m.outcome, hour].append(time)
    return _summary(traffic), _summary(usage)


def stored_rollups(engine: Engine) -> tuple[Counts, Counts]:
    """Traffic and key usage as the roll-ups have them."""
    with reading(engine) as connection:
        found = [
            {
                tuple(row[c.name] for c in table.primary_key): (row["messages"], row["first_seen"], row["last_seen"])
                for row in connection.execute(select(table)).mappings()
            }
            for table in (traffic_hourly, key_uses_hourly)
        ]
    return found[0], found[1]


def _summary(times: dict[tuple[Any, ...], list[int]]) -> Counts:
    return {key: (len(found), min(found), max(found)) for key, found in times.items()}
