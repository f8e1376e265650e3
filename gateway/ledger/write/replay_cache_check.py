"""The proof, before any traffic, that the replay cache is wired and works in this database."""

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.clock import own_clock
from gateway.ledger.database.connections import explain, rehearsing
from gateway.ledger.errors import LedgerUnavailable, ReplayCacheBroken
from gateway.ledger.proof.chain import Link
from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import row_of
from gateway.ledger.write.counted_operations import CountedOperations
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.receipt_layouts import ReceiptLayouts
from gateway.ledger.write.record_ids import new_record_id
from gateway.ledger.write.storing import store_records
from gateway.verify import Reason
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome

_NAME = "self-test"


def prove_replay_cache(engine: Engine) -> None:
    """Store an accepted message with random signatures, then another with one of them, the way the writer does it.

    Both happen in one transaction that is always rolled back: nothing of it stays. It takes the write lock for a
    moment, and waits for it.

    Raises:
        ReplayCacheBroken: The second message is not refused, or the first one already is.
        LedgerUnavailable: The database cannot be written.
    """
    shared = secrets.token_hex(32)
    first = _encoded(secrets.token_hex(32), shared)
    second = _encoded(shared, secrets.token_hex(32))
    try:
        with rehearsing(engine) as connection:
            now = own_clock()
            layouts, operations = ReceiptLayouts(), CountedOperations()
            link, _ = store_records(connection, [first], Link.first(), layouts, operations, now)
            store_records(connection, [second], link, layouts, operations, now)
    except SQLAlchemyError as error:
        why = explain(error, engine)
        raise LedgerUnavailable(f"the replay cache cannot be tried out: {why}") from error
    if first.record.reason == Reason.REPLAYED:
        raise ReplayCacheBroken(
            "the replay cache takes a message that was never seen for a repeated one, so that nothing "
            'could be delivered: restore the database from a backup, or set replay_attacks = "ignore"'
        )
    if second.row["reason"] != Reason.REPLAYED or second.row["released"]:
        raise ReplayCacheBroken(
            "the replay cache does not recognise a message that is repeated, so nothing is served: "
            'restore the database from a backup, or set replay_attacks = "ignore" for every endpoint'
        )


def _encoded(*replay_keys: str) -> Encoded:
    now = datetime.now(UTC)
    record = MessageRecord(
        id=new_record_id(),
        time=now,
        instance=_NAME,
        endpoint=_NAME,
        mode=Mode.ENFORCE,
        kind=MessageKind.MESSAGE,
        operation=None,
        outcome=RecordedOutcome.ACCEPTED,
        reason=None,
        detail=_NAME,
        released=True,
        body_sha256="0" * 64,
        request_bytes=0,
        response_bytes=0,
        upstream_status=None,
        upstream_ms=0.0,
        verify_ms=0.0,
        keystore_revision=0,
        replay_keys=replay_keys,
        fresh_until=now + timedelta(minutes=5),
        replay_check=True,
    )
    return Encoded(record, row_of(record) | {"clock_offset": 0})
