"""Checkpoints: where each chain begins since its older records were pruned, so that pruned is not missing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.ledger.database.ledger_tables import checkpoints
from keystore import CHAIN_START, from_microseconds, to_microseconds


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last pruned record of a chain; what follows must continue its hash."""

    writer: str
    sequence: int
    """0 where nothing has been pruned."""
    hash: str
    time: datetime
    """The record's instant."""
    pruned_at: datetime


def stored_checkpoint(connection: Connection, writer: str) -> Checkpoint:
    """Where the chain of `writer` begins."""
    row = connection.execute(select(checkpoints).where(checkpoints.c.writer == writer)).one_or_none()
    if row is None:
        return Checkpoint(writer, 0, CHAIN_START, from_microseconds(0), from_microseconds(0))
    return Checkpoint(writer, row.sequence, row.hash, from_microseconds(row.time), from_microseconds(row.pruned_at))


def store_checkpoint(connection: Connection, checkpoint: Checkpoint) -> None:
    """Let the chain begin behind `checkpoint`, a record of it; to be followed by the removal of what it covers."""
    values = {
        "sequence": checkpoint.sequence,
        "hash": checkpoint.hash,
        "time": to_microseconds(checkpoint.time),
        "pruned_at": to_microseconds(checkpoint.pruned_at),
    }
    changed = connection.execute(update(checkpoints).where(checkpoints.c.writer == checkpoint.writer).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(checkpoints).values(writer=checkpoint.writer, **values))
