"""The operations that are expected of each endpoint."""

from collections.abc import Mapping

from sqlalchemy import Engine, select

from gateway.ledger.database import ledger_tables
from gateway.ledger.database.connections import reading


def expected_operations(engine: Engine) -> Mapping[str, tuple[str, ...]]:
    """By endpoint the operations that a WSDL or a configuration announced, whether or not a message of them came.

    They are called as in records; one without a namespace stands for its local name in any.

    Raises:
        DatabaseUnavailable: The database cannot be read or holds no ledger.
    """
    columns = ledger_tables.expected_operations.c
    found: dict[str, list[str]] = {}
    with reading(engine) as connection:
        for endpoint, operation in connection.execute(
            select(columns.endpoint, columns.operation).order_by(columns.endpoint, columns.operation)
        ):
            found.setdefault(endpoint, []).append(operation)
    return {endpoint: tuple(operations) for endpoint, operations in found.items()}


def local_operation(operation: str) -> str:
    """The name of `operation` (Clark notation) without its namespace."""
    return operation.rpartition("}")[2]
