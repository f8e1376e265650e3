"""Which operations of an endpoint are expected, so that one of which no message ever came is missed.

They come from WSDLs, which nobody signs, or from the configuration. Nothing is taken out because it is not announced
any more, but where a configuration names them all: what a WSDL leaves out may still be called.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, delete, select

from gateway.ledger.database.connections import upsert, writing
from gateway.ledger.database.ledger_tables import expected_operations
from gateway.ledger.record_rows import stored_text
from keystore import to_microseconds

MOST_EXPECTED: Final = 500
"""Operations of one endpoint that are remembered: services have some tens."""


def remember_expected(
    engine: Engine, endpoint: str, operations: Collection[str], at: datetime, *, instead: bool = False
) -> int:
    """Remember that `operations` of `endpoint` are expected, and how many there was no room for.

    Those that are known already keep their room, and are noted as announced at `at`.

    Args:
        engine: The ledger.
        endpoint: Whose they are.
        operations: As records call them; one without a namespace stands for its local name in any.
        at: When they were announced.
        instead: These, and none of those that were expected before.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database cannot be written.
    """
    names = sorted({stored_text(operation) for operation in operations if operation})
    columns = expected_operations.c
    with writing(engine) as connection:
        if instead:
            dropped = delete(expected_operations).where(columns.endpoint == endpoint)
            connection.execute(dropped.where(columns.operation.not_in(names)))
        known = set(
            connection.execute(
                select(columns.operation).where(columns.endpoint == endpoint).limit(MOST_EXPECTED)
            ).scalars()
        )
        new = [name for name in names if name not in known]
        left_out = set(new[max(0, MOST_EXPECTED - len(known)) :])
        rows = [
            {"endpoint": stored_text(endpoint), "operation": name, "seen": to_microseconds(at)}
            for name in names
            if name not in left_out
        ]
        if rows:
            statement = upsert(connection, expected_operations)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(expected_operations.primary_key), set_={"seen": statement.excluded.seen}
                ),
                rows,
            )
    return len(left_out)
