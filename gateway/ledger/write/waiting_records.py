"""Who waits for which record, and how they get their answers."""

import asyncio
import contextlib
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from gateway.ledger.errors import LedgerError
from gateway.ledger.record import MessageRecord, Receipt
from gateway.ledger.record_rows import Row, row_of

Answer = Receipt | LedgerError


@dataclass(slots=True, eq=False)
class Waiting:
    """A queued record and who waits for its receipt."""

    record: MessageRecord
    waiter: "Future[Receipt] | asyncio.Future[Receipt] | None"
    """None where nobody waits: the record is owed, whatever happens."""
    loop: asyncio.AbstractEventLoop | None = None
    """The event loop that the record came from."""
    row: Row | None = None
    """The record as a row, where that was made already."""

    def take_row(self) -> Row:
        """The record as a row, which is then the taker's to change.

        Raises:
            RecordRefused: It cannot be stored.
        """
        row, self.row = self.row, None
        return row_of(self.record) if row is None else row


def hand_out(answers: Iterable[tuple[Waiting, Answer]]) -> None:
    """Hand out the results; each event loop is woken once for all of its waiters."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Receipt], Answer]]] = {}
    for waiting, answer in answers:
        if isinstance(waiting.waiter, Future):
            _settle(waiting.waiter, answer)
        elif waiting.waiter is not None and waiting.loop is not None:
            by_loop.setdefault(waiting.loop, []).append((waiting.waiter, answer))
    for loop, settled in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle_all, settled)


def _settle_all(settled: Iterable[tuple["asyncio.Future[Receipt]", Answer]]) -> None:
    for future, answer in settled:
        _settle(future, answer)


def _settle(future: "Future[Receipt] | asyncio.Future[Receipt]", answer: Answer) -> None:
    if future.done():
        return  # who waited has been cancelled
    if isinstance(answer, Receipt):
        future.set_result(answer)
    else:
        future.set_exception(answer)
