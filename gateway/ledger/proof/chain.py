"""The hash chains of the ledger (`keystore.hash_chain`): each record is a link, and each writer has a chain of its own.

A removed record leaves a gap in the sequence; records removed at the end are missed by the head, which is kept apart.
"""

import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from gateway.ledger.record_rows import Row
from gateway.made_often import made_often
from keystore import CHAIN_START, link_hash

_HASHES: Final = frozenset({"previous_hash", "hash"})
_ADDED_LATER: Final = (
    *("embedded", "second_opinion"),
    *("server", "response_element", "signers", "receipts", "clock_offset", "attachments"),
)
"""Columns younger than the first schema: left out where they are NULL, so that older rows keep their digests."""


@made_often(frozen=True, slots=True)
class Link:
    """The last row of a chain: who wrote it, the how manieth it is, its hash."""

    writer: str
    sequence: int
    hash: str

    @classmethod
    def first(cls) -> "Link":
        """The beginning of a new chain, of a new writer."""
        return cls(str(uuid.uuid4()), 0, CHAIN_START)

    def extend(self, row: Row) -> "Link":
        """Add the chain's columns to `row` and return the new end."""
        sequence = self.sequence + 1
        row["writer"], row["sequence"] = self.writer, sequence
        hashed = digest(self.hash, row)
        row["previous_hash"], row["hash"] = self.hash, hashed
        return Link(self.writer, sequence, hashed)


def digest(previous: str, row: Row) -> str:
    """The hash of `row`, which follows a row of the hash `previous`."""
    return link_hash(previous, row, _not_hashed(row))


def digest_or_none(previous: str, row: Row) -> str | None:
    """The same; None where the row holds a value of a type that was never written."""
    try:
        return digest(previous, row)
    except (TypeError, ValueError, KeyError):
        return None


def hashed_content(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What of `row` its hash is over."""
    absent = _not_hashed(row)
    return {name: value for name, value in row.items() if name not in absent}


def _not_hashed(row: Mapping[Any, Any]) -> frozenset[str]:
    return _absent(tuple([row.get(name) is None for name in _ADDED_LATER]))


@lru_cache(maxsize=64)
def _absent(are_null: tuple[bool, ...]) -> frozenset[str]:
    """What is not hashed, by which of the younger columns are NULL: few combinations, in many rows."""
    return _HASHES | {name for name, is_null in zip(_ADDED_LATER, are_null, strict=True) if is_null}
