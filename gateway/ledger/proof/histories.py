"""The ends of the two histories that people make, the keystore's and that of the statements, as events note them.

Who may write the database could cut a history short, or write it anew with all of its hashes. The events of gateways
are signed, and note where both histories ended when they were written: `{"keystore": [revision, hash], "renewals":
[number, hash]}`. All that was ever noted must lie in the histories, for each of them is verified from its beginning.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import renewal_statements, renewal_statements_head
from gateway.ledger.event import Event
from gateway.ledger.proof.ledger_findings import ChainState, Finding
from gateway.ledger.statements import Statement, StatementsAnchor, statement_hash, statements_anchor
from keystore import CHAIN_START, from_microseconds
from keystore.store import HistoryAnchor, HistoryState, history_anchor, verify_history

KEYSTORE: Final = "keystore"
RENEWALS: Final = "renewals"
_ABOUT: Final = "statements"

Noted = tuple[int, str]
"""A number and its hash."""


def history_ends(connection: Connection) -> dict[str, list[Any]]:
    """Where both histories end now, as an event notes it; 0 and the beginning of a chain where there is nothing yet."""
    keystore, statements = history_anchor(connection), statements_anchor(connection)
    return {
        KEYSTORE: [0, CHAIN_START] if keystore is None else [keystore.revision, keystore.hash],
        RENEWALS: [0, CHAIN_START] if statements is None else [statements.number, statements.hash],
    }


def broken_histories(engine: Engine) -> list[str]:
    """What does not hold of both histories by themselves, a sentence each without its full stop.

    It costs as much as the histories are long, which people make; whether somebody wrote one anew from its beginning
    only `verify_ledger` tells.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        keystore = verify_history(connection)
        found = [] if keystore.state is HistoryState.INTACT else [f"the history of the keystore: {keystore.detail}"]
        statements = NotedHistories().statement_findings(connection, ())
        return [*found, *(f"the {one.about}: {one.detail}" for one in statements)]


class NotedHistories:
    """What events noted of the histories."""

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._keystore: dict[Noted, int] = {}
        """With the instant of the first event that noted it, by the ledger's clock."""
        self._statements: dict[Noted, int] = {}

    def note(self, event: Event) -> None:
        """Take down what an event that is good says of them; older ones say nothing."""
        ends: Mapping[str, Any] = event.content.get("histories", {})
        for name, noted in ((KEYSTORE, self._keystore), (RENEWALS, self._statements)):
            if name in ends and ends[name][0]:
                number, hashed = ends[name]
                noted.setdefault((number, hashed), event.at)

    @property
    def of_keystore(self) -> tuple[HistoryAnchor, ...]:
        """The ends of the keystore's history, to be verified like anchors."""
        return tuple(HistoryAnchor(from_microseconds(at), *end) for end, at in self._keystore.items())

    def statement_findings(self, connection: Connection, anchors: Iterable[StatementsAnchor]) -> Iterator[Finding]:
        """What is wrong with the statements: the first finding of the chain, and what lies beyond its end.

        Args:
            connection: In a transaction that sees one state of the database.
            anchors: Ends that were written down elsewhere.
        """
        known: dict[int, dict[str, str]] = {}
        for number, hashed in self._statements:
            known.setdefault(number, {})[hashed] = "an event of a gateway"
        for anchor in anchors:
            known.setdefault(anchor.number, {}).setdefault(anchor.hash, "an anchor")
        number, hashed, at = 0, CHAIN_START, 0
        for row in connection.execute(select(renewal_statements).order_by(renewal_statements.c.number)).mappings():
            found = _wrong_with(row, number, hashed, at, known)
            if found is not None:
                yield found
                return
            number, hashed, at = row["number"], row["hash"], row["at"]
        yield from _beyond(connection, number, hashed, known)


def _wrong_with(
    row: Mapping[Any, Any], number: int, hashed: str, at: int, known: Mapping[int, Mapping[str, str]]
) -> Finding | None:
    """What is wrong with the statement behind the one of this number, hash and instant."""
    expected = number + 1
    if type(row["number"]) is not int or row["number"] < expected:
        return Finding(_ABOUT, ChainState.ALTERED, f"number {row['number']} was never written by this program")
    if row["number"] != expected:
        gone = row["number"] - expected
        return Finding(_ABOUT, ChainState.MISSING, f"number {expected}{_to(gone)} is gone")
    if row["previous_hash"] != hashed or row["hash"] != _hash_or_none(row):
        detail = f"number {expected} does not match its hash, or not the one before it"
        return Finding(_ABOUT, ChainState.ALTERED, detail)
    for other, who in known.get(expected, {}).items():
        if other != row["hash"]:
            return Finding(_ABOUT, ChainState.ALTERED, f"{who} knows number {expected} with another hash")
    if not Statement.of_row(row).content:
        return Finding(_ABOUT, ChainState.ALTERED, f"number {expected} holds nothing that this program wrote")
    if row["at"] < at:
        return Finding(_ABOUT, ChainState.ALTERED, f"the time of number {expected} runs backwards")
    return None


def _beyond(
    connection: Connection, number: int, hashed: str, known: Mapping[int, Mapping[str, str]]
) -> Iterator[Finding]:
    """What the end of the statements says against whoever knew them to go further."""
    columns = renewal_statements_head.c
    head = connection.execute(select(columns.number, columns.hash).where(columns.id == 1)).one_or_none()
    if head is None:
        yield Finding(_ABOUT, ChainState.MISSING, "the note of how many there are is gone")
    elif type(head.number) is int and head.number > number:
        yield Finding(_ABOUT, ChainState.TRUNCATED, f"number {number + 1}{_to(head.number - number - 1)} is gone")
    elif (head.number, head.hash) != (number, hashed):
        yield Finding(_ABOUT, ChainState.ALTERED, "the note of where they end is not that of the last one")
    further = max((noted for noted in known if noted > number), default=None)
    if further is not None and (head is None or type(head.number) is not int or head.number < further):
        who = next(iter(known[further].values()))
        detail = f"number {number + 1}{_to(further - number - 1)} is gone, with the end moved back: {who} knows it"
        yield Finding(_ABOUT, ChainState.TRUNCATED, detail)


def _to(more: int) -> str:
    return f", with {more} more," if more else ""


def _hash_or_none(row: Mapping[Any, Any]) -> str | None:
    try:
        return statement_hash(row["previous_hash"], row)
    except (TypeError, ValueError):
        return None  # a value of a type that was never written
