"""Uses of keys, counted: how many messages a certificate's key signed, per cell, role and outcome.

A message counts for each known certificate under whose key a signature of it is good, whatever became of it. Of one
certificate that made several signatures of a message the strongest role counts.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from gateway.ledger.hours import hour_of
from gateway.ledger.record import MessageRecord, Role
from gateway.ledger.record_rows import MAX_SIGNERS, NO_LIST, stored_text
from gateway.verify import Signer
from gateway.vocabulary import RecordedOutcome
from keystore import to_microseconds

Cell = tuple[str, str, str, str, str, str, str, str]
"""Endpoint, operation, server, thumbprint, key id, alias, role, outcome."""
HourlyCell = tuple[str, str, str, str, str, str, str, str, int]
"""A cell, and the hour in which its messages lie, by the ledger's clock."""
Count = list[int | None]
"""Messages, first, last (microseconds by the ledger's clock), and the latest instant of signing that a signed
Timestamp tells, by the signer's clock; None where none does."""

Signed = tuple[str, str, str, bool, bool, int | None]
"""Of one signature of a certificate's key: thumbprint, key id, alias, whether it was needed, whether it was a
repetition, and when it was made as far as a signed Timestamp tells."""

_decode: Final = json.JSONDecoder().decode

_STRENGTH: Final = {Role.NEEDED: 2, Role.PRESENT: 1, Role.REPEATED: 0}

CELL: Final = ("endpoint", "operation", "server", "thumbprint", "key_id", "alias", "role", "outcome")


def role_of(*, needed: bool, repeated: bool, outcome: str) -> Role:
    """What a signature was to a message that came to `outcome`.

    A repetition is no use where the message was rejected: a stranger can send it. One that was accepted is a message
    like any other, which would be rejected without the key.
    """
    if repeated and outcome != RecordedOutcome.ACCEPTED:
        return Role.REPEATED
    return Role.NEEDED if needed else Role.PRESENT


@lru_cache(maxsize=64)
def _role(needed: bool, repeated: bool, outcome: str) -> tuple[int, str]:
    """How strong the role is, and the role."""
    role = role_of(needed=needed, repeated=repeated, outcome=outcome)
    return _STRENGTH[role], role.value


class Uses:
    """Counts, by cell and hour: what is told of a longer time can be held against the roll-ups of each hour."""

    __slots__ = ("counts",)

    def __init__(self, counts: dict[HourlyCell, Count] | None = None) -> None:
        """Start from `counts`."""
        self.counts = counts if counts is not None else {}

    def __bool__(self) -> bool:
        """Whether anything was counted."""
        return bool(self.counts)

    def count(
        self, endpoint: str, operation: str, server: str, outcome: str, signers: Iterable[Signed], instant: int
    ) -> None:
        """Count a message of `instant`, by the ledger's clock."""
        strongest: dict[str, tuple[int, str, Signed]] = {}
        for signed in signers:
            thumbprint, _, _, needed, repeated, _ = signed
            strength, role = _role(needed, repeated, outcome)
            found = strongest.get(thumbprint)
            if found is None or strength > found[0]:
                strongest[thumbprint] = strength, role, signed
            elif strength == found[0] and signed[5] is not None:
                # Only one of its signatures may cover the Timestamp.
                known = found[2][5]
                latest = signed[5] if known is None else max(known, signed[5])
                strongest[thumbprint] = strength, role, (*signed[:5], latest)
        for _, role, (thumbprint, key_id, alias, _, _, signed_at) in strongest.values():
            self.add(
                (endpoint, operation, server, thumbprint, key_id, alias, role, outcome),
                [1, instant, instant, signed_at],
            )

    def count_record(self, record: MessageRecord, operation: str, instant: int) -> None:
        """Count a record under the name that its operation is counted by."""
        if record.signers:
            server = stored_text(record.server)
            signers = map(_signed, record.signers[:MAX_SIGNERS])  # as many as the row holds
            self.count(stored_text(record.endpoint), operation, server, str(record.outcome), signers, instant)

    def add(self, cell: Cell, count: Sequence[int | None]) -> None:
        """Add what was counted elsewhere, all of it within one hour."""
        # Numbers but for the last; this is done for every record.
        messages, first, last, signed = cast(tuple[int, int, int, int | None], count)
        key = (*cell, hour_of(first))
        found: Any = self.counts.get(key)
        if found is None:
            self.counts[key] = list(count)
            return
        found[0] += messages
        if first < found[1]:
            found[1] = first
        if last > found[2]:
            found[2] = last
        if signed is not None and (found[3] is None or signed > found[3]):
            found[3] = signed

    def merge(self, other: "Uses") -> "Uses":
        """Add all of `other`, and give what came out."""
        for key, count in other.counts.items():
            self.add(key[:-1], count)
        return self

    def copy(self) -> "Uses":
        """The same counts, to go on with."""
        return Uses({cell: list(count) for cell, count in self.counts.items()})

    def by_cell(self) -> dict[Cell, Count]:
        """The counts of all hours together."""
        together: dict[Cell, Count] = {}
        for key, (messages, first, last, signed) in self.counts.items():
            found = together.setdefault(key[:-1], [0, first, last, None])
            found[0] = _int(found[0]) + _int(messages)
            found[1] = min(_int(found[1]), _int(first))
            found[2] = max(_int(found[2]), _int(last))
            if signed is not None:
                found[3] = signed if found[3] is None else max(found[3], signed)
        return together

    def rows(self) -> list[list[Any]]:
        """The counts as an event holds them, in a fixed order: a row for each hour, which its instants tell."""
        return [[*key[:-1], *count] for key, count in sorted(self.counts.items(), key=lambda pair: pair[0])]

    @classmethod
    def of_rows(cls, rows: Iterable[Sequence[Any]]) -> "Uses":
        """The counts that an event holds."""
        uses = cls()
        for row in rows:
            names, count = row[: len(CELL)], row[len(CELL) :]
            uses.add(tuple(names), count)
        return uses


def count_row(uses: Uses, row: Mapping[Any, Any], operation: str) -> None:
    """Count a record as the database holds it; of one from before signers were recorded there is nothing to count.

    Raises:
        ValueError: What it says of its signers was never written by this program; or TypeError, or KeyError.
    """
    if row["signers"] is None or row["signers"] == NO_LIST:
        return
    signers = [
        (
            one["entry"]["thumbprint"],
            one["entry"]["key_id"],
            one["entry"]["alias"],
            one["needed"],
            one["repeated"],
            one["signed_at"],
        )
        for one in _decode(row["signers"])
    ]
    instant = row["time"] + (row["clock_offset"] or 0)
    uses.count(row["endpoint"], operation, row["server"] or "", row["outcome"], signers, instant)


def _signed(signer: Signer) -> Signed:
    entry = signer.entry
    signed_at = None if signer.signed_at is None else to_microseconds(signer.signed_at)
    return str(entry.thumbprint), str(entry.key_id), str(entry.alias), signer.needed, signer.repeated, signed_at


def _int(value: int | None) -> int:
    return value or 0
