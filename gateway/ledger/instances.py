"""Which gateway processes there are, and which keystore revision each has loaded.

Every process keeps one row and renews it every few seconds. Whoever cannot write its row cannot write a record either,
and so delivers nothing: a process that has not been heard from for a while need not be waited for.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from gateway.ledger.database.connections import is_postgresql, reading, writing
from gateway.ledger.database.ledger_tables import instances
from keystore import from_microseconds, to_microseconds

_MICROSECOND: Final = timedelta(microseconds=1)

BEAT_SECONDS: Final = 3.0
"""How often a process renews its row."""
GONE_AFTER: Final = timedelta(seconds=20)
"""A process that has not renewed its row for so long is gone; a busy database delays it by less."""
FORGET_AFTER: Final = timedelta(days=1)
"""Rows of processes that are gone are removed then: until then an operator can see that there was one."""


@dataclass(frozen=True, slots=True)
class InstanceIdentity:
    """What does not change while a process runs."""

    id: str
    """Of its own, for every start of a process."""
    instance: str
    """As in its records."""
    host: str
    pid: int
    version: str
    started: datetime

    @classmethod
    def new(cls, instance: str, host: str, pid: int, version: str, started: datetime) -> "InstanceIdentity":
        """A process that starts now."""
        return cls(str(uuid.uuid4()), instance, host, pid, version, started)


@dataclass(frozen=True, slots=True)
class InstanceState:
    """One process as the database knows it."""

    identity: InstanceIdentity
    keystore_revision: int
    """The one that it has loaded."""
    last_seen: datetime
    lag: timedelta
    """How long ago that was, by the clock of the database."""

    @property
    def is_gone(self) -> bool:
        """Whether nothing has been heard of it for too long."""
        return self.lag > GONE_AFTER


def record_heartbeat(engine: Engine, identity: InstanceIdentity, keystore_revision: int) -> None:
    """Renew the row of the process, and remove those of processes that are long gone.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database cannot be written.
    """
    with writing(engine) as connection:
        now = _clock(connection)
        mine = instances.c.id == identity.id
        values = {"seen": now, "keystore_revision": keystore_revision}
        if connection.execute(update(instances).where(mine).values(values)).rowcount == 0:
            # The row is this process's alone, so nobody else can insert it at the same moment.
            fixed = {
                "id": identity.id,
                "instance": identity.instance,
                "host": identity.host,
                "pid": identity.pid,
                "version": identity.version,
                "started": to_microseconds(identity.started),
            }
            connection.execute(insert(instances).values(fixed | values))
            connection.execute(delete(instances).where(instances.c.seen < now - FORGET_AFTER // _MICROSECOND))


def record_departure(engine: Engine, identity: InstanceIdentity) -> None:
    """Remove the row of a process that ends in order.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database cannot be written.
    """
    with writing(engine) as connection:
        connection.execute(delete(instances).where(instances.c.id == identity.id))


def known_instances(engine: Engine) -> tuple[InstanceState, ...]:
    """Every process that was heard from within a day and did not end in order, by name.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        now = _clock(connection)
        rows = connection.execute(select(instances).order_by(instances.c.instance, instances.c.started)).all()
    return tuple(
        InstanceState(
            InstanceIdentity(row.id, row.instance, row.host, row.pid, row.version, from_microseconds(row.started)),
            row.keystore_revision,
            from_microseconds(row.seen),
            max(timedelta(0), (now - row.seen) * _MICROSECOND),
        )
        for row in rows
        if now - row.seen <= FORGET_AFTER // _MICROSECOND
    )


def loaded_everywhere(found: Iterable[InstanceState], revision: int) -> bool:
    """Whether every process that is there serves with keystore revision `revision`, and there is one at all.

    From then on a partner can be told that messages signed with a new key may be sent.
    """
    live = [state for state in found if not state.is_gone]
    return bool(live) and all(state.keystore_revision >= revision for state in live)


def _clock(connection: Connection) -> int:
    """Now, in microseconds, by a clock that all processes share: the database server's, or this machine's."""
    if is_postgresql(connection):
        return int(connection.execute(select(func.extract("epoch", func.clock_timestamp()) * 1_000_000)).scalar_one())
    return to_microseconds(datetime.now(UTC))
