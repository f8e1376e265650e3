"""Where exchanges write their records, by `durability`: they wait for the commit, or only for a place in the queue."""

from gateway.config import Durability
from gateway.exchange import Ledger
from gateway.ledger import LedgerWriter, MessageRecord, Receipt
from gateway.vocabulary import RecordedOutcome


class QueueingLedger:
    """`durability = "async"`: a receipt is given as soon as the record is queued."""

    def __init__(self, writer: LedgerWriter) -> None:
        """Queue records for `writer`."""
        self._writer = writer

    async def append(self, record: MessageRecord, *, seconds: float | None = None) -> Receipt:
        """Queue `record`; wait for its commit only where that finds out whether it is a replay attack.

        Raises:
            LedgerError: It cannot be queued, or not be written in time: the message must not be released.
        """
        if record.replay_check and record.replay_keys and record.outcome is RecordedOutcome.ACCEPTED:
            return await self._writer.append(record, seconds=seconds)
        return self._writer.enqueue(record)

    def give_up(self, record: MessageRecord) -> None:
        """Note which keys signed what nobody waits for any more."""
        self._writer.give_up(record)


def ledger_of(writer: LedgerWriter, durability: Durability) -> Ledger:
    """Where exchanges write their records."""
    return QueueingLedger(writer) if durability is Durability.ASYNC else writer
