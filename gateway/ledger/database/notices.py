"""Notices of the database: what another process has just committed, told at once (PostgreSQL's LISTEN and NOTIFY).

A notice is a hint and no message: it can be lost with the connection, so whoever listens also looks for itself now and
then.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy import Engine

from gateway.ledger.database.connections import is_postgresql
from gateway.ledger.database.postgresql import connection_parameters, explain_postgresql
from gateway.ledger.errors import DatabaseUnavailable


def announcements(engine: Engine, channel: str) -> Callable[[Callable[[], None]], Awaitable[None]] | None:
    """`listen` for `channel` of the database of `engine`; None on SQLite, which announces nothing."""
    return partial(listen, engine, channel) if is_postgresql(engine) else None


async def listen(engine: Engine, channel: str, on_notice: Callable[[], None]) -> None:
    """Call `on_notice` at each notice on `channel` until cancelled, over a connection of its own.

    It is also called once as soon as notices arrive: something may have happened before.

    Raises:
        DatabaseUnavailable: There is no connection, or it was lost.
    """
    import psycopg  # with SQLite nobody needs it
    from psycopg import sql

    parameters = connection_parameters(engine.url)
    try:
        async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            on_notice()
            async for _ in connection.notifies():
                on_notice()
    except psycopg.Error as error:
        why = explain_postgresql(error, engine)
        raise DatabaseUnavailable(f"the database announces no changes: {why}") from error
