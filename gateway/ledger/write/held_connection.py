"""The connection of one writer, held from group to group.

Taking a connection from the pool, beginning, committing and giving it back cost SQLAlchemy half a millisecond, which
a group of few records does not share among many. So a writer on SQLite keeps its connection, and begins and commits
by itself; what happens in between may be SQLAlchemy's or the driver's own (`gateway.ledger.database.prepared`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Pool

from gateway.ledger.database.connections import driver_connection, drivers_errors_as_sqlalchemys, is_postgresql, writing
from gateway.ledger.database.sqlite_file import BEGIN, BEGUN


class HeldConnection:
    """Transactions of one thread, one after the other."""

    def __init__(self, engine: Engine) -> None:
        """Open nothing yet."""
        self._engine = engine
        self._pool: Pool | None = None
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction like that of `gateway.ledger.database.connections.writing`.

        Raises:
            SQLAlchemyError: The database failed; the connection is closed, and the next transaction gets another.
        """
        if is_postgresql(self._engine):
            with writing(self._engine) as connection:
                yield connection
            return
        with drivers_errors_as_sqlalchemys(self._engine):
            try:
                connection = self._open()
                driver = driver_connection(connection)
                driver.execute("BEGIN IMMEDIATE")
                yield connection
                if connection.in_transaction():  # something in it was asked through SQLAlchemy
                    connection.commit()
                else:
                    driver.execute("COMMIT")
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection, if there is one; whatever was begun on it is taken back."""
        connection, self._connection, self._pool = self._connection, None, None
        if connection is not None:
            connection.invalidate()  # closed for good: what had an error, or belongs to another pool, serves nobody
            connection.close()

    def _open(self) -> Connection:
        if self._connection is None or self._pool is not self._engine.pool:
            # An engine that was disposed of has another pool: the file is to be opened anew.
            self.close()
            self._pool = self._engine.pool
            self._connection = self._engine.connect().execution_options(**{BEGIN: BEGUN})
        return self._connection
