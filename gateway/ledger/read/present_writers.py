"""What each writer told last: whether it still serves, which endpoints, and whether it can reach their receivers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from gateway.ledger.clock import own_clock, server_clock
from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, events
from gateway.ledger.event import Event, EventKind

SERVING_MICROSECONDS: Final = 120_000_000
"""A writer that told something within this time, and not that it stopped, serves."""
_MOST_WRITERS: Final = 200


@dataclass(frozen=True, slots=True)
class WriterNow:
    """What one writer told last."""

    writer: str
    instance: str
    serves: bool
    """Whether it told something within two minutes, and not that it stopped."""
    endpoints: frozenset[str]
    """Those of its last configuration."""
    states: Mapping[str, Mapping[str, Any]]
    """Of its last heartbeat, by endpoint: serving, reachable, since."""


def writers_now(engine: Engine, *, lately: bool = False) -> list[WriterNow]:
    """The writers, those first that wrote last; of very many only those.

    With `lately` only those that may serve still.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        server = server_clock(connection)
        now = own_clock() if server is None else server
        columns = chains.c
        query = (
            select(columns.writer, columns.instance)
            .where(columns.event_number.is_not(None))
            .order_by(columns.time.desc(), columns.writer)
            .limit(_MOST_WRITERS)
        )
        if lately:
            query = query.where(columns.time >= now - SERVING_MICROSECONDS)
        return [_of(connection, row.writer, row.instance, now) for row in connection.execute(query).all()]


def _of(connection: Connection, writer: str, instance: str, now: int) -> WriterNow:
    last = _last(connection, writer, None)
    beat = _last(connection, writer, EventKind.HEARTBEAT)
    configured = _last(connection, writer, EventKind.CONFIGURATION)
    # A clock of this machine that is behind makes nobody silent.
    serves = last is not None and last.kind != EventKind.STOPPED and now - last.at <= SERVING_MICROSECONDS
    return WriterNow(
        writer,
        instance,
        serves,
        frozenset() if configured is None else frozenset(configured.content.get("endpoints", {})),
        {} if beat is None else beat.content.get("endpoints", {}),
    )


def _last(connection: Connection, writer: str, kind: EventKind | None) -> Event | None:
    columns = events.c
    query = select(events).where(columns.writer == writer).order_by(columns.number.desc()).limit(1)
    if kind is not None:
        query = query.where(columns.kind == str(kind))
    row = connection.execute(query).mappings().one_or_none()
    try:
        return None if row is None else Event.of_row(row)
    except ValueError:
        return None  # never written by this program: ledger verify tells of it
