"""Statements: what people say of renewals, one after the other, in one chain of hashes.

Nothing of it was measured. A statement is never changed or removed: who takes something back says so in another one.
The chain is spelled like every other here (`keystore.hash_chain`); its end goes into the events of the writers and into
the anchors, so that statements cannot be cut off or written anew without a trace.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.clock import followed_clock, server_or_latest
from gateway.ledger.database.connections import explain, reading, writing
from gateway.ledger.database.ledger_tables import renewal_statements, renewal_statements_head
from gateway.ledger.errors import DatabaseUnavailable
from gateway.ledger.event import content_text
from keystore import CHAIN_START, from_microseconds, link_hash, to_microseconds

HASHED: Final = ("number", "renewal", "kind", "at", "told_at", "who", "content")
"""The columns that a statement's hash is over."""
_ANCHOR: Final = re.compile(
    r"wssgate\.renewals-anchor/1,(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z),"
    r"(?P<number>\d{1,18}),(?P<hash>[0-9a-f]{64})(?![0-9A-Za-z])"
)
_EPOCH: Final = from_microseconds(0)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that somebody said."""

    number: int
    """From 1 on."""
    renewal: str
    """The name of the renewal that it is about; empty where it is about none."""
    kind: str
    at: datetime
    """When it was recorded, by the ledger's clock."""
    told_at: datetime
    """The same by the clock of the machine on which it was said."""
    who: str
    """Who typed it."""
    content: Mapping[str, Any]
    """Empty where the row holds nothing that this program wrote."""
    hash: str

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> "Statement":
        """The statement in a row of the table; of a damaged one as much as there is."""
        at, told_at = _instant(row["at"]), _instant(row["told_at"])
        content = _content(row["content"])
        is_numbered = type(row["number"]) is int
        is_whole = is_numbered and at is not None and told_at is not None
        return cls(
            row["number"] if is_numbered else 0,
            str(row["renewal"]),
            str(row["kind"]),
            at or _EPOCH,
            told_at or _EPOCH,
            str(row["who"]),
            content if is_whole else {},
            str(row["hash"]),
        )


@dataclass(frozen=True, slots=True)
class StatementsAnchor:
    """The end of the statements at some moment. As one word:

    wssgate.renewals-anchor/1,2026-06-01T12:00:00.000000Z,NUMBER,HASH
    """

    time: datetime
    """When the last of them was recorded, by the ledger's clock."""
    number: int
    hash: str

    def __str__(self) -> str:
        """The anchor as one word."""
        time = self.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"wssgate.renewals-anchor/1,{time},{self.number},{self.hash}"


def add_statement(
    engine: Engine,
    renewal: str,
    kind: str,
    who: str,
    content: Mapping[str, Any],
    told_at: datetime,
    *,
    check: Callable[[Sequence[Statement]], object] = len,
) -> Statement:
    """Append a statement to those that there are, one at a time.

    It gets the ledger's time, which the clock of whoever says it does not move; only where no gateway ever told the
    time, and the database has no clock, it is that one. No statement is earlier than the one before it.

    Args:
        engine: The ledger's database.
        renewal: Which renewal it is about; empty for none.
        kind: What it says.
        who: Who typed it.
        content: What JSON can spell.
        told_at: Now by the clock of this machine, with a time zone.
        check: Given all statements that there are, while nobody can add another one: what it raises keeps this one out.

    Raises:
        DatabaseUnavailable: It could not be written; nothing was.
        ValueError: `told_at` has no time zone, or `content` holds what JSON cannot spell.
    """
    told, text = to_microseconds(told_at), content_text(content)
    try:
        with writing(engine) as connection:
            last, previous, last_at = _end_to_append_to(connection)
            check(list(statements_in(connection)))
            clock = followed_clock()
            clock.sync(connection)
            knows_time = server_or_latest(connection) > 0
            row: dict[str, Any] = {
                "number": last + 1,
                "renewal": str(renewal),
                "kind": str(kind),
                "at": max(clock.now() if knows_time else told, last_at),
                "told_at": told,
                "who": str(who),
                "content": text,
            }
            row |= {"previous_hash": previous, "hash": statement_hash(previous, row)}
            connection.execute(insert(renewal_statements).values(row))
            head = {"number": row["number"], "hash": row["hash"]}
            connection.execute(update(renewal_statements_head).where(renewal_statements_head.c.id == 1).values(head))
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the statement was not recorded: {explain(error, engine)}") from error
    return Statement.of_row(row)


def read_statements(engine: Engine) -> list[Statement]:
    """Every statement, in the order in which they were made.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        return list(statements_in(connection))


def statements_in(connection: Connection) -> Iterator[Statement]:
    """The same, in the transaction of `connection`."""
    rows = connection.execute(select(renewal_statements).order_by(renewal_statements.c.number))
    yield from map(Statement.of_row, rows.mappings())


def statement_hash(previous: str, row: Mapping[Any, Any]) -> str:
    """The hash of the statement in `row` that follows one of the hash `previous`.

    Raises:
        TypeError: A value is of a type that was never written.
        ValueError: The same, or `previous` is no hash.
    """
    return link_hash(previous, {name: row[name] for name in HASHED})


def statements_anchor(connection: Connection) -> StatementsAnchor | None:
    """The present end of the statements; None before the first one."""
    columns = renewal_statements.c
    query = select(columns.at, columns.number, columns.hash).order_by(columns.number.desc())
    with connection.execute(query) as rows:
        # What is no number sorts last on SQLite, which lets anybody put in what he likes.
        row = next((one for one in rows if type(one.number) is int), None)
    return None if row is None else StatementsAnchor(_instant(row.at) or _EPOCH, row.number, row.hash)


def find_statements_anchors(text: str) -> Iterator[StatementsAnchor]:
    """Every anchor of statements that stands in `text`, which may be a log, an export, or an anchor itself."""
    for match in _ANCHOR.finditer(text):
        try:
            time = datetime.fromisoformat(match["time"])
        except ValueError:
            continue  # the thirteenth month: not written by us
        yield StatementsAnchor(time, int(match["number"]), match["hash"])


def _end_to_append_to(connection: Connection) -> tuple[int, str, int]:
    """Number, hash and instant of the last statement; whoever asks next waits until this transaction has ended."""
    columns = renewal_statements_head.c
    head = connection.execute(select(columns.number, columns.hash).where(columns.id == 1).with_for_update()).one()
    at = select(renewal_statements.c.at).where(renewal_statements.c.number == head.number)
    return head.number, head.hash or CHAIN_START, connection.execute(at).scalar_one_or_none() or 0


def _instant(value: object) -> datetime | None:
    if type(value) is not int:
        return None
    try:
        return from_microseconds(value)
    except OverflowError:
        return None


def _content(text: object) -> Mapping[str, Any]:
    try:
        content = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
