"""The ends of a writer's two chains, its records' and its events', in one line that is signed.

    wssgate.head/1,TIME,WRITER,SEQUENCE,HASH,EVENT_NUMBER,EVENT_HASH

TIME is in microseconds, by the ledger's clock. The signature is Ed25519 over the line's octets
(`gateway.ledger.proof.signing_key`); it is made anew in every commit.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from gateway.ledger.database.ledger_tables import chains
from gateway.ledger.database.prepared import Prepared
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signing_key import SigningKey
from keystore import CHAIN_START


@dataclass(frozen=True, slots=True)
class Head:
    """The ends of one writer's chains."""

    records: Link
    event_number: int = 0
    event_hash: str = CHAIN_START
    time: int = 0
    """Of the last commit, in microseconds of the ledger's clock; 0 in a chain from before there were events."""

    @property
    def writer(self) -> str:
        """Whose chains they are."""
        return self.records.writer

    @property
    def text(self) -> str:
        """The line that is signed."""
        values = (self.time, *self.place)
        return ",".join(["wssgate.head/1", *map(str, values)])

    @property
    def place(self) -> list[str | int]:
        """What other writers note of it."""
        return [self.writer, self.records.sequence, self.records.hash, self.event_number, self.event_hash]

    @classmethod
    def first(cls) -> "Head":
        """The beginning of a new writer's chains."""
        return cls(Link.first())


_MOVE = Prepared(
    lambda _: (
        update(chains)
        .where(
            chains.c.writer == bindparam("of"),
            chains.c.sequence == bindparam("from_sequence"),
            chains.c.hash == bindparam("from_hash"),
            chains.c.event_number == bindparam("from_event"),
        )
        .values(
            sequence=bindparam("to_sequence"),
            hash=bindparam("to_hash"),
            event_number=bindparam("to_event"),
            event_hash=bindparam("to_event_hash"),
            time=bindparam("to_time"),
            signature=bindparam("to_signature"),
        )
    )
)


def store_head(connection: Connection, before: Head, head: Head, instance: str, key: SigningKey | None) -> None:
    """Move the ends of the chains from `before` to `head`, and sign them.

    Only from there: where a table is partitioned by time, no constraint could see a second row of the same number, so
    it is here that a chain is kept from forking.

    Raises:
        LedgerUnavailable: The chains do not end at `before`; nothing may be committed.
    """
    signature = None if key is None else key.sign(head.text)
    if before.event_number == 0:
        connection.execute(
            insert(chains).values(
                writer=head.writer,
                instance=instance,
                sequence=head.records.sequence,
                hash=head.records.hash,
                event_number=head.event_number,
                event_hash=head.event_hash,
                time=head.time,
                signature=signature,
            )
        )
        return
    values = {
        "of": before.writer,
        "from_sequence": before.records.sequence,
        "from_hash": before.records.hash,
        "from_event": before.event_number,
        "to_sequence": head.records.sequence,
        "to_hash": head.records.hash,
        "to_event": head.event_number,
        "to_event_hash": head.event_hash,
        "to_time": head.time,
        "to_signature": signature,
    }
    if _MOVE.run(connection, [values]) != 1:
        raise LedgerUnavailable(f"the hash chain {before.writer} does not end where its writer left it")


def stored_head(connection: Connection, writer: str) -> tuple[Head, str | None] | None:
    """The ends of the writer's chains as the database has them, and their signature."""
    row = connection.execute(_head_of(writer)).one_or_none()
    return None if row is None else (_of_row(writer, row), row.signature)


def held_head(connection: Connection, writer: str) -> Head | None:
    """The same for who goes on from there: nobody else moves it until the transaction ends.

    A COMMIT whose answer was lost may still be under way in the server: the lock waits for it.
    """
    row = connection.execute(_head_of(writer).with_for_update()).one_or_none()
    return None if row is None else _of_row(writer, row)


def other_heads(connection: Connection, writer: str, since: int | None) -> list[Head]:
    """The ends of the other chains that moved after `since` (microseconds of the ledger's clock), by writer.

    None gives all of them, also those from before there were events.
    """
    columns = chains.c
    query = select(chains).where(columns.writer != writer).order_by(columns.writer)
    if since is not None:
        query = query.where(columns.time > since)
    return [_of_row(row.writer, row) for row in connection.execute(query)]


def _head_of(writer: str) -> Select[Any]:
    return select(chains).where(chains.c.writer == writer)


def _of_row(writer: str, row: Any) -> Head:
    return Head(
        Link(writer, row.sequence, row.hash), row.event_number or 0, row.event_hash or CHAIN_START, row.time or 0
    )
