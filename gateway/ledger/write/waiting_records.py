"""Who waits for which record, and how they get their answers."""

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from gateway.ledger.errors import LedgerError
from gateway.ledger.event import Content, EventKind
from gateway.ledger.record import MessageRecord, Receipt
from gateway.ledger.record_rows import Row, row_of
from gateway.ledger.write.encoded import Encoded

Answer = Receipt | LedgerError


@dataclass(slots=True, eq=False)
class Waiting:
    """A queued record and who waits for its receipt."""

    record: MessageRecord
    waiter: "Future[Receipt] | asyncio.Future[Receipt] | None"
    """None where nobody waits: the record is owed, whatever happens."""
    lead: int
    """How far this machine's clock, by which the record has its instant, was ahead of the steady one
    (`gateway.ledger.clock`): it may be set before the record is written."""
    loop: asyncio.AbstractEventLoop | None = None
    """The event loop that the record came from."""
    row: Row | None = None
    """The record as a row, where that was made already."""

    def take(self) -> Encoded:
        """The record and its row, which are then the taker's to change.

        Raises:
            RecordRefused: It cannot be stored.
        """
        row, self.row = self.row, None
        return Encoded(self.record, row_of(self.record) if row is None else row, self.lead)


@dataclass(slots=True, eq=False)
class Telling:
    """An event that waits to be written, and who waits for that."""

    kind: EventKind
    content: Content
    waiter: "Future[None]" = field(default_factory=Future)


@dataclass(slots=True)
class Inbox:
    """What waits for the writer's thread, and what wakes it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    """That of the condition, which takes it by way of functions in Python."""
    condition: threading.Condition = field(init=False)
    items: OrderedDict[Waiting, None] = field(default_factory=OrderedDict)
    """In the order of arrival; one that is withdrawn leaves it at once, however many wait."""
    events: list[Telling] = field(default_factory=list)
    """To be told with the next group, or without one."""
    is_released: bool = False
    """Whether those that wait may be taken: they have gathered."""
    closing: bool = False

    def __post_init__(self) -> None:
        self.condition = threading.Condition(self.lock)


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
