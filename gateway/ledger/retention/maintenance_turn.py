"""Chores: work on the database that one process at a time does, and none again before its time."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.ledger.database.connections import explain, writing
from gateway.ledger.database.ledger_tables import chores
from gateway.ledger.errors import LedgerUnavailable
from keystore import to_microseconds

_MICROSECOND: Final = timedelta(microseconds=1)


def take_maintenance(
    engine: Engine, name: str, holder: str, *, at: datetime, length: timedelta, every: timedelta = timedelta(0)
) -> bool:
    """Take the chore `name`, unless somebody is at it, or it was finished less than `every` ago.

    Args:
        engine: The ledger's database.
        name: The chore.
        holder: Who takes it.
        at: Now.
        length: How long it is held at most: whoever was killed holds it no longer.
        every: How long it rests once finished.

    Raises:
        LedgerUnavailable: The database cannot be written.
    """
    now, until = to_microseconds(at), to_microseconds(at + length)
    try:
        with writing(engine) as connection:
            row = connection.execute(select(chores).where(chores.c.name == name).with_for_update()).one_or_none()
            if row is None:
                connection.execute(insert(chores).values(name=name, holder=holder, held_until=until, finished=0))
                return True
            # What the clock of another process says is not believed further than it can be so: one that ran ahead for a
            # while must not stop a chore for as long.
            is_held = now < row.held_until <= now + 2 * (until - now) and row.holder != holder
            if is_held or abs(now - row.finished) < every // _MICROSECOND:
                return False
            connection.execute(update(chores).where(chores.c.name == name).values(holder=holder, held_until=until))
    except IntegrityError:
        return False  # another process made the row at the same moment
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"{name} cannot begin: {explain(error, engine)}") from error
    return True


def leave_maintenance(engine: Engine, name: str, holder: str, *, finished: datetime | None) -> None:
    """Give the chore back; with `finished` it is done, and rests.

    Raises:
        LedgerUnavailable: The database cannot be written.
    """
    values = {"held_until": 0} | ({} if finished is None else {"finished": to_microseconds(finished)})
    try:
        with writing(engine) as connection:
            mine = (chores.c.name == name) & (chores.c.holder == holder)
            connection.execute(update(chores).where(mine).values(values))
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"{name} cannot be ended: {explain(error, engine)}") from error
