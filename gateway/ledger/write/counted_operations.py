"""Under which name an operation is counted: no stranger can blow up the roll-ups with names that he makes up.

The operation of an accepted message was signed by a trusted key. That of a rejected one is whatever somebody wrote:
of names that were never seen before, so many are counted by themselves per endpoint, and the others all together. The
records keep every name.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, func, select

from gateway.ledger.database.ledger_tables import traffic_hourly
from gateway.ledger.record_rows import Row
from gateway.present import OTHER_OPERATIONS
from gateway.verify import Outcome

MOST_NAMES = 100
"""Operations of one endpoint beyond which a name from a rejected message is not counted by itself any more: services
have some tens."""

Cell = tuple[str, str]
"""Endpoint and operation."""


def counted_names(connection: Connection, rows: Iterable[Row]) -> dict[Cell, str]:
    """The name under which the operation of each of `rows` is counted."""
    names: dict[Cell, str] = {}
    doubtful: dict[str, list[str]] = {}
    for row in rows:
        cell = row["endpoint"], row["operation"]
        if row["outcome"] == Outcome.ACCEPTED or not row["operation"]:
            names[cell] = row["operation"]
        elif row["operation"] not in doubtful.setdefault(row["endpoint"], []):
            doubtful[row["endpoint"]].append(row["operation"])
    for endpoint, operations in doubtful.items():
        new = [o for o in operations if (endpoint, o) not in names and not _is_known(connection, endpoint, o)]
        free = MOST_NAMES - sum(1 for _ in _known(connection, endpoint)) if new else 0
        refused = set(new[max(0, free) :])
        for operation in operations:
            names.setdefault((endpoint, operation), OTHER_OPERATIONS if operation in refused else operation)
    return names


def _is_known(connection: Connection, endpoint: str, operation: str) -> bool:
    columns = traffic_hourly.c
    query = select(columns.hour).where(columns.endpoint == endpoint, columns.operation == operation).limit(1)
    return connection.execute(query).first() is not None


def _known(connection: Connection, endpoint: str) -> Iterator[str]:
    """The operations of the endpoint that are counted by themselves, from one to the next along the key, at most as
    many as there may be: few steps, however many hours they are counted in.
    """
    columns = traffic_hourly.c
    operation = ""
    for _ in range(MOST_NAMES + 1):
        following = select(func.min(columns.operation)).where(
            columns.endpoint == endpoint, columns.operation > operation
        )
        found: str | None = connection.execute(following).scalar_one()
        if found is None:
            return
        if found != OTHER_OPERATIONS:
            yield found
        operation = found
