"""Anchors of the history: its newest revision with its hash, written down outside the database.

Whoever can rewrite the whole database can rewrite the history, or cut it short. That shows only beside a hash that was
kept elsewhere: in a log, an export, a mail. An anchor is one word, and is found again in any text:

    wssgate.keystore-anchor/1,2026-06-01T12:00:00.000000Z,REVISION,HASH
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from keystore.epoch import from_microseconds
from keystore.store.table_definitions import chain, head, revisions

_ANCHOR = re.compile(
    r"wssgate\.keystore-anchor/1,(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z),"
    r"(?P<revision>\d{1,18}),(?P<hash>[0-9a-f]{64})(?![0-9A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class HistoryAnchor:
    """The end of the history at some moment."""

    time: datetime
    """The instant of the newest revision."""
    revision: int
    hash: str

    def __str__(self) -> str:
        """The anchor as one word."""
        time = self.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"wssgate.keystore-anchor/1,{time},{self.revision},{self.hash}"


def find_history_anchors(text: str) -> Iterator[HistoryAnchor]:
    """Every anchor of a history that stands in `text`, which may be a log, an export, or an anchor itself."""
    for match in _ANCHOR.finditer(text):
        try:
            time = datetime.fromisoformat(match["time"])
        except ValueError:
            continue  # the thirteenth month: not written by us
        yield HistoryAnchor(time, int(match["revision"]), match["hash"])


def history_anchor(connection: Connection) -> HistoryAnchor | None:
    """The present end of the history; None before the first revision, or where the end is not there."""
    query = (
        select(revisions.c.time, revisions.c.revision, chain.c.hash)
        .join_from(head, revisions, revisions.c.revision == head.c.revision)
        .join(chain, chain.c.revision == head.c.revision)
        .where(head.c.id == 1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else HistoryAnchor(from_microseconds(row.time), row.revision, row.hash)
