"""Signed ends of chains as words, to be kept outside the database and found again in any text.

    wssgate.signed-head/1,TIME,WRITER,SEQUENCE,HASH,EVENT_NUMBER,EVENT_HASH,PUBLICKEY,SIGNATURE

What stands before PUBLICKEY is the line that is signed (`gateway.ledger.proof.signed_heads`) under another name; both
base64 values are those of `SigningKey`, and empty where a process has no key.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, func, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, events
from gateway.ledger.proof.anchors import Anchor
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.proof.signing_key import SigningKey, is_signed_by
from keystore import CHAIN_START, from_microseconds

SIGNED_HEAD_MARK: Final = "wssgate.signed-head/"
MOST_HEADS: Final = 500
"""Ends of chains that are told at once."""
_HASH = r"[0-9a-f]{64}"
_WORD = re.compile(
    r"wssgate\.signed-head/1,(?P<time>\d{1,17}),(?P<writer>[0-9a-f-]{36}),"
    rf"(?P<sequence>\d{{1,18}}),(?P<hash>{_HASH}),(?P<number>\d{{1,18}}),(?P<event_hash>{_HASH}),"
    r"(?:(?P<key>[0-9A-Za-z+/]{43}=),(?P<signature>[0-9A-Za-z+/]{86}==)|,)(?![0-9A-Za-z+/=])"
)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The ends of one writer's chains, and by whom they are signed."""

    head: Head
    public_key: str
    """In base64; empty where nobody signed."""
    signature: str

    @classmethod
    def of(cls, head: Head, key: SigningKey | None) -> "SignedHead":
        """`head`, signed with `key`; unsigned without one."""
        return cls(head, "", "") if key is None else cls(head, key.public, key.sign(head.text))

    @property
    def holds(self) -> bool:
        """Whether the signature is that of the public key over the head."""
        return bool(self.public_key) and is_signed_by(self.public_key, self.head.text, self.signature)

    @property
    def anchor(self) -> Anchor:
        """Its half about the records; what was pruned is not known of it."""
        records = self.head.records
        return Anchor(from_microseconds(self.head.time), records.writer, records.sequence, records.hash, 0)

    def __str__(self) -> str:
        """The word."""
        values = (self.head.time, *self.head.place, self.public_key, self.signature)
        return ",".join([f"{SIGNED_HEAD_MARK}1", *map(str, values)])


def find_signed_heads(text: str) -> Iterator[SignedHead]:
    """Every signed head that stands in `text`, which may be a log, an export, or one alone; good or not."""
    for match in _WORD.finditer(text):
        records = Link(match["writer"], int(match["sequence"]), match["hash"])
        head = Head(records, int(match["number"]), match["event_hash"], int(match["time"]))
        yield SignedHead(head, match["key"] or "", match["signature"] or "")


def recent_signed_heads(engine: Engine, within: int) -> list[SignedHead]:
    """The ends of the chains that moved within so many microseconds before the one that moved last, oldest first; of
    very many the latest. An end whose signature does not hold is given without one: that is no evidence, and yet may be
    true.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    columns = chains.c
    first = (events.c.writer == columns.writer) & (events.c.number == 1)
    latest = select(func.max(chains.alias().c.time)).scalar_subquery()
    query = (
        select(chains, events.c.content)
        .join(events, first)
        .where(columns.time >= latest - within)
        .order_by(columns.time.desc())
        .limit(MOST_HEADS)
    )
    found: list[SignedHead] = []
    with reading(engine) as connection:
        for row in connection.execute(query):
            link = Link(row.writer, row.sequence, row.hash)
            head = Head(link, row.event_number or 0, row.event_hash or CHAIN_START, row.time or 0)
            signed = SignedHead(head, _public_key(row.content), row.signature or "")
            found.append(signed if signed.holds else SignedHead(head, "", ""))
    return sorted(found, key=lambda one: (one.head.time, one.head.writer))


def _public_key(content: str) -> str:
    """The key that a writer's first event names; empty where it names none."""
    try:
        told = json.loads(content)
        return str(told["public_key"])
    except (ValueError, TypeError, KeyError):
        return ""  # never written by this program
