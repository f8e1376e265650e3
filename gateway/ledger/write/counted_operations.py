"""Under which name an operation is counted: nobody can blow up the roll-ups with names that he makes up.

The operation is that of the request, and what a rejected message names is whatever somebody wrote. Names that are known
or expected (`gateway.ledger.write.expected_operations`) are counted by themselves; of others so many per endpoint as
services may have: some more where a trusted key signed the response, for a client can make up what it asks for. Those
beyond are counted together. The records keep every name.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.ledger.counts import MOST_ACCEPTED_NAMES, MOST_NAMES
from gateway.ledger.database.ledger_tables import expected_operations
from gateway.ledger.read.announced_operations import local_operation
from gateway.ledger.recorded_operations import count_operations, operations_on_record
from gateway.present import OTHER_OPERATIONS
from gateway.verify import Outcome

Cell = tuple[str, str]
"""Endpoint and operation."""
_REMEMBERED: Final = 20_000
"""Cells that are remembered, which is more than there are."""
_TOGETHER: Final = 400
"""Names of one query: SQLite took at most 999 values before version 3.32."""


class CountedOperations:
    """What one writer knows of the names that are counted by themselves; used by its thread alone.

    A name that is, and an endpoint that has no room for further ones, stay so: roll-ups are never removed. Whoever
    makes up a name for each message costs a few queries for each group of records.
    """

    def __init__(self) -> None:
        """Know none yet."""
        self._known: set[Cell] = set()
        self._counts: dict[str, int] = {}
        """By endpoint at least how many there are."""

    def forget(self) -> None:
        """Look everything up again: another database may have been put into the place of this one."""
        self._known.clear()
        self._counts.clear()

    def names(self, connection: Connection, rows: Iterable[Mapping[Any, Any]]) -> dict[Cell, str]:
        """The name under which the operation of each of `rows` is counted."""
        names: dict[Cell, str] = {}
        unknown: dict[str, dict[str, bool]] = {}
        for row in rows:
            endpoint, operation = cell = row["endpoint"], row["operation"]
            if not operation or cell in self._known:
                names[cell] = operation
            else:
                of_endpoint = unknown.setdefault(endpoint, {})
                of_endpoint[operation] = of_endpoint.get(operation, False) or row["outcome"] == Outcome.ACCEPTED
        for endpoint, accepted in unknown.items():
            for operation, name in self._named(connection, endpoint, accepted).items():
                names[endpoint, operation] = name
        return names

    def names_of(self, connection: Connection, cells: Iterable[Cell]) -> dict[Cell, str]:
        """The same of operations whose messages were rejected, or could not be recorded."""
        return self.names(connection, ({"endpoint": one, "operation": name, "outcome": None} for one, name in cells))

    def _named(self, connection: Connection, endpoint: str, accepted: Mapping[str, bool]) -> dict[str, str]:
        """The names of operations that are not remembered; of each whether a message of it was accepted."""
        on_record = operations_on_record(connection, endpoint, accepted)
        if len(self._known) + len(on_record) > _REMEMBERED:
            self._known.clear()
        self._known.update((endpoint, operation) for operation in on_record)
        new = [operation for operation in accepted if operation not in on_record]
        expected = _expected(connection, endpoint, new) if new else set()
        names = {operation: operation for operation in (*on_record, *expected)}
        # Those of accepted messages come first.
        doubtful = sorted((one for one in new if one not in expected), key=lambda one: not accepted[one])
        if doubtful:
            most = MOST_ACCEPTED_NAMES if accepted[doubtful[0]] else MOST_NAMES
            count = self._count(connection, endpoint, most) + len(expected)
            for operation in doubtful:
                if count < (MOST_ACCEPTED_NAMES if accepted[operation] else MOST_NAMES):
                    names[operation] = operation
                    count += 1
                else:
                    names[operation] = OTHER_OPERATIONS
        return names

    def _count(self, connection: Connection, endpoint: str, most: int) -> int:
        known = self._counts.get(endpoint, 0)
        if known < most:
            known = self._counts[endpoint] = count_operations(connection, endpoint, most)
        return known


def _expected(connection: Connection, endpoint: str, operations: Collection[str]) -> set[str]:
    """Those of `operations` that are expected: as they are, or, where that has no namespace, by their local names."""
    wanted = sorted({*operations, *map(local_operation, operations)})
    columns, found = expected_operations.c, set[str]()
    for start in range(0, len(wanted), _TOGETHER):
        some = wanted[start : start + _TOGETHER]
        query = select(columns.operation).where(columns.endpoint == endpoint, columns.operation.in_(some))
        found.update(connection.execute(query).scalars())
    return {one for one in operations if one in found or local_operation(one) in found}
