"""Which operations of an endpoint are counted by themselves already: few steps along the key of the roll-ups, however
many hours they are counted in, and one query for many names.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, text

from gateway.present import OTHER_OPERATIONS

_TOGETHER: Final = 400
"""Names of one query: SQLite took at most 999 values before version 3.32."""
# Subqueries of one value: neither kind of database makes a join of them, which could walk through every hour.
_ON_RECORD: Final = """
WITH wanted (name) AS (VALUES {names}) SELECT name FROM wanted WHERE 1 = (
SELECT 1 FROM traffic_hourly WHERE endpoint = :endpoint AND operation = name LIMIT 1)
"""
_COUNT: Final = """
WITH RECURSIVE known (name, place) AS (
SELECT (SELECT min(operation) FROM traffic_hourly WHERE endpoint = :endpoint AND operation > ''), 1
UNION ALL SELECT (SELECT min(operation) FROM traffic_hourly WHERE endpoint = :endpoint AND operation > name), place + 1
FROM known WHERE name IS NOT NULL AND place <= :most
) SELECT count(*) FROM known WHERE name IS NOT NULL AND name <> :others
"""


def operations_on_record(connection: Connection, endpoint: str, names: Collection[str]) -> set[str]:
    """Those of `names` that are counted by themselves."""
    wanted, found = sorted(names), set[str]()
    for start in range(0, len(wanted), _TOGETHER):
        some = {f"n{number}": name for number, name in enumerate(wanted[start : start + _TOGETHER])}
        query = text(_ON_RECORD.format(names=", ".join(f"(:{name})" for name in some)))
        found.update(connection.execute(query, {"endpoint": endpoint, **some}).scalars())
    return found


def count_operations(connection: Connection, endpoint: str, most: int) -> int:
    """How many operations are counted by themselves; of more than `most` it is told that there are that many."""
    values = {"endpoint": endpoint, "most": most, "others": OTHER_OPERATIONS}
    return min(most, int(connection.execute(text(_COUNT), values).scalar_one()))
