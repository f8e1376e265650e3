"""Anchors: the ends of the hash chains, written down outside the database.

Whoever can rewrite the whole database can cut a chain short and move its head back with it. That shows only beside a
head that was kept elsewhere: in a log, an export, a mail. An anchor is one word, and is found again in any text:

    wssgate.anchor/1,2026-06-01T12:00:00.000000Z,WRITER,SEQUENCE,HASH,PRUNED
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, checkpoints, messages
from keystore import from_microseconds, to_microseconds

_ANCHOR = re.compile(
    r"wssgate\.anchor/1,(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z),(?P<writer>[0-9a-f-]{36}),"
    r"(?P<sequence>\d{1,18}),(?P<hash>[0-9a-f]{64}),(?P<pruned>\d{1,18})(?![0-9A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The end of one writer's chain at some moment."""

    time: datetime
    """The instant of the chain's last record."""
    writer: str
    sequence: int
    """How many records the writer had written."""
    hash: str
    pruned: int
    """How many of them had been pruned."""

    def __str__(self) -> str:
        """The anchor as one word."""
        time = self.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"wssgate.anchor/1,{time},{self.writer},{self.sequence},{self.hash},{self.pruned}"


def find_anchors(text: str) -> Iterator[Anchor]:
    """Every anchor that stands in `text`, which may be a log, an export, or an anchor itself."""
    for match in _ANCHOR.finditer(text):
        try:
            time = datetime.fromisoformat(match["time"])
        except ValueError:
            continue  # the thirteenth month: not written by us
        yield Anchor(time, match["writer"], int(match["sequence"]), match["hash"], int(match["pruned"]))


def anchors(engine: Engine, since: datetime | None = None) -> list[Anchor]:
    """The present ends of the chains whose last record is there, oldest first; with `since` of those that grew since.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    last = and_(messages.c.writer == chains.c.writer, messages.c.sequence == chains.c.sequence)
    query = (
        select(messages.c.time, chains.c.writer, chains.c.sequence, chains.c.hash)
        .add_columns(func.coalesce(checkpoints.c.sequence, 0).label("pruned"))
        .join_from(chains, messages, last)
        .outerjoin(checkpoints, checkpoints.c.writer == chains.c.writer)
        .order_by(messages.c.time, chains.c.writer)
    )
    if since is not None:
        query = query.where(messages.c.time >= to_microseconds(since))
    with reading(engine) as connection:
        return [
            Anchor(from_microseconds(row.time), row.writer, row.sequence, row.hash, row.pruned)
            for row in connection.execute(query)
        ]
