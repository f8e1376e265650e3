"""A bundle of evidence, verified: with nothing but the file, and the public keys that somebody was given elsewhere.

The steps, each of which is described in `docs/evidence.md`:

1. the archive is one of ours, and every file has the digest that `bundle.json` tells
2. each record, event and revision has the hash of its content behind the hash before it, and follows the one before it
3. each certificate is the one that its name says
4. the event that began a chain names a public key, and is signed with it; so are the other events and the heads
5. each record that was asked for leads, link by link, to an end that is signed
6. each signer's receipt is good under the certificate, over the digests that the record tells
7. the keystore's history says of each signer's certificate what the record says
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.errors import BundleRefused, ReceiptDamaged
from gateway.ledger.event import EventKind
from gateway.ledger.proof.bundle_archive import (
    CERTIFICATES,
    EVENTS,
    HEADS,
    HISTORY,
    LAYOUTS,
    RECORDS,
    BundleReader,
)
from gateway.ledger.proof.bundle_report import BundleReport, RecordProof, SignedEnd
from gateway.ledger.proof.signer_proofs import ProofState, SignerProof, prove_signers
from gateway.ledger.proof.signing_key import is_signed_by
from gateway.ledger.receipts import read_receipts
from gateway.ledger.record import MessageRecord
from gateway.ledger.record_rows import record_of
from keystore import KeystoreError, State, TrustedCertificate, from_microseconds
from keystore.store import HistoryAnchor, StoredEntry

_HEAD: Final = "wssgate.head/1"
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_COLUMNS: Final = frozenset(column.name for column in messages.c)


@dataclass(frozen=True, slots=True)
class _Link:
    previous: str
    hash: str


def verify_bundle(stream: BinaryIO, pinned: Mapping[str, str] | None = None) -> BundleReport:
    """Verify the bundle in `stream`.

    Args:
        stream: The file, from which it can be read at any place.
        pinned: Public keys that came from elsewhere, with their instances; a chain that is signed with none of them is
            a finding. None: it is only told which key signed.

    Raises:
        BundleRefused: It is no bundle, or one that cannot be read.
    """
    walk = _Verification(BundleReader(stream), pinned)
    walk.verify()
    return BundleReport(tuple(dict.fromkeys(walk.findings)), tuple(walk.proofs), walk.history_end)


class _Verification:
    def __init__(self, bundle: BundleReader, pinned: Mapping[str, str] | None) -> None:
        self._bundle = bundle
        self._pinned = pinned
        self.findings: list[str] = []
        self.proofs: list[RecordProof] = []
        self.history_end: HistoryAnchor | None = None
        self._links: dict[tuple[str, int], _Link] = {}
        """Of the records, by writer and sequence."""
        self._asked: dict[str, Mapping[str, Any]] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        """Of each writer: public key and instance, as the event that began its chain names them."""
        self._ends: dict[tuple[str, int], SignedEnd] = {}
        self._certificates: dict[str, TrustedCertificate] = {}
        self._history: dict[str, list[tuple[int, StoredEntry]]] = {}
        """What the keystore held of each certificate from which revision on, in their order."""
        self._newest_revision = 0

    def verify(self) -> None:
        self._read_records()
        self._read_certificates()
        self._read_events()
        self._read_heads()
        self._read_history()
        layouts = self._bundle.json(LAYOUTS)
        if not isinstance(layouts, dict) or not all(isinstance(text, str) for text in layouts.values()):
            raise BundleRefused(f"{LAYOUTS} is no object of texts")
        for record_id in self._bundle.asked:
            content = self._asked.get(record_id)
            if content is None:
                self.findings.append(f"the record {record_id} was asked for, and is not in the bundle")
            else:
                self._prove(record_id, content, layouts)

    def _read_records(self) -> None:
        wanted = frozenset(self._bundle.asked)
        before: tuple[str, int] | None = None
        for number, line in enumerate(self._bundle.lines(RECORDS), start=1):
            content, link = _linked(line, f"line {number} of {RECORDS}")
            match content:
                case {"id": str(record_id), "writer": str(writer), "sequence": int(sequence)}:
                    place = writer, sequence
                case _:
                    raise BundleRefused(f"line {number} of {RECORDS} names no record, writer and place in its chain")
            if before is not None and place <= before:
                raise BundleRefused(f"line {number} of {RECORDS} is not in its order, or there twice")
            before = place
            if _hash(link.previous, content) != link.hash:
                self.findings.append(f"the record {record_id} does not match its hash")
            earlier = self._links.get((writer, sequence - 1))
            if earlier is not None and earlier.hash != link.previous:
                self.findings.append(f"the record {record_id} does not follow the record before it")
            self._links[place] = link
            if record_id in wanted:
                if record_id in self._asked:
                    raise BundleRefused(f"the record {record_id} is in the bundle twice")
                self._asked[record_id] = content

    def _read_certificates(self) -> None:
        for name in sorted(self._bundle.names):
            if not name.startswith(CERTIFICATES):
                continue
            thumbprint, _, kind = name.removeprefix(CERTIFICATES).partition(".")
            data = self._bundle.document(name)
            if kind == "der":
                self._read_certificate(thumbprint, data)
            elif f"{CERTIFICATES}{thumbprint}.der" not in self._bundle.names:
                self.findings.append(f"there is no certificate {thumbprint} in DER beside the one in PEM")
            elif thumbprint in self._certificates and data != _pem(self._certificates[thumbprint]):
                self.findings.append(f"the certificate {thumbprint} in PEM is not the one in DER")

    def _read_certificate(self, thumbprint: str, der: bytes) -> None:
        if hashlib.sha256(der).hexdigest() != thumbprint:
            self.findings.append(f"the certificate {thumbprint} is not the one that its name says")
            return
        try:
            self._certificates[thumbprint] = TrustedCertificate.from_der("signer", der)
        except (KeystoreError, ValueError) as error:
            self.findings.append(f"the certificate {thumbprint} cannot be read: {error}")

    def _read_events(self) -> None:
        for number, line in enumerate(self._bundle.lines(EVENTS), start=1):
            where = f"line {number} of {EVENTS}"
            content, link = _linked(line, where)
            match content:
                case {
                    "writer": str(writer),
                    "number": int(event),
                    "kind": str(kind),
                    "time": int(time),
                    "clock_offset": int(offset),
                    "records": int(records),
                    "records_hash": str(records_hash),
                    "content": str(told),
                }:
                    pass
                case _:
                    raise BundleRefused(f"{where} is no event")
            name = f"event {event} ({kind}) of {writer}"
            if _hash(link.previous, content) != link.hash:
                self.findings.append(f"the {name} does not match its hash")
            if event == 1 and kind == EventKind.STARTED:
                self._keys.setdefault(writer, _named_key(told, where))
            self._note_end(
                f"event {event} ({kind})",
                name,
                line.get("signature"),
                link.hash,
                writer,
                records,
                records_hash,
                time + offset,
            )

    def _read_heads(self) -> None:
        for number, line in enumerate(self._bundle.lines(HEADS), start=1):
            where = f"line {number} of {HEADS}"
            text = line.get("head")
            values = text.split(",") if isinstance(text, str) else []
            if len(values) != 7 or values[0] != _HEAD or not all(_is_decimal(values[i]) for i in (1, 3, 5)):
                raise BundleRefused(f"{where} is no head of a chain")
            _, time, writer, sequence, records_hash, _, _ = values
            self._note_end(
                "head",
                f"head of {writer}",
                line.get("signature"),
                str(text),
                writer,
                int(sequence),
                records_hash,
                int(time),
            )

    def _note_end(
        self, what: str, name: str, signature: object, signed: str, writer: str, sequence: int, hashed: str, at: int
    ) -> None:
        """Note an end of a chain, where its signature is good."""
        public, instance = self._keys.get(writer, ("", ""))
        if not isinstance(signature, str) or not public:
            self.findings.append(f"the {name} is not signed, or nothing names the key")
            return
        if not is_signed_by(public, signed, signature):
            self.findings.append(f"the signature of the {name} is NOT good under the key that its chain names")
            return
        pinned_as = None if self._pinned is None else self._pinned.get(public)
        try:
            instant = from_microseconds(at)
        except OverflowError as error:
            raise BundleRefused(f"the {name} tells an instant that no calendar has") from error
        end = SignedEnd(what, writer, sequence, hashed, instant, instance, public, pinned_as)
        link = self._links.get((writer, sequence))
        if link is not None and link.hash != hashed:
            self.findings.append(f"the {name} names another hash than the record {sequence} of its chain has")
            return
        self._ends.setdefault((writer, sequence), end)

    def _read_history(self) -> None:
        before: tuple[int, str] | None = None
        for number, line in enumerate(self._bundle.lines(HISTORY), start=1):
            where = f"line {number} of {HISTORY}"
            content, link = _linked(line, where)
            match content:
                case {"revision": int(revision), "time": int(time), "changes": list(changes)}:
                    pass
                case _:
                    raise BundleRefused(f"{where} is no revision of a keystore")
            if _hash(link.previous, content) != link.hash:
                self.findings.append(f"the keystore's revision {revision} does not match its hash")
            if before is not None and before != (revision - 1, link.previous):
                self.findings.append(f"the keystore's revision {revision} does not follow the one before it")
            for change in changes:
                thumbprint, text = _changed(change, where)
                if thumbprint in self._certificates:
                    self._history.setdefault(thumbprint, []).append((revision, _entry(text, where)))
            self._newest_revision = revision
            before = revision, link.hash
            try:
                self.history_end = HistoryAnchor(from_microseconds(time), revision, link.hash)
            except OverflowError as error:
                raise BundleRefused(f"{where} tells an instant that no calendar has") from error

    def _prove(self, record_id: str, content: Mapping[str, Any], layouts: Mapping[str, str]) -> None:
        link = self._links[content["writer"], content["sequence"]]
        try:
            row = dict.fromkeys(_COLUMNS) | dict(content)
            record = record_of(row)
            receipts = {} if row["receipts"] is None else read_receipts(row["receipts"], layouts)
            signers = prove_signers(record, receipts, self._certificates.get)
        except ReceiptDamaged as error:
            self.findings.append(f"the receipts of the record {record_id} cannot be read: {error}")
            return
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, KeystoreError) as error:
            raise BundleRefused(f"the record {record_id} has not the columns of one: {error}") from error
        for proof in signers:
            who = f"the record {record_id}, signed with {proof.signer.entry.alias}"
            if proof.state is not ProofState.GOOD:
                self.findings.append(f"{who}: {proof.detail}")
            self._compare_with_history(who, record, proof)
        end, between = self._end_of(content["writer"], content["sequence"])
        if end is None:
            self.findings.append(f"nothing that is signed stands behind the record {record_id}")
        elif self._pinned is not None and end.pinned_as is None:
            self.findings.append(
                f"the record {record_id} rests on the key {end.public_key}, which is not among those that are pinned"
            )
        self.proofs.append(
            RecordProof(record, content["writer"], content["sequence"], link.hash, signers, end, between)
        )

    def _compare_with_history(self, who: str, record: MessageRecord, proof: SignerProof) -> None:
        told = self._history.get(proof.signer.entry.thumbprint, [])
        entry = next((one for revision, one in reversed(told) if revision <= record.keystore_revision), None)
        if entry is None or record.keystore_revision > self._newest_revision:
            self.findings.append(f"{who}: the keystore's history does not tell of that certificate")
            return
        state = entry.state if entry.state is State.PURGED else entry.state_at(record.time)
        if state != proof.signer.state or entry.key_id != proof.signer.entry.key_id:
            self.findings.append(
                f"{who}: it was {state} in the keystore's revision {record.keystore_revision}, "
                f"and the record says {proof.signer.state}"
            )

    def _end_of(self, writer: str, sequence: int) -> tuple[SignedEnd | None, int]:
        """The first signed end behind a record, along links without a gap, and how many records that is."""
        place = sequence
        while (writer, place) in self._links:
            end = self._ends.get((writer, place))
            if end is not None:
                return end, place - sequence + 1
            place += 1
        return None, place - sequence


def _pem(certificate: TrustedCertificate) -> bytes:
    return certificate.certificate.public_bytes(Encoding.PEM)


def _linked(line: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], _Link]:
    match line:
        case {"content": dict(content), "previous_hash": str(previous), "hash": str(hashed)} if _DIGEST.fullmatch(
            previous
        ) and _DIGEST.fullmatch(hashed):
            return content, _Link(previous, hashed)
        case _:
            raise BundleRefused(f"{where} has no content with its hash and the hash before it")


def _hash(previous: str, content: Mapping[str, Any]) -> str | None:
    """The hash of a link; None where nothing like it was ever written."""
    try:
        spelled = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(bytes.fromhex(previous) + spelled.encode()).hexdigest()
    except (ValueError, RecursionError):
        return None


def _named_key(told: str, where: str) -> tuple[str, str]:
    """The public key and the instance that the event which began a chain names."""
    try:
        content = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise BundleRefused(f"the content of {where} is no JSON") from error
    match content:
        case {"public_key": str(public), "instance": str(instance)}:
            return public, instance
        case _:
            return "", ""


def _changed(change: object, where: str) -> tuple[str, str]:
    """The thumbprint of the entry that a change made, and the whole entry."""
    match change:
        case {"thumbprint": str(thumbprint), "entry": str(text)}:
            return thumbprint, text
        case _:
            raise BundleRefused(f"{where} holds a change without an entry")


def _entry(text: str, where: str) -> StoredEntry:
    try:
        return StoredEntry.from_json(text)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleRefused(f"{where} holds an entry that cannot be read") from error


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
