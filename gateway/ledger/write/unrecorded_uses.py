"""Uses of keys in messages that could not be recorded: nothing was delivered, and yet somebody signed with the key.

A message that comes while the database is away is refused, and has no record. For whoever wants to retire its key it is
a use like any other: its server still signs with that key. So the process keeps in mind which keys signed what it could
not record, and tells it with the first transaction that succeeds (`unrecorded` in `gateway.ledger.event`).

What a process knows is gone when it is killed before that.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Final

from gateway.ledger.record import MessageRecord, Role
from gateway.ledger.record_rows import MAX_SIGNERS, stored_text
from gateway.ledger.uses import Uses
from gateway.present import OTHER_OPERATIONS
from gateway.vocabulary import RecordedOutcome

MOST_CELLS: Final = 1000
"""Cells that are told apart; operations beyond are counted together, for a client can make up what it asks for."""

_MOST_LATEST: Final = 4096
"""Records of which it is remembered what they added: several times as many as one transaction has."""

_Cell = tuple[str, str, str, str, str, str, str]
"""Endpoint, operation, server, thumbprint, key id, alias, role."""


class UnrecordedUses:
    """Those that one process has not told yet. Safe to call from any thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._messages: Counter[_Cell] = Counter()
        self._latest: OrderedDict[str, Counter[_Cell]] = OrderedDict()
        """What the latest of them added, by the ids of their records."""

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._messages)

    def add(self, record: MessageRecord) -> None:
        """Note that `record` will not be written."""
        signers = (record.signers or ())[:MAX_SIGNERS]
        added: Counter[_Cell] = Counter()
        with self._lock:
            for entry, needed in {(signer.entry, signer.needed) for signer in signers}:
                role = Role.NEEDED if needed else Role.PRESENT
                operation, server = stored_text(record.operation or ""), stored_text(record.server)
                key = str(entry.thumbprint), str(entry.key_id), str(entry.alias), role.value
                cell = stored_text(record.endpoint), operation, server, *key
                if cell not in self._messages and len(self._messages) >= MOST_CELLS:
                    cell = stored_text(record.endpoint), OTHER_OPERATIONS, "", *key
                added[cell] += 1
                self._messages[cell] += 1
            self._latest[record.id] = added
            if len(self._latest) > _MOST_LATEST:
                self._latest.popitem(last=False)

    def take_back(self, record: MessageRecord) -> None:
        """It was written after all: the answer to its COMMIT had been lost."""
        with self._lock:
            self._messages -= self._latest.pop(record.id, Counter())

    def untold(self) -> Mapping[_Cell, int]:
        """How many messages there are by cell."""
        with self._lock:
            return dict(self._messages)

    def forget(self, told: Mapping[_Cell, int]) -> None:
        """They were told."""
        with self._lock:
            self._messages -= Counter(told)
            self._latest.clear()  # what was told is not taken back


def told_uses(untold: Mapping[_Cell, int], now: int) -> Uses:
    """The same as an event tells it at the instant `now` by the ledger's clock.

    They came before; what is dated too late keeps a gate shut for longer, and what is dated too early would open it.
    """
    uses = Uses()
    for cell, messages in untold.items():
        uses.add((*cell, RecordedOutcome.FAILED.value), (messages, now, now, None))
    return uses
