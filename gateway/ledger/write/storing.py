"""What one group of records adds to the database, inside a transaction that whoever calls has begun."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.database.prepared import insert_rows
from gateway.ledger.proof.chain import Link, store_head
from gateway.ledger.record_rows import Row
from gateway.ledger.write.replay_cache import refuse_replayed
from gateway.ledger.write.rollups import add_to_rollups


def store_rows(connection: Connection, rows: Sequence[Row], link: Link, instance: str) -> tuple[Link, set[str]]:
    """Store rows, roll-ups, replay keys and the head of the chain; return its new end and the ids found replayed."""
    replayed = refuse_replayed(connection, rows)
    before = link
    for row in rows:
        link = link.extend(row)
    insert_rows(connection, messages, rows)
    add_to_rollups(connection, rows)
    store_head(connection, before, link, instance)
    return link, replayed
