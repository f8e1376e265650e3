"""A bundle of evidence, made: records with everything that proves them to somebody who has no database of ours.

The whole is described in `docs/evidence.md`. It is read from one state of the database, and the same content makes the
same file.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, Engine, Row, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import events, messages
from gateway.ledger.errors import BundleRefused, RecordNotFound
from gateway.ledger.event import HASHED
from gateway.ledger.proof.bundle_archive import (
    CERTIFICATES,
    EVENTS,
    HEADS,
    HISTORY,
    LAYOUTS,
    README,
    RECORDS,
    BundleWriter,
)
from gateway.ledger.proof.chain import hashed_content
from gateway.ledger.proof.signed_heads import stored_head
from gateway.ledger.receipts import layouts_named, stored_layouts
from gateway.ledger.record_rows import read_signer
from keystore import Thumbprint
from keystore.store import KeystoreStore, history_links

MAX_RECORDS: Final = 200_000
"""Records of one bundle: what lies between a record and the next signed end may be an hour's."""
_PAGE: Final = 500

_README: Final = """\
Evidence from a ledger of wssgate

For each record that is named in bundle.json this archive proves, to somebody who has nothing else:
which certificate's key signed the message, what it signed, and that the record stands in a hash chain
whose end was signed by the gateway.

  wssgate ledger verify-bundle FILE --pinned KEYS    checks all of it, without a database

docs/evidence.md of wssgate describes every file, and has a program of some sixty lines that checks
them with Python's standard library and the package cryptography alone.

  bundle.json      which records were asked for, and the SHA-256 of every other file
  records.jsonl    the records, and all records between them and the next signed end of their chain:
                   a chain can only be followed through whole records. The others were not asked for;
                   they hold times, names of operations and keys, sizes and hashes, and no bodies
  events.jsonl     what the gateway signed: the event at that end, and the one that began the chain,
                   which names the gateway's public key
  heads.jsonl      ends of chains that were signed by themselves, where there was no later event
  layouts.json     what is the same in many receipts
  certificates/    the certificates of the signers, in DER and in PEM
  keystore.jsonl   the history of the keystore, from the revision that last changed those certificates'
                   entries before the message, to its newest one

What it does not prove. The public key of the gateway is named by the archive itself: whoever made the
archive could have made a key as well. Compare it with one that came to you another way (--pinned). The
history of the keystore is a hash chain that nobody has signed: compare its end with an anchor that was
kept elsewhere. This text proves nothing.
"""


@dataclass(slots=True)
class _Piece:
    """A part of one chain, from a record that was asked for to what is signed behind it."""

    writer: str
    first: int
    last: int
    event: int | None = None
    """The number of the event that signs it."""
    head: tuple[str, str] | None = None
    """Or the head, with its signature."""


@dataclass(frozen=True, slots=True)
class MadeBundle:
    """What is in a bundle that was made."""

    asked: tuple[str, ...]
    records: int
    """Those between the asked ones and the ends of the pieces included."""
    unsigned: tuple[str, ...]
    """Records that were asked for and that no signed end covers."""
    without_receipt: tuple[str, ...]
    """Those with signers of which no receipt was kept."""
    certificates: int
    missing_certificates: tuple[str, ...] = field(default=())
    """Thumbprints of signers whose certificate is not in the keystore or its history."""


def make_bundle(engine: Engine, ids: Sequence[str], stream: BinaryIO) -> MadeBundle:
    """Write a bundle about the records of these ids into `stream`.

    Raises:
        RecordNotFound: A record is not there.
        BundleRefused: It would be too large.
        DatabaseUnavailable: The database cannot be read.
    """
    certificates = _certificates(engine, ids)
    with reading(engine) as connection:
        asked = [_asked(connection, record_id) for record_id in dict.fromkeys(ids)]
        pieces = _joined([_piece(connection, row.writer, row.sequence) for row in asked])
        count = sum(piece.last - piece.first + 1 for piece in pieces)
        if count > MAX_RECORDS:
            raise BundleRefused(
                f"between these records and the next signed ends of their chains lie {count} records, and a bundle "
                f"holds at most {MAX_RECORDS}: ask for fewer records at once"
            )
        receipts = [row.receipts for row in asked if row.receipts is not None]
        named = {one for text in receipts for one in layouts_named(text)}
        bundle = BundleWriter(stream)
        bundle.add(README, [_README.encode()])
        bundle.add(RECORDS, _record_lines(connection, pieces))
        bundle.add(EVENTS, _event_lines(connection, pieces))
        bundle.add(HEADS, [_line({"head": p.head[0], "signature": p.head[1]}) for p in pieces if p.head is not None])
        bundle.add(LAYOUTS, [_line(stored_layouts(connection, sorted(named)))])
        for thumbprint, (der, pem) in sorted(certificates.items()):
            bundle.add(f"{CERTIFICATES}{thumbprint}.der", [der])
            bundle.add(f"{CERTIFICATES}{thumbprint}.pem", [pem])
        bundle.add(HISTORY, _history_lines(connection, asked))
        bundle.finish(row.id for row in asked)
    signed = [piece for piece in pieces if piece.event is not None or piece.head is not None]
    signers = {signer.entry.thumbprint for row in asked for signer in _signers(row.signers)}
    return MadeBundle(
        asked=tuple(row.id for row in asked),
        records=count,
        unsigned=tuple(row.id for row in asked if not any(_covers(piece, row) for piece in signed)),
        without_receipt=tuple(row.id for row in asked if row.receipts is None and _signers(row.signers)),
        certificates=len(certificates),
        missing_certificates=tuple(sorted(signers - set(certificates))),
    )


def _asked(connection: Connection, record_id: str) -> Row[Any]:
    row = connection.execute(select(messages).where(messages.c.id == record_id)).one_or_none()
    if row is None:
        raise RecordNotFound(f"there is no record {record_id}")
    return row


def _piece(connection: Connection, writer: str, sequence: int) -> _Piece:
    """From the record to the next end of its chain that is signed; the record alone where none is."""
    columns = events.c
    event = connection.execute(
        select(columns.number, columns.records)
        .where(columns.writer == writer, columns.records >= sequence, columns.signature.is_not(None))
        .order_by(columns.number)
        .limit(1)
    ).one_or_none()
    if event is not None:
        return _Piece(writer, sequence, event.records, event=event.number)
    found = stored_head(connection, writer)
    head, signature = (None, None) if found is None else found
    if head is not None and signature is not None and head.records.sequence >= sequence:
        return _Piece(writer, sequence, head.records.sequence, head=(head.text, signature))
    return _Piece(writer, sequence, sequence)


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """One piece for each end, in a fixed order."""
    found: dict[tuple[str, int], _Piece] = {}
    for piece in sorted(pieces, key=lambda one: (one.writer, one.last, one.first)):
        found.setdefault((piece.writer, piece.last), piece)
    return list(found.values())


def _covers(piece: _Piece, row: Row[Any]) -> bool:
    return bool(piece.writer == row.writer and piece.first <= row.sequence <= piece.last)


def _record_lines(connection: Connection, pieces: Sequence[_Piece]) -> Iterator[bytes]:
    written: dict[str, int] = {}
    for piece in pieces:
        # What a piece shares with the one before it is there already.
        place = max(piece.first - 1, written.get(piece.writer, 0))
        while place < piece.last:
            query = (
                select(messages)
                .where(
                    messages.c.writer == piece.writer,
                    messages.c.sequence > place,
                    messages.c.sequence <= min(piece.last, place + _PAGE),
                )
                .order_by(messages.c.sequence)
            )
            rows = connection.execute(query).mappings().all()
            for row in rows:
                yield _line(_link(row, hashed_content(row)))
            place += _PAGE
        written[piece.writer] = piece.last


def _event_lines(connection: Connection, pieces: Sequence[_Piece]) -> Iterator[bytes]:
    wanted = {(piece.writer, 1) for piece in pieces}
    wanted |= {(piece.writer, piece.event) for piece in pieces if piece.event is not None}
    for writer, number in sorted(wanted):
        query = select(events).where(events.c.writer == writer, events.c.number == number)
        row = connection.execute(query).mappings().one_or_none()
        if row is not None:
            content = {name: row[name] for name in HASHED}
            yield _line({**_link(row, content), "signature": row["signature"]})


def _history_lines(connection: Connection, asked: Sequence[Row[Any]]) -> Iterator[bytes]:
    relied_on = {
        (row.keystore_revision, Thumbprint(signer.entry.thumbprint))
        for row in asked
        for signer in _signers(row.signers)
    }
    for link in history_links(connection, relied_on):
        yield _line({"content": link.content, "hash": link.hash, "previous_hash": link.previous_hash})


def _link(row: Mapping[Any, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": content, "hash": row["hash"], "previous_hash": row["previous_hash"]}


def _certificates(engine: Engine, ids: Sequence[str]) -> dict[str, tuple[bytes, bytes]]:
    """The certificates of the records' signers, as DER and PEM, by thumbprint."""
    found: dict[str, tuple[bytes, bytes]] = {}
    keystore = KeystoreStore(engine)
    with reading(engine) as connection:
        query = select(messages.c.signers, messages.c.keystore_revision).where(messages.c.id.in_(list(ids)))
        needed = [
            (Thumbprint(signer.entry.thumbprint), row.keystore_revision)
            for row in connection.execute(query)
            for signer in _signers(row.signers)
        ]
    for thumbprint, revision in sorted(set(needed)):
        if thumbprint not in found:
            certificate = keystore.certificate(thumbprint, revision)
            if certificate is not None:
                pem = certificate.certificate.public_bytes(Encoding.PEM)
                found[thumbprint] = certificate.der, pem
    return found


def _signers(text: str | None) -> Sequence[Any]:
    return [] if text is None else [read_signer(value) for value in json.loads(text)]


def _line(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
