"""What one group of records adds to the database, inside a transaction that whoever calls has begun."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.ledger.counts import Counts
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.database.prepared import insert_rows
from gateway.ledger.proof.chain import Link
from gateway.ledger.write.certificate_keeping import keep_certificates
from gateway.ledger.write.counted_operations import CountedOperations
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.receipt_layouts import ReceiptLayouts
from gateway.ledger.write.replay_cache import refuse_replayed
from gateway.ledger.write.rollups import add_to_rollups
from gateway.ledger.write.signature_uses import mark_repeated


def store_records(
    connection: Connection,
    group: Sequence[Encoded],
    link: Link,
    layouts: ReceiptLayouts,
    operations: CountedOperations,
    now: int,
) -> tuple[Link, Counts]:
    """Store records, roll-ups, replay keys, signatures and certificates of unknown signers.

    Return the new end of the chain, and what was counted.

    Args:
        connection: In whose transaction.
        group: The records, each row with its `clock_offset`; those that turn out to be repetitions become other ones.
        link: The end of the chain.
        layouts: Those of the receipts that the writer knows.
        operations: Those that the writer knows to be counted by themselves.
        now: The ledger's clock, in microseconds.
    """
    refuse_replayed(connection, group)
    mark_repeated(connection, group, now)
    for encoded in group:
        encoded.row["receipts"] = layouts.encode(connection, encoded.record)
        link = link.extend(encoded.row)
    insert_rows(connection, messages, [encoded.row for encoded in group])
    counts = add_to_rollups(connection, group, operations)
    keep_certificates(connection, group)
    return link, counts
