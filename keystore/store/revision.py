"""The making of one revision: one transaction that holds the write lock from its first statement."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keystore.certificate import State
from keystore.epoch import to_microseconds
from keystore.errors import Refused
from keystore.hash_chain import CHAIN_START
from keystore.store.change_gates import GateAnswer, TrustedSince, gate_text
from keystore.store.outcome import Action
from keystore.store.past import states_since
from keystore.store.revision_chain import seal
from keystore.store.stored_entry import StoredEntry
from keystore.store.table_definitions import CHANGES_CHANNEL, entries, head, history, revisions
from keystore.store.trust_periods import trusted_since

MAX_TEXT_CHARACTERS = 500
"""Names and reasons beyond this are cut: they are shown in tables and in diagnoses."""


class Revision:
    """A revision in the making; its changes become visible together, or not at all."""

    def __init__(self, connection: Connection, number: int, *, who: str, why: str, at: datetime) -> None:
        """Use `connection`, in whose transaction the revision `number` has been opened."""
        self._connection = connection
        self.number = number
        self.who = who
        self.why = why
        self.at = at
        self.changes = 0
        """How many entries have been written so far."""
        self.dropped = False
        """Set, it keeps the changes from being committed: what they would do has been seen then."""

    def present(self) -> list[StoredEntry]:
        """Every entry that is not purged."""
        rows = self._connection.execute(select(entries).where(entries.c.state != State.PURGED).order_by(entries.c.id))
        return [StoredEntry.from_row(row) for row in rows.mappings()]

    def add(self, entry: StoredEntry, action: Action, overrode: Sequence[str] = ()) -> StoredEntry:
        """Write `entry` as a new row, and return it as it is stored; `overrode` goes into the history."""
        made = replace(entry, revision=self.number)
        row_id = self._connection.execute(insert(entries).values(made.columns()).returning(entries.c.id)).scalar_one()
        made = replace(made, id=row_id)
        self._remember(made, action, overrode, ())
        return made

    def change(
        self, entry: StoredEntry, action: Action, overrode: Sequence[str] = (), gate: Sequence[GateAnswer] = ()
    ) -> StoredEntry:
        """Write `entry` over its row, and return it as it is stored; `overrode` and `gate` go into the history.

        An end that is yet to come, and would come by itself, becomes one that is carried out through the gate.
        """
        is_over = entry.trusted_until is not None and entry.trusted_until <= self.at
        made = replace(entry, revision=self.number, changed_at=self.at, ends_by_itself=entry.ends_by_itself and is_over)
        self._connection.execute(update(entries).where(entries.c.id == made.id).values(made.columns()))
        self._remember(made, action, overrode, gate)
        return made

    def note(self, verb: str) -> str:
        """What is noted on an entry that came into a new state: when, by whom and why."""
        return f"{verb} {self.at:%Y-%m-%d} by {self.who}" + (f": {self.why}" if self.why else "")

    def states_since(self) -> dict[int, datetime]:
        """Since when each entry has been in its state, by the entry's id."""
        return states_since(self._connection)

    def trusted_since(self, entry: StoredEntry) -> TrustedSince:
        """Since when `entry` has been trusted for an endpoint, with the changes of this revision so far."""
        return trusted_since(self._connection, entry.id, self.at)

    def _remember(
        self, entry: StoredEntry, action: Action, overrode: Sequence[str], gate: Sequence[GateAnswer]
    ) -> None:
        self.changes += 1
        self._connection.execute(
            insert(history).values(
                revision=self.number,
                entry_id=entry.id,
                action=str(action),
                alias=str(entry.alias),
                thumbprint=str(entry.thumbprint),
                entry=entry.to_json(),
                overrode="; ".join(overrode) or None,
                gate=gate_text(gate),
            )
        )


@contextmanager
def new_revision(engine: Engine, *, who: str, why: str, at: datetime) -> Iterator[Revision]:
    """Open the next revision; committed at the end of the block, unless it has changed nothing, was dropped, or raises.

    Its first statement updates the one row of the head, which takes the write lock on every database: of two writers
    at once the second waits, and then sees what the first one did.

    Raises:
        Refused: `who` is empty: a change without an author is none.
        ValueError: `at` has no time zone.
    """
    time = to_microseconds(at)
    author, reason = _one_line(who), _one_line(why)
    if not author:
        raise Refused("nobody is named as the author of this change: say who makes it")
    with engine.connect() as connection, connection.begin() as transaction:
        number, previous = _next_number(connection)
        written = insert(revisions).values(revision=number, time=time, who=author, why=reason)
        announced = written.returning(func.pg_notify(CHANGES_CHANNEL, str(number)))
        connection.execute(announced if connection.dialect.name == "postgresql" else written)
        revision = Revision(connection, number, who=author, why=reason, at=at)
        yield revision
        if revision.dropped or not revision.changes:
            transaction.rollback()
        else:
            seal(connection, number, previous)


def _next_number(connection: Connection) -> tuple[int, str]:
    """Count the head on, whether or not it has a row yet, and return it with the hash of the revision before.

    Both databases spell it alike.
    """
    first: postgresql.Insert | sqlite.Insert
    first = postgresql.insert(head) if connection.dialect.name == "postgresql" else sqlite.insert(head)
    counted = first.values(id=1, revision=1, hash=CHAIN_START).on_conflict_do_update(
        index_elements=[head.c.id], set_={"revision": head.c.revision + 1}
    )
    number, previous = connection.execute(counted.returning(head.c.revision, head.c.hash)).one()
    return number, previous


def _one_line(text: str) -> str:
    """`text` without line breaks and control characters: it reaches logs and terminals."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:MAX_TEXT_CHARACTERS]
