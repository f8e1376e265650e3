"""Uses of keys in messages that could not be recorded: nothing was delivered, and yet somebody signed with the key.

A message that comes while the database is away is refused, and has no record. For whoever wants to retire its key it is
a use like any other: its server still signs with that key. So the process keeps in mind which keys signed what it could
not record, and tells it with the first transaction that succeeds (`unrecorded` in `gateway.ledger.event`).

What a process knows is gone when it is killed before that, but for what it keeps in a file (`kept_uses`).

A signature that is on record already, in a message that was rejected, is no use here either: it may be a stranger's who
sends an old message again.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from gateway.ledger.record import MessageRecord
from gateway.ledger.uses import Uses
from gateway.ledger.write.kept_uses import KeptUses
from gateway.ledger.write.use_cells import MOST_CELLS, CellUse, SeenSignature, UseCell, cell_uses, folded
from gateway.vocabulary import RecordedOutcome

_MOST_LATEST: Final = 4096
"""Records of which it is remembered what they added: several times as many as one transaction has. What the others
added counts, whatever it was."""

_MOST_MET: Final = 4 * _MOST_LATEST


@dataclass(frozen=True, slots=True)
class Untold:
    """What is to be told."""

    messages: Mapping[UseCell, int]
    """How many there are by cell."""
    added: Mapping[str, Sequence[CellUse]]
    """What the latest of them added, by the ids of their records."""
    left: frozenset[CellUse]
    """What killed processes have left: nobody knows how many there were, and whether there were any."""

    def signatures(self, *, certain: bool) -> Iterator[SeenSignature]:
        """Those of uses that count in any case, or of the others."""
        for use in (*chain.from_iterable(self.added.values()), *self.left):
            if use.is_certain is certain:
                yield from use.signatures

    def operations(self) -> Iterable[tuple[str, str]]:
        """Endpoint and operation of each."""
        return dict.fromkeys(cell[:2] for cell in (*self.messages, *(use.cell for use in self.left)))

    def uses(self, known: Collection[bytes], names: Mapping[tuple[str, str], str], now: int) -> Uses:
        """The uses as an event tells them.

        They came before; what is dated too late keeps a gate shut for longer, and what is dated too early would open
        it.

        Args:
            known: Signatures that are on record already.
            names: Under which name each operation of an endpoint is counted, as the roll-ups count it.
            now: The instant of the event, by the ledger's clock.
        """
        messages = Counter(self.messages)
        for use in chain.from_iterable(self.added.values()):
            if is_repetition(use, known):
                messages[use.cell] -= 1
        left = {use.cell for use in self.left if not is_repetition(use, known)}
        uses = Uses()
        for cell in {**messages, **dict.fromkeys(left)}:
            count = messages[cell]
            if count or cell in left:
                name = names.get(cell[:2], cell[1])
                uses.add((cell[0], name, *cell[2:], RecordedOutcome.FAILED.value), (count, now, now, None))
        return uses


def is_repetition(use: CellUse, known: Collection[bytes]) -> bool:
    """Whether a message was no use of its key, for its signatures are on record already."""
    return not use.is_certain and all(signature.short in known for signature in use.signatures)


class UnrecordedUses:
    """Those that one process has not told yet. Safe to call from any thread, but for what is said to be the writer's.

    Whoever queues a record calls `note` with the lock of the inbox, and the writer calls `turn` with it.
    """

    def __init__(self, kept: KeptUses) -> None:
        """Begin with none; what is queued is kept in `kept` until it is told."""
        self._kept = kept
        self._lock = threading.Lock()
        self._messages: Counter[UseCell] = Counter()
        self._latest: OrderedDict[str, list[CellUse]] = OrderedDict()
        """What the latest of them added, by the ids of their records."""
        self._met: set[bytes] = set()
        """Signatures of them."""
        self._left: set[CellUse] = set()
        """What killed processes have left."""
        self._is_turn_due = False

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._messages or self._left)

    def note(self, record: MessageRecord) -> None:
        """Keep in mind, through the end of the process too, that `record` is to be written."""
        if not self._kept.has(record):
            with self._lock:
                self._kept.add(record)

    def add(self, record: MessageRecord) -> None:
        """Note that `record` will not be written."""
        uses = list(cell_uses(record))
        ids = {signature.short for use in uses for signature in use.signatures}
        with self._lock:
            self._kept.add(record)
            if ids <= self._met and not any(use.is_certain for use in uses):
                return  # it signed nothing, or is one of them that came again
            if len(self._met) < _MOST_MET:
                self._met |= ids
            if len(self._messages) >= MOST_CELLS:
                uses = [use if use.cell in self._messages else use._replace(cell=folded(use.cell)) for use in uses]
            self._messages.update({use.cell for use in uses})
            self._latest[record.id] = uses
            if len(self._latest) > _MOST_LATEST:
                self._latest.popitem(last=False)

    def take_back(self, record: MessageRecord) -> None:
        """It was written after all: the answer to its COMMIT had been lost."""
        with self._lock:
            self._messages -= Counter({use.cell for use in self._latest.pop(record.id, ())})

    def untold(self) -> Untold:
        """What is to be told."""
        with self._lock:
            return Untold(dict(self._messages), dict(self._latest), frozenset(self._left))

    def forget(self, told: Untold) -> None:
        """It was told."""
        with self._lock:
            self._messages -= Counter(told.messages)
            self._left -= told.left
            for name in told.added:
                self._latest.pop(name, None)  # what was told is not taken back
            if not self._messages:
                self._met.clear()

    # What only the writer's thread calls.

    def look(self) -> None:
        """Before the next group: whether it is time for a turn, and whether another process was killed meanwhile."""
        if not self._is_turn_due and self._kept.prepare_turn():
            self._is_turn_due = True
            self.take_over()

    def take_over(self) -> None:
        """Tell what processes that were killed have left."""
        left = self._kept.left()
        with self._lock:
            self._left |= left

    def turn(self) -> None:
        """No record waits that the writer has not taken: keep what comes from here on apart, if it is time."""
        if self._is_turn_due:
            with self._lock:
                self._kept.turn()
            self._is_turn_due = False

    def sync(self) -> None:
        """Before anything is tried with the database: what is kept survives the machine as well."""
        self._kept.sync()

    def settle(self) -> None:
        """Every record that the writer has taken is written, or was added here: keep no longer what is told."""
        with self._lock:
            if not self:
                self._kept.settle()

    def close(self) -> None:
        """At the end: leave what is not told to the next process."""
        with self._lock:
            self._kept.close(all_told=not self)
