"""The history, verified: intact, altered, missing or truncated; and the entries, whether they are what it says.

Who, when and why of every change of trust are evidence, and the entries are what is trusted now: both are rows of a
database that somebody may have written to by hand.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, select

from keystore.certificate import State
from keystore.hash_chain import CHAIN_START, Content
from keystore.store.history_anchors import HistoryAnchor
from keystore.store.revision_chain import CHANGE_COLUMNS, REVISION_COLUMNS, revision_hash
from keystore.store.table_definitions import chain, entries, head, history, revisions


class HistoryState(StrEnum):
    """What the verification of the history found."""

    INTACT = "intact"
    ALTERED = "altered"
    """A revision does not fit its hash or differs from an anchor, or the entries are not what the history says."""
    MISSING = "missing"
    """A revision is gone from the beginning or the middle."""
    TRUNCATED = "truncated"
    """The newest revisions are gone."""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The history, verified."""

    state: HistoryState
    revisions: int
    """How many were found good, up to the first finding."""
    revision: int | None
    """Where the first finding is; None in an intact history."""
    detail: str
    """The finding, or what was compared, in half a sentence."""


def verify_history(
    connection: Connection,
    anchors: Iterable[HistoryAnchor] = (),
    *,
    seen_revision: int = 0,
    relied_on: Iterable[tuple[int, str]] = (),
) -> HistoryReport:
    """Verify the history from its first revision on, and hold the entries against it.

    Args:
        connection: In a transaction that sees one state of the database.
        anchors: Ends of the history as they were written down elsewhere: they must lie in it.
        seen_revision: The highest revision that anybody is known to have worked with: it must be there.
        relied_on: Revisions, each with the thumbprint of a certificate that somebody relied on while it was in force:
            it must have been trusted in it.
    """
    walk = _Walk(anchors, relied_on)
    try:
        walk.go(connection)
        walk.compare_with_head(connection)
        walk.compare_with_what_was_seen(seen_revision)
        walk.compare_with_entries(connection)
        walk.compare_with_what_was_relied_on()
    except _Finding as found:
        return HistoryReport(found.state, walk.number, found.revision, str(found))
    return HistoryReport(HistoryState.INTACT, walk.number, None, "every revision from the first on, and the entries")


class _Finding(Exception):  # noqa: N818 - not an error: what the verification is there to find
    """The first thing that is wrong."""

    def __init__(self, state: HistoryState, revision: int, detail: str) -> None:
        super().__init__(detail)
        self.state, self.revision = state, revision


_CHANGE: Final = "change_"
"""Before the names of the columns of a change, of which some are also a revision's."""

_QUERY: Final = (
    select(*REVISION_COLUMNS, chain.c.hash, *(column.label(f"{_CHANGE}{column.name}") for column in CHANGE_COLUMNS))
    .join_from(revisions, chain, chain.c.revision == revisions.c.revision, isouter=True)
    .outerjoin(history, history.c.revision == revisions.c.revision)
    .order_by(revisions.c.revision, history.c.id)
)


class _Walk:
    """The way along the history, from its first revision to its head."""

    def __init__(self, anchors: Iterable[HistoryAnchor], relied_on: Iterable[tuple[int, str]]) -> None:
        self.number = 0
        """The last revision that is good."""
        self._hash = CHAIN_START
        self._noted = sorted(anchors, key=lambda anchor: anchor.revision)
        self._entries: dict[int, tuple[int, str]] = {}
        """What the history says of each entry last: in which revision, and the whole of it."""
        self._relied_on: dict[int, set[str]] = {}
        for revision, thumbprint in relied_on:
            self._relied_on.setdefault(revision, set()).add(thumbprint)
        self._trusted: dict[int, str] = {}
        """The thumbprints that are trusted in the last revision that is good, by entry."""

    def go(self, connection: Connection) -> None:
        rows = connection.execute(_QUERY).mappings()
        for number, changes in groupby(rows, key=itemgetter("revision")):
            self._step(number, list(changes))

    def _step(self, number: int, rows: Sequence[Content]) -> None:
        expected = self.number + 1
        if number != expected:
            raise _Finding(HistoryState.MISSING, expected, _gone(number - expected, "from here on"))
        stored = rows[0]["hash"]
        if stored is None:
            raise _Finding(HistoryState.MISSING, number, "its hash is gone")
        changes = [
            {column.name: row[f"{_CHANGE}{column.name}"] for column in CHANGE_COLUMNS}
            for row in rows
            if row[f"{_CHANGE}id"] is not None
        ]
        if stored != _hash_or_none(self._hash, rows[0], changes):
            raise _Finding(HistoryState.ALTERED, number, "it does not match its hash, or not the revision before it")
        while self._noted and self._noted[0].revision <= number:
            anchor = self._noted.pop(0)
            if anchor.hash != stored:
                raise _Finding(HistoryState.ALTERED, number, "an anchor knows it with another hash")
        self.number, self._hash = number, stored
        self._entries |= {change["entry_id"]: (number, change["entry"]) for change in changes}
        self._trusted |= {change["entry_id"]: _trusted_by(change["entry"]) for change in changes}
        if number in self._relied_on:
            self._relied_on[number] -= set(self._trusted.values())

    def compare_with_head(self, connection: Connection) -> None:
        end = connection.execute(select(head.c.revision, head.c.hash).where(head.c.id == 1)).one_or_none()
        revision, hashed = (0, CHAIN_START) if end is None else end
        if revision < self.number:
            raise _Finding(HistoryState.ALTERED, self.number, "the head of the history does not cover it")
        if revision > self.number:
            self._refuse_cut(revision, "")
        if hashed != self._hash:
            raise _Finding(HistoryState.ALTERED, self.number, "the head of the history has another hash")

    def compare_with_what_was_seen(self, seen_revision: int) -> None:
        """What lies beyond the end, by anchors and by those who worked with it."""
        if self._noted:
            self._refuse_cut(self._noted[-1].revision, ", with the head moved back: an anchor knows them")
        if seen_revision > self.number:
            self._refuse_cut(seen_revision, ", with the head moved back: they were worked with")

    def _refuse_cut(self, revision: int, how: str) -> None:
        gone = _gone(revision - self.number, "at the end")
        raise _Finding(HistoryState.TRUNCATED, self.number + 1, f"{gone}{how}")

    def compare_with_entries(self, connection: Connection) -> None:
        """What is trusted now must be what the history says, or somebody is trusted whom nobody chose."""
        left = dict(self._entries)
        for row in connection.execute(select(entries).order_by(entries.c.id)).mappings():
            number, text = left.pop(row["id"], (self.number, None))
            if text is None:
                detail = f"the entry {row['alias']!r} is in the keystore without any change that put it there"
                raise _Finding(HistoryState.ALTERED, number, detail)
            if not _is(row, text):
                detail = f"the entry {row['alias']!r} is not what its last change, in this revision, made it"
                raise _Finding(HistoryState.ALTERED, number, detail)
        if left:
            row_id, (number, _) = min(left.items())
            raise _Finding(HistoryState.ALTERED, number, f"the entry of row {row_id}, which it changed last, is gone")

    def compare_with_what_was_relied_on(self) -> None:
        """Whoever was trusted for a while, past the history, shows in what he signed meanwhile."""
        for revision, thumbprints in sorted(self._relied_on.items()):
            if thumbprints:
                detail = f"a certificate was relied on that was not trusted in it, SHA-256 {min(thumbprints)}"
                raise _Finding(HistoryState.ALTERED, revision, detail)


def _gone(count: int, where: str) -> str:
    return f"one revision {where} is gone" if count == 1 else f"{count} revisions {where} are gone"


def _hash_or_none(previous: str, revision: Content, changes: Sequence[Content]) -> str | None:
    try:
        return revision_hash(previous, revision, changes)
    except (TypeError, ValueError):
        return None  # a value of a type that was never written


_JOINED_LATER: Final = dict.fromkeys((entries.c.scheduled_end.name, entries.c.replaces.name))


def _trusted_by(text: str) -> str:
    """The thumbprint of the entry in `text` if that is trusted, else nothing."""
    try:
        entry = json.loads(text)
        return str(entry["thumbprint"]) if entry["state"] == State.TRUSTED else ""
    except (ValueError, TypeError, KeyError):
        return ""


def _is(row: Content, text: str) -> bool:
    """Whether the row of an entry has the columns in `text`, which `StoredEntry.to_json` wrote.

    Columns that joined later are in no text from before them, and empty then.
    """
    columns: dict[str, Any] = dict(row)
    if isinstance(columns["certificate"], bytes):
        columns["certificate"] = base64.b64encode(columns["certificate"]).decode()
    try:
        return bool(columns == _JOINED_LATER | json.loads(text))
    except (ValueError, TypeError):
        return False
