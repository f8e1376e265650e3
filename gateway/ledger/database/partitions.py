"""The months of the ledger: on PostgreSQL the table of messages is partitioned by month of `time`, in UTC.

So that pruning is dropping a table, which costs the same for a thousand records and for a billion and leaves nothing
to be vacuumed. Months are made ahead. A record whose month has no partition (a clock far off, or a gateway that could
not make one) lands in the default partition and loses nothing by it; when its month is made it is moved there.

On SQLite there is one table, and nothing here has anything to do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import Connection, text

from gateway.ledger.database.connections import is_postgresql
from keystore import to_microseconds

MONTHS_AHEAD = 2
"""Months after the present one that are kept ready: a gateway that makes none for weeks still loses nothing."""
REMAINDER = "messages_remainder"
"""The default partition."""
_LOCK_SECONDS = 2
_SORTED = "messages_sorted_in"
"""What the default partition is called while its records are sorted in."""
_TABLES = text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass('messages')"
)
_LOCK = 0x777373_0002
"""Advisory lock of whoever makes partitions: of many gateways one does, and the others need not wait."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of UTC, and the partition that holds it."""

    year: int
    month: int

    @classmethod
    def of(cls, instant: datetime) -> Self:
        """The month in which `instant` lies."""
        moment = instant.astimezone(UTC)
        return cls(moment.year, moment.month)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def partition(self) -> str:
        """The name of its table; nothing in it needs quoting."""
        return f"messages_{self.year:04}_{self.month:02}"


def partitions(connection: Connection) -> tuple[Month, ...]:
    """The months that have a partition, oldest first; none on SQLite."""
    names = partition_tables(connection)
    return tuple(sorted(Month(int(name[9:13]), int(name[14:16])) for name in names if name != REMAINDER))


def partition_tables(connection: Connection) -> tuple[str, ...]:
    """The tables that hold the records, in the order of their names; none on SQLite."""
    if not is_postgresql(connection):
        return ()
    return tuple(sorted(connection.execute(_TABLES).scalars()))


def make_partitions(connection: Connection, now: datetime) -> Sequence[Month]:
    """Make the partitions of the present month and of those ahead that there are not yet; return those made.

    To be called in a transaction of its own. Nothing happens on SQLite, and where another gateway is at it already.
    """
    if not is_postgresql(connection):
        return ()
    missing = set(_ahead(Month.of(now))).difference(partitions(connection))
    if not missing or not connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}).scalar():
        return ()
    # Whoever reads the records is waited for, and whoever comes to read them waits behind: not for long.
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
    made = sorted(missing.difference(partitions(connection)))
    for month in made:
        _make(connection, month)
    return made


def drop_partition(connection: Connection, month: Month) -> None:
    """Remove the records of a whole month at once. Whoever writes waits for it, which takes no longer than a moment.

    Raises:
        SQLAlchemyError: There is no such partition, or the lock on the table was not to be had in time.
    """
    connection.exec_driver_sql(f"DROP TABLE {month.partition}")


def _ahead(month: Month) -> Iterator[Month]:
    yield month
    for _ in range(MONTHS_AHEAD):
        month = month.next
        yield month


def _make(connection: Connection, month: Month) -> None:
    first, end = to_microseconds(month.start), to_microseconds(month.next.start)
    # Made apart and attached, for that lets others go on writing; a CREATE TABLE ... PARTITION OF locks them out.
    connection.exec_driver_sql(f"CREATE TABLE {month.partition} (LIKE messages INCLUDING ALL)")
    connection.exec_driver_sql(_refusing_truncate(month.partition))
    connection.exec_driver_sql(f"LOCK TABLE {REMAINDER} IN ACCESS EXCLUSIVE MODE")
    within = text(f"SELECT EXISTS (SELECT 1 FROM {REMAINDER} WHERE time >= :first AND time < :end)")  # noqa: S608 - a constant
    early = connection.execute(within, {"first": first, "end": end}).scalar_one()
    if early:
        # Records of this month came before it: everything in the default partition is sorted in anew. Records are
        # never deleted, the table that held them is.
        connection.exec_driver_sql(f"ALTER TABLE messages DETACH PARTITION {REMAINDER}")
        connection.exec_driver_sql(f"ALTER TABLE {REMAINDER} RENAME TO {_SORTED}")
        connection.exec_driver_sql(f"CREATE TABLE {REMAINDER} PARTITION OF messages DEFAULT")
        connection.exec_driver_sql(f"DROP TRIGGER {REMAINDER}_refuses_truncate ON {_SORTED}")
        connection.exec_driver_sql(_refusing_truncate(REMAINDER))
    connection.exec_driver_sql(
        f"ALTER TABLE messages ATTACH PARTITION {month.partition} FOR VALUES FROM ({first}) TO ({end})"
    )
    if early:
        connection.exec_driver_sql(f"INSERT INTO messages SELECT * FROM {_SORTED}")  # noqa: S608 - a constant
        connection.exec_driver_sql(f"DROP TABLE {_SORTED}")


def _refusing_truncate(table: str) -> str:
    # The trigger of the partitioned table is not asked where a single partition is emptied.
    return (
        f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        "EXECUTE FUNCTION wssgate_refuse_change('messages are append-only')"
    )
