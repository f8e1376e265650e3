"""The events with which one writer sums up hours, read many at a time from the last one back."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.ledger.database.ledger_tables import events
from gateway.ledger.event import EventKind

_PAGE: Final = 200
"""Rows that are read together; each holds what was counted in an hour."""


class SealedRows:
    """Rows of one writer, by their numbers: each names the one before it, so that they are asked for backwards."""

    def __init__(self, connection: Connection, writer: str) -> None:
        """Read the rows of `writer` when they are asked for."""
        self._connection = connection
        self._writer = writer
        self._rows: dict[int, Mapping[Any, Any]] = {}

    def at(self, number: int) -> Mapping[Any, Any] | None:
        """The row with this number; None where there is none that sums up."""
        if number not in self._rows:
            columns = events.c
            query = (
                select(events)
                .where(columns.writer == self._writer, columns.number <= number, columns.kind == str(EventKind.SEALED))
                .order_by(columns.number.desc())
                .limit(_PAGE)
            )
            self._rows = {row["number"]: row for row in self._connection.execute(query).mappings()}
        return self._rows.get(number)
