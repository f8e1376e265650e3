"""Statements of which the text is made once: for a group of records SQLAlchemy's way to it costs more than SQLite's.

With SQLAlchemy's own execute the transaction of a group takes about twice the processor time, and a whole response
about 1.1 times (5 KB, 64 connections).

On SQLite the driver itself carries them out, in the transaction that SQLAlchemy's connection is in.
PostgreSQL gets them as SQLAlchemy makes them: psycopg sends all rows in one pipeline.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Insert, Table, Update, insert
from sqlalchemy.dialects import sqlite

from gateway.ledger.database.connections import driver_connection, is_postgresql

Values = Mapping[str, Any]
_ROWS: Final = (16, 8, 4, 2, 1)
"""Rows of one INSERT: each step of SQLite lets go of the interpreter and has to wait for it again, so that few steps
are better. SQLite took at most 999 values in one statement before version 3.32; 16 rows have some 540."""


class Prepared:
    """A statement with named values, carried out once for each mapping of them."""

    def __init__(self, make: Callable[[Connection], Insert | Update], names: Sequence[str] | None = None) -> None:
        """Prepare what `make` gives for the dialect of a connection.

        Args:
            make: Gives the statement.
            names: The columns that an INSERT gets; None where the statement names its values itself.
        """
        self._make = make
        self._names = names
        self._made: dict[str, Insert | Update] = {}
        self._text = ""
        self._order: Sequence[str] = ()

    def run(self, connection: Connection, values: Sequence[Values]) -> int:
        """Carry it out in the transaction of `connection`; return how many rows it touched.

        Raises:
            SQLAlchemyError: On PostgreSQL, where it cannot be carried out.
            sqlite3.Error: On SQLite, likewise; `gateway.ledger.database.connections` makes it SQLAlchemy's.
        """
        if is_postgresql(connection):
            return connection.execute(self._statement(connection), list(values)).rowcount
        if not self._text:
            compiled = self._statement(connection).compile(dialect=sqlite.dialect(), column_keys=self._names)
            # Both the same whichever thread is first.
            self._order, self._text = tuple(compiled.positiontup or ()), str(compiled)
        driver = driver_connection(connection)
        return sum(driver.execute(self._text, [row[name] for name in self._order]).rowcount for row in values)

    def _statement(self, connection: Connection) -> Insert | Update:
        made = self._made.get(connection.dialect.name)
        if made is None:
            made = self._made[connection.dialect.name] = self._make(connection)
        return made


def insert_rows(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert `rows`, each with a value for every column of `table`.

    Raises:
        SQLAlchemyError: On PostgreSQL, where they cannot be inserted.
        sqlite3.Error: On SQLite, likewise; `gateway.ledger.database.connections` makes it SQLAlchemy's.
    """
    if is_postgresql(connection):
        connection.execute(_insert(table), list(rows))
        return
    driver, in_order = driver_connection(connection), _in_order(table)
    for some in _portions(rows):
        driver.execute(_text(table, len(some)), list(chain.from_iterable(map(in_order, some))))


def _portions(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    start = 0
    for size in _ROWS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _in_order(table: Table) -> "itemgetter[tuple[Any, ...]]":
    """Takes the values of a row in the order of the columns of `table`."""
    return itemgetter(*table.columns.keys())


@cache
def _text(table: Table, count: int) -> str:
    """The INSERT of `count` rows, with the columns in the order of the table."""
    head, keyword, row = str(_insert(table).compile(dialect=sqlite.dialect())).rpartition(" VALUES ")
    return f"{head}{keyword}{', '.join([row] * count)}"
