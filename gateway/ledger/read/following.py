"""Records as they are committed, one after the other: none is missed, and none comes twice.

Instants do not tell what is new: a record is committed after its instant, and another one overtakes it. The chains do:
each writer's records are numbered without a gap.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, messages
from gateway.ledger.errors import DatabaseUnavailable
from gateway.ledger.read.stored_records import RecordFilter, StoredRecord, conditions, stored_or_refused

AT_ONCE: Final = 500
"""Records of one writer that are looked through at a time."""


class RecordFollower:
    """The records that fit a filter, from now on."""

    def __init__(self, engine: Engine, wanted: RecordFilter, before: int = 0) -> None:
        """Begin with the newest `before` records that fit, and with whatever is committed from here on.

        Raises:
            DatabaseUnavailable: The database cannot be read, or holds no ledger.
        """
        self._engine = engine
        self._wanted = tuple(conditions(wanted))
        with reading(engine) as connection:
            self._seen = _heads(connection)
            query = select(messages).where(*self._wanted).order_by(messages.c.time.desc(), messages.c.id.desc())
            rows = connection.execute(query.limit(max(0, before))).mappings().all() if before > 0 else []
        self._is_behind = False
        self._held: list[StoredRecord] = []
        self._damage: DatabaseUnavailable | None = None
        self._take(list(reversed(rows)))

    @property
    def is_behind(self) -> bool:
        """Whether more was committed than the last call looked through: call again at once."""
        return self._is_behind

    def new(self) -> list[StoredRecord]:
        """Those that were committed since the last call, by their time.

        Raises:
            DatabaseUnavailable: The database cannot be read at present: call again, nothing is lost. Or a record was
                altered so that it cannot be read: the next call gives those that came with it.
        """
        if not self._held and self._damage is None:
            self._look()
        if self._damage is not None:
            damage, self._damage = self._damage, None
            raise damage
        found, self._held = self._held, []
        return found

    def _look(self) -> None:
        """Take what was committed meanwhile, `AT_ONCE` records of each writer at most."""
        columns = messages.c
        rows: list[RowMapping] = []
        seen, is_behind = dict(self._seen), False
        with reading(self._engine) as connection:
            for writer, end in _heads(connection).items():
                begin = seen.get(writer, 0)
                if end > begin:
                    seen[writer] = min(end, begin + AT_ONCE)
                    is_behind = is_behind or seen[writer] < end
                    of_writer = columns.writer == writer, columns.sequence > begin, columns.sequence <= seen[writer]
                    query = select(messages).where(*of_writer, *self._wanted)
                    rows += connection.execute(query).mappings().all()
        self._seen = seen
        self._is_behind = is_behind
        self._take(sorted(rows, key=lambda row: (row["time"], row["id"])))

    def _take(self, rows: Sequence[RowMapping]) -> None:
        """Hold the records of `rows` for the next call; of those that cannot be read it is told first."""
        for row in rows:
            try:
                self._held.append(stored_or_refused(row))
            except DatabaseUnavailable as damage:
                self._damage = damage


def _heads(connection: Connection) -> dict[str, int]:
    """How many records each writer has committed."""
    return {row.writer: row.sequence for row in connection.execute(select(chains.c.writer, chains.c.sequence))}
