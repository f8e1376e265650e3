"""The hash chains of the ledger (`keystore.hash_chain`): each record is a link, and each writer has a chain of its own.

A removed record leaves a gap in the sequence; records removed at the end are missed by the head, which is kept apart.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from gateway.ledger.database.ledger_tables import chains
from gateway.ledger.database.prepared import Prepared
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.record_rows import Row
from keystore import CHAIN_START, link_hash

_HASHES: Final = frozenset({"previous_hash", "hash"})
_ADDED_LATER: Final = frozenset({"embedded", "second_opinion"})
"""Columns younger than the first schema: left out where they are NULL, so that older rows keep their digests."""

_MOVE: Final = Prepared(
    lambda _: (
        update(chains)
        .where(
            chains.c.writer == bindparam("of"),
            chains.c.sequence == bindparam("from_sequence"),
            chains.c.hash == bindparam("from_hash"),
        )
        .values(sequence=bindparam("to_sequence"), hash=bindparam("to_hash"))
    )
)


@dataclass(frozen=True, slots=True)
class Link:
    """The last row of a chain: who wrote it, the how manieth it is, its hash."""

    writer: str
    sequence: int
    hash: str

    @classmethod
    def first(cls) -> "Link":
        """The beginning of a new chain, of a new writer."""
        return cls(str(uuid.uuid4()), 0, CHAIN_START)

    def extend(self, row: Row) -> "Link":
        """Add the chain's columns to `row` and return the new end."""
        sequence = self.sequence + 1
        row["writer"], row["sequence"] = self.writer, sequence
        hashed = digest(self.hash, row)
        row["previous_hash"], row["hash"] = self.hash, hashed
        return Link(self.writer, sequence, hashed)


def digest(previous: str, row: Row) -> str:
    """The hash of `row`, which follows a row of the hash `previous`."""
    absent = _HASHES | {name for name in _ADDED_LATER if row.get(name) is None}
    return link_hash(previous, row, absent)


def store_head(connection: Connection, before: Link, link: Link, instance: str) -> None:
    """Move the end of the chain from `before` to `link`.

    Only from there: where a table is partitioned by time, no constraint could see a second row of the same number, so
    it is here that a chain is kept from forking.

    Raises:
        LedgerUnavailable: The chain does not end at `before`; nothing may be committed.
    """
    if before.sequence == 0:
        connection.execute(
            insert(chains).values(writer=link.writer, instance=instance, sequence=link.sequence, hash=link.hash)
        )
        return
    values = {
        "of": before.writer,
        "from_sequence": before.sequence,
        "from_hash": before.hash,
        "to_sequence": link.sequence,
        "to_hash": link.hash,
    }
    if _MOVE.run(connection, [values]) != 1:
        raise LedgerUnavailable(f"the hash chain {before.writer} does not end where its writer left it")


def stored_head(connection: Connection, writer: str) -> Link | None:
    """The end of the writer's chain as the database has it."""
    return _head(connection, _head_of(writer), writer)


def held_head(connection: Connection, writer: str) -> Link | None:
    """The same for who goes on from there: nobody else moves it until the transaction ends.

    A COMMIT whose answer was lost may still be under way in the server: the lock waits for it.
    """
    return _head(connection, _head_of(writer).with_for_update(), writer)


def _head_of(writer: str) -> Select[tuple[int, str]]:
    return select(chains.c.sequence, chains.c.hash).where(chains.c.writer == writer)


def _head(connection: Connection, query: Select[tuple[int, str]], writer: str) -> Link | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else Link(writer, row.sequence, row.hash)
