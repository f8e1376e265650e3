"""A `MessageRecord` as a row of the database, and back.

Texts come from messages, so they are bounded here: an attacker's operation name of ten megabytes becomes 512
characters in the ledger, not ten megabytes in three tables. What was cut ends in an ellipsis.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final

from gateway.cross_check import CrossCheck, Opinion
from gateway.ledger.errors import RecordRefused
from gateway.ledger.record import MessageRecord
from gateway.verify import (
    AttachmentReport,
    CheckResult,
    EmbeddedCertificate,
    HintReport,
    KeyCheck,
    Reason,
    SignatureReport,
    SignedPart,
    Signer,
    VerifiedBy,
)
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome
from keystore import Alias, HintKind, KeyId, State, Thumbprint, from_microseconds, to_microseconds

Row = dict[str, Any]

MAX_NAME = 512
"""Characters of an operation, message id or other name."""
MAX_DETAIL = 2000
"""Characters of a sentence."""
MAX_ITEMS = 64
"""Entries of a list (signatures, parts, keys, warnings) that are kept."""
MAX_SIGNERS = 256
"""Signers that are kept: more than certificates over the keys of `MAX_SIGNATURES` signatures ever are."""
_MAX_INTEGER = 2**63 - 1

_FEW: Final = 16
"""Key checks of one signature that are looked for among those seen before; of more, looking would cost as much."""

# Made once: json.dumps makes an encoder for every text.
_COMPACT: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_SHORT: Final = 256
"""Characters of a text of which it is remembered how it is quoted."""
NO_LIST: Final = "[]"
"""How a list without entries is stored."""

_INSTANTS = {"time", "fresh_until"}
_JSON = {"embedded", "second_opinion", "attachments"}
_LISTS = {"verified_by", "recognised", "signatures", "warnings", "replay_keys"}
_EMPTY_FOR_NONE = {"operation", "reason"}
_WORDS: Final[Mapping[str, type[StrEnum]]] = {"mode": Mode, "kind": MessageKind, "outcome": RecordedOutcome}


def row_of(record: MessageRecord) -> Row:
    """The columns of `record`, without those of the hash chain.

    Raises:
        RecordRefused: A value cannot be stored: an instant without time zone, a number out of range or not finite.
    """
    try:
        row: Row = {
            "id": stored_text(record.id),
            "time": to_microseconds(record.time),
            "instance": _own(record.instance),
            "endpoint": _own(record.endpoint),
            "mode": _own(record.mode),
            "kind": _own(record.kind),
            "operation": stored_text(record.operation or ""),
            "outcome": _own(record.outcome),
            "reason": _own(record.reason or ""),
            "detail": stored_text(record.detail, MAX_DETAIL),
            "released": bool(record.released),
            "verified_by": _entries(record.verified_by),
            "recognised": _entries(record.recognised),
            "signatures": _listed([_signature(s) for s in record.signatures[:MAX_ITEMS]]),
            "soap_version": _optional(record.soap_version),
            "message_id": _optional(record.message_id),
            "relates_to": _optional(record.relates_to),
            "warnings": _listed([_usual(warning) for warning in record.warnings[:MAX_ITEMS]]),
            "body_sha256": stored_text(record.body_sha256),
            "request_bytes": _integer(record.request_bytes),
            "response_bytes": _integer(record.response_bytes),
            "upstream_status": None if record.upstream_status is None else _integer(record.upstream_status),
            "upstream_ms": _number(record.upstream_ms),
            "verify_ms": _number(record.verify_ms),
            "keystore_revision": _integer(record.keystore_revision),
            "replay_keys": _list(_replay_keys(record)),
            "fresh_until": None if record.fresh_until is None else to_microseconds(record.fresh_until),
            "replay_check": bool(record.replay_check),
            "server": stored_text(record.server),
            "response_element": _optional(record.response_element),
            "signers": None if record.signers is None else _listed([_signer(s) for s in record.signers[:MAX_SIGNERS]]),
            "receipts": None,
            "clock_offset": None if record.clock_offset is None else _microseconds(record.clock_offset),
            "embedded": None if record.embedded is None else _json(_embedded(record.embedded)),
            "second_opinion": None if record.second_opinion is None else _json(_opinion(record.second_opinion)),
            "attachments": _json([asdict(one) for one in record.attachments]) if record.attachments else None,
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise RecordRefused(f"the record {record.id} cannot be stored: {error}") from error
    return row


def record_of(row: Mapping[str, Any]) -> MessageRecord:
    """The record that a row holds."""
    values: dict[str, Any] = {}
    for field in fields(MessageRecord):
        value = row[field.name]
        if field.name in _INSTANTS:
            value = None if value is None else from_microseconds(value)
        elif field.name in _EMPTY_FOR_NONE:
            value = value or None
        elif field.name in _LISTS or (field.name in _JSON and value is not None):
            value = json.loads(value)
        values[field.name] = value
    for name, words in _WORDS.items():
        values[name] = _word(words, values[name])
    values["verified_by"] = tuple(_read_entry(v) for v in values["verified_by"])
    values["recognised"] = tuple(_read_entry(v) for v in values["recognised"])
    values["server"] = values["server"] or ""
    values["signers"] = (
        None if values["signers"] is None else tuple(read_signer(s) for s in json.loads(values["signers"]))
    )
    if values["clock_offset"] is not None:
        values["clock_offset"] = timedelta(microseconds=values["clock_offset"])
    values["signatures"] = tuple(_read_signature(s) for s in values["signatures"])
    values["embedded"] = _read_embedded(values["embedded"])
    values["second_opinion"] = _read_opinion(values["second_opinion"])
    values["attachments"] = tuple(AttachmentReport(**one) for one in values["attachments"] or ())
    values["warnings"] = tuple(values["warnings"])
    values["replay_keys"] = tuple(values["replay_keys"])
    return MessageRecord(**values)


def stored_text(text: str, limit: int = MAX_NAME) -> str:
    """`text` as every database can hold it: no lone surrogates, no NUL, at most `limit` characters."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():  # most are; quicker to ask than to encode
        return str(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return str(text)


@lru_cache(maxsize=256)
def _own(text: str) -> str:
    """The same of a word of our own: few, in every record."""
    return stored_text(text)


def _optional(text: str | None) -> str | None:
    return None if text is None else stored_text(text)


def _replay_keys(record: MessageRecord) -> list[str]:
    # Unlike other lists this one is never cut short: a key that is not remembered is one that may come again.
    if len(record.replay_keys) > MAX_ITEMS:
        raise ValueError(f"it has more than {MAX_ITEMS} signatures to remember against replay attacks")
    return [str(key) for key in record.replay_keys]


def _integer(value: int) -> int:
    number = int(value)
    if abs(number) > _MAX_INTEGER:
        raise ValueError(f"{number} is out of range")
    return number


def _number(value: float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not JSON compliant, and no measurement")
    return number


def _json(value: object) -> str:
    return _COMPACT.encode(value)


def _list(values: list[Any]) -> str:
    return _json(values) if values else NO_LIST


@lru_cache(maxsize=256)
def _entries(entries: tuple[VerifiedBy, ...]) -> str:
    """The same few keys verify message after message."""
    return _list([_entry(entry) for entry in entries[:MAX_ITEMS]])


def _entry(entry: VerifiedBy) -> dict[str, str]:
    return {"alias": str(entry.alias), "key_id": str(entry.key_id), "thumbprint": str(entry.thumbprint)}


def _read_entry(value: Mapping[str, str]) -> VerifiedBy:
    return VerifiedBy(
        alias=Alias(value["alias"]), key_id=KeyId(value["key_id"]), thumbprint=Thumbprint(value["thumbprint"])
    )


# What a signature says is the same from message to message but for ids and digests: what stays the same is written
# once, and put together with the rest.


def _signature(report: SignatureReport) -> str:
    checks = _checks(report.checks) if len(report.checks) <= _FEW else _checks.__wrapped__(report.checks)
    return (
        f'{{"id":{_quoted_or_null(report.id)},"signature_algorithm":{_usual(report.signature_algorithm)},'
        f'"canonicalization":{_usual(report.canonicalization)},"hint":{_hint(report.hint)},'
        f'"parts":{_listed([_part(part) for part in report.parts[:MAX_ITEMS]])},"checks":{checks},'
        f'"verified_by":{_entries(report.verified_by)},"reason":{_quoted_or_null(report.reason)},'
        f'"detail":{_quoted(report.detail, MAX_DETAIL)}}}'
    )


def _signer(signer: Signer) -> str:
    # In this order, which `gateway.ledger.read.seen_later` looks for: whose it is, and whether it is a use.
    return (
        f'{{"entry":{_one_entry(signer.entry)},"needed":{"true" if signer.needed else "false"},'
        f'"repeated":{"true" if signer.repeated else "false"},"state":"{signer.state}","signature":{signer.signature},'
        f'"signature_id":{_quoted(signer.signature_id)},"covers":{_names(signer.covers[:MAX_ITEMS])},'
        f'"signed_at":{"null" if signer.signed_at is None else to_microseconds(signer.signed_at)}}}'
    )


@lru_cache(maxsize=256)
def _one_entry(entry: VerifiedBy) -> str:
    return _json(_entry(entry))


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> str:
    return _list([stored_text(name) for name in names])


def read_signer(value: Mapping[str, Any]) -> Signer:
    """A signer as a row's JSON holds it."""
    return Signer(
        entry=_read_entry(value["entry"]),
        state=State(value["state"]),
        signature=int(value["signature"]),
        signature_id=str(value["signature_id"]),
        covers=tuple(map(str, value["covers"])),
        needed=bool(value["needed"]),
        signed_at=None if value["signed_at"] is None else from_microseconds(value["signed_at"]),
        repeated=bool(value["repeated"]),
    )


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _part(part: SignedPart) -> str:
    return (
        f'{{"name":{_usual(part.name)},"path":{_usual(part.path)},"uri":{_quoted(part.uri)},'
        f'"digest_algorithm":{_usual(part.digest_algorithm)},"digest":{_quoted(part.digest)},'
        f'"intact":{"true" if part.intact else "false"}}}'
    )


@lru_cache(maxsize=256)
def _hint(hint: HintReport) -> str:
    return _json({"kind": str(hint.kind), "named": stored_text(hint.named), "agreed": hint.agreed})


@lru_cache(maxsize=256)
def _checks(checks: tuple[KeyCheck, ...]) -> str:
    # With a thousand trusted keys a thousand checks fail on every message: those that tell something come first.
    telling = sorted(checks, key=lambda c: c.result not in {CheckResult.VERIFIED, CheckResult.REFUSED})
    return _list([_check(check) for check in telling[:MAX_ITEMS]])


def _check(check: KeyCheck) -> dict[str, object]:
    return {
        "entry": _entry(check.entry),
        "state": str(check.state),
        "result": str(check.result),
        "refusal": None if check.refusal is None else str(check.refusal),
    }


def _quoted(text: str, limit: int = MAX_NAME) -> str:
    """`text` as JSON, as long as it may be."""
    return encode_basestring(stored_text(text, limit))


def _usual(text: str) -> str:
    """The same of what is mostly the same from message to message; what is longer than that is not remembered."""
    return _remembered(text) if len(text) <= _SHORT else _quoted(text)


_remembered: Final = lru_cache(maxsize=512)(_quoted)


def _quoted_or_null(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _listed(texts: list[str]) -> str:
    """A JSON list of what is JSON already."""
    return f"[{','.join(texts)}]"


def _read_signature(value: Mapping[str, Any]) -> SignatureReport:
    hint = value["hint"]
    return SignatureReport(
        id=value["id"],
        signature_algorithm=value["signature_algorithm"],
        canonicalization=value["canonicalization"],
        hint=HintReport(kind=HintKind(hint["kind"]), named=hint["named"], agreed=hint["agreed"]),
        parts=tuple(SignedPart(**part) for part in value["parts"]),
        checks=tuple(
            KeyCheck(
                entry=_read_entry(check["entry"]),
                state=State(check["state"]),
                result=CheckResult(check["result"]),
                refusal=_read_reason(check["refusal"]),
            )
            for check in value["checks"]
        ),
        verified_by=tuple(_read_entry(v) for v in value["verified_by"]),
        reason=_read_reason(value["reason"]),
        detail=value["detail"],
    )


def _embedded(certificate: EmbeddedCertificate) -> dict[str, object]:
    """Names and hashes; the certificate's bytes are left out, whose size a stranger chose."""
    return {
        "subject": stored_text(certificate.subject),
        "issuer": stored_text(certificate.issuer),
        # As text: a serial number has up to 20 octets, and JSON readers disagree about such numbers.
        "serial": stored_text(str(certificate.serial)),
        "not_before": to_microseconds(certificate.not_before),
        "not_after": to_microseconds(certificate.not_after),
        "key_id": str(certificate.key_id),
        "thumbprint": str(certificate.thumbprint),
        "thumbprint_sha1": stored_text(certificate.thumbprint_sha1),
        "signature_good": certificate.signature_good,
    }


def _read_embedded(value: Mapping[str, Any] | None) -> EmbeddedCertificate | None:
    if value is None:
        return None
    return EmbeddedCertificate(
        subject=value["subject"],
        issuer=value["issuer"],
        serial=int(value["serial"]),
        not_before=from_microseconds(value["not_before"]),
        not_after=from_microseconds(value["not_after"]),
        key_id=KeyId(value["key_id"]),
        thumbprint=Thumbprint(value["thumbprint"]),
        thumbprint_sha1=value["thumbprint_sha1"],
        signature_good=value["signature_good"],
        der=b"",
    )


def _opinion(opinion: CrossCheck) -> dict[str, str]:
    return {"opinion": str(opinion.opinion), "detail": stored_text(opinion.detail)}


def _read_opinion(value: Mapping[str, str] | None) -> CrossCheck | None:
    return None if value is None else CrossCheck(Opinion(value["opinion"]), value["detail"])


def _word(words: type[StrEnum], value: str) -> str:
    """`value` as one of `words`; as it is, where somebody has altered the row: what verifies the chain tells of it."""
    try:
        return words(value)
    except ValueError:
        return value


def _read_reason(value: str | None) -> Reason | None:
    return None if value is None else Reason(value)
