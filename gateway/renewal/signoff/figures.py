"""Figures: each a name, a value, and the exact question to the ledger whose answer it is.

A document is a JSON object in one spelling only: names sorted, no white space, ASCII. What identifies it is the SHA-256
of that. The questions, each an object with `ask` and (T stands for an instant as RFC 3339 has it, in UTC):

responses         {endpoints, from: T, until: T}: how many records
unexamined        the same: of how many of them nobody looked who signed (they are from before that was recorded)
signed            {endpoints, key_id, from, until}: {messages, accepted, rejected, first, first_record, last,
                  last_record} of those that carry a good signature under that key, whatever became of them
cells             the same by operation and server: a list, sorted, each with `operation` and `server`
reasons           the same: for which reasons how many of those were rejected
days              the same: [[DAY, messages], ...]
watched           {endpoints, from, until}: {seconds, gaps: [[T, T], ...]}: the time in which somebody watched
delivery-times    {endpoints, from, until}: [[guaranteed delivery time, retention], ...] in seconds, that were in use
record            {id}: {at, endpoint, operation, server, outcome, reason, signers: [THUMBPRINT, ...]}
chain-end         {writer, sequence, event_number}: [hash, hash of the event]
keystore-revision {revision}: its hash
keystore-history  {thumbprints, revision}: what was done to these certificates up to that revision, by whom, and why
said              {renewal, number}: what people said of the renewal, up to that statement
statement         {number}: its hash
findings          what does not hold of the chains that the others are read from: nothing

A repeated signature, one that had been on record already, is no use of its key (`gateway.ledger.Role`). Instants are
those of the ledger's clock. `from` and `until` belong to the time, and records are counted up to the ends of chains in
the document's `window`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from gateway.ledger import ChainEnd, ChainEnds
from gateway.present import instant_json
from gateway.renewal.signoff.document_errors import DocumentUnreadable

Question = Mapping[str, Any]

MAX_DOCUMENT_BYTES: Final = 32 * 1024 * 1024
_LAST_PLACE: Final = 2**63 - 1
"""In a chain: what the columns of databases hold."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a document."""

    name: str
    """Unique within the document, the same in each of its kind."""
    value: Any
    """As JSON holds it."""
    question: Question


@dataclass(frozen=True, slots=True)
class Window:
    """What a document was counted over."""

    since: datetime
    until: datetime
    """The last commit before it was made, by the ledger's clock."""
    ends: tuple[ChainEnd, ...]
    """Up to which places of which chains."""
    keystore_revision: int
    statement: int
    """The number of the last statement on renewals; 0 where there is none."""


def canonical(content: Mapping[str, Any]) -> str:
    """The one spelling of a document."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_of(content: Mapping[str, Any]) -> str:
    """What identifies a document."""
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def figures_json(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """Figures as a document holds them."""
    return [{"name": one.name, "question": dict(one.question), "value": one.value} for one in figures]


def window_json(window: Window) -> dict[str, Any]:
    """The window as a document holds it."""
    return {
        "from": instant_json(window.since),
        "until": instant_json(window.until),
        "chains": [
            {
                "writer": one.writer,
                "instance": one.instance,
                "public_key": one.public_key,
                "sequence": one.sequence,
                "hash": one.hash,
                "event_number": one.event_number,
                "event_hash": one.event_hash,
            }
            for one in window.ends
        ],
        "keystore_revision": window.keystore_revision,
        "statement": window.statement,
    }


def read_document(text: bytes, schemas: Iterable[str]) -> dict[str, Any]:
    """A document from somebody else, as far as anything can be read of it.

    Raises:
        DocumentUnreadable: It is none, or of another kind.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise DocumentUnreadable(f"it is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        found = json.loads(text)
        canonical(found)
    except (ValueError, RecursionError) as error:
        raise DocumentUnreadable(
            "it is no JSON; a page in HTML, a PDF or a text is made for people: give the file of --json"
        ) from error
    known = tuple(schemas)
    if not isinstance(found, dict) or found.get("schema") not in known:
        raise DocumentUnreadable(f"its schema is none of {', '.join(known)}")
    return found


def read_figures(content: Mapping[str, Any]) -> tuple[Figure, ...]:
    """The figures of a document.

    Raises:
        DocumentUnreadable: They are none, or two have one name.
    """
    figures = []
    for one in _list(content.get("figures"), "figures"):
        match one:
            case {"name": str(name), "question": {"ask": str(_)} as question, "value": value}:
                figures.append(Figure(name, value, question))
            case _:
                raise DocumentUnreadable("a figure has no name, question and value")
    if len({one.name for one in figures}) < len(figures):
        raise DocumentUnreadable("two figures have the same name")
    return tuple(figures)


def read_window(content: Mapping[str, Any]) -> Window:
    """The window of a document.

    Raises:
        DocumentUnreadable: It has none.
    """
    match content.get("window"):
        case {
            "from": str(since),
            "until": str(until),
            "chains": list(chains),
            "keystore_revision": revision,
            "statement": statement,
        } if _are_places(revision, statement):
            ends = tuple(_chain_end(one) for one in chains)
            if len({one.writer for one in ends}) < len(ends):
                raise DocumentUnreadable("two ends are of the chain of one writer")
            return Window(read_instant(since), read_instant(until), ends, revision, statement)
        case _:
            raise DocumentUnreadable("it does not say over which time and chains it counts")


def read_instant(text: object) -> datetime:
    """An instant as documents hold it.

    Raises:
        DocumentUnreadable: It is none.
    """
    try:
        found = datetime.fromisoformat(text if isinstance(text, str) else "")
        # In UTC it may lie before the first year, or after the last one.
        return found.astimezone(UTC) if found.utcoffset() is not None else _no_instant(text)
    except (ValueError, OverflowError):
        return _no_instant(text)


def _no_instant(text: object) -> NoReturn:
    raise DocumentUnreadable(f"{str(text)[:40]!r} is no instant with a time zone")


def ends_of(found: ChainEnds, since: datetime, keystore_revision: int, statement: int) -> Window:
    """The window from `since` on to these ends.

    It begins later where records from then on may have been pruned, or no gateway recorded anything yet.
    """
    begin = max(one for one in (since, found.kept_since, found.begun) if one is not None)
    until = begin if found.until is None else max(begin, found.until)
    return Window(begin, until, found.ends, keystore_revision, statement)


def _chain_end(one: object) -> ChainEnd:
    match one:
        case {
            "writer": str(writer),
            "instance": str(instance),
            "public_key": str(public_key),
            "sequence": sequence,
            "hash": str(hashed),
            "event_number": event_number,
            "event_hash": str(event_hash),
        } if writer.isprintable() and _are_places(sequence, event_number):
            return ChainEnd(writer, instance, public_key, sequence, hashed, event_number, event_hash)
        case _:
            raise DocumentUnreadable("an end of a chain has no writer, place and hash")


def _are_places(*values: object) -> bool:
    """Whether each is a number that a database can be asked for; a truth value is none."""
    return all(type(value) is int and 0 <= value <= _LAST_PLACE for value in values)


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise DocumentUnreadable(f"it has no {what}")
    return value
