"""Records of the ledger for programs: one JSON object a record, or one line of CSV."""

import json
from typing import Any, Final

from gateway.ledger import Anchor, StatementsAnchor, StoredRecord, row_of
from gateway.present import csv_line, instant_json
from keystore import from_microseconds
from keystore.store import HistoryAnchor

RECORD_SCHEMA: Final = "wssgate.record/1"
ANCHOR_SCHEMA: Final = "wssgate.anchor/1"
HISTORY_ANCHOR_SCHEMA: Final = "wssgate.keystore-anchor/1"
STATEMENTS_ANCHOR_SCHEMA: Final = "wssgate.renewals-anchor/1"

_BEFORE: Final = ("id", "time", "instance", "endpoint", "mode", "kind", "operation", "outcome", "reason", "detail")
_BESIDE: Final = ("soap_version", "message_id", "relates_to")
_MEASURED: Final = (
    "body_sha256",
    "request_bytes",
    "response_bytes",
    "upstream_status",
    "upstream_ms",
    "verify_ms",
    "keystore_revision",
)
_CHAIN: Final = ("writer", "sequence", "previous_hash", "hash")
JSON_FIELDS: Final = (
    *_BEFORE,
    "released",
    "verified_by",
    "recognised",
    "signatures",
    *_BESIDE,
    "warnings",
    *_MEASURED,
    "replay_keys",
    "fresh_until",
    "replay_check",
    "embedded",
    "second_opinion",
    *_CHAIN,
    "server",
    "response_element",
    "signers",
    "clock_offset",
    "attachments",
)
"""The fields of a record's JSON object, in their order."""
CSV_COLUMNS: Final = (
    *_BEFORE,
    "released",
    "keys",
    "thumbprints",
    "recognised_keys",
    "recognised_thumbprints",
    *_BESIDE,
    "warnings",
    *_MEASURED,
    *_CHAIN,
    "server",
    "response_element",
    "signer_keys",
    "signer_thumbprints",
    "clock_offset",
)
"""The columns of the CSV, in their order; several values in one cell are parted by a space."""

_TEXTS_OF_JSON: Final = frozenset(
    {
        "verified_by",
        "recognised",
        "signatures",
        "warnings",
        "replay_keys",
        "embedded",
        "second_opinion",
        "signers",
        "attachments",
    }
)


def record_json(stored: StoredRecord) -> dict[str, Any]:
    """The record as an object of the schema `wssgate.record/1`."""
    values = _values(stored)
    return {"schema": RECORD_SCHEMA, **{name: values[name] for name in JSON_FIELDS}}


def anchor_json(anchor: Anchor) -> dict[str, Any]:
    """The end of a chain as an object of the schema `wssgate.anchor/1`."""
    return {
        "schema": ANCHOR_SCHEMA,
        "anchor": str(anchor),
        "writer": anchor.writer,
        "sequence": anchor.sequence,
        "time": instant_json(anchor.time),
    }


def history_anchor_json(anchor: HistoryAnchor) -> dict[str, Any]:
    """The end of the keystore's history as an object of the schema `wssgate.keystore-anchor/1`."""
    return {
        "schema": HISTORY_ANCHOR_SCHEMA,
        "anchor": str(anchor),
        "revision": anchor.revision,
        "time": instant_json(anchor.time),
    }


def statements_anchor_json(anchor: StatementsAnchor) -> dict[str, Any]:
    """The end of the statements as an object of the schema `wssgate.renewals-anchor/1`."""
    return {
        "schema": STATEMENTS_ANCHOR_SCHEMA,
        "anchor": str(anchor),
        "number": anchor.number,
        "time": instant_json(anchor.time),
    }


def record_csv(stored: StoredRecord) -> str:
    """The record as a line of CSV, without the signatures' particulars."""
    record, values = stored.record, _values(stored)
    values |= {
        "released": "yes" if record.released else "no",
        "keys": " ".join(entry.alias for entry in record.verified_by),
        "thumbprints": " ".join(entry.thumbprint for entry in record.verified_by),
        "recognised_keys": " ".join(entry.alias for entry in record.recognised),
        "recognised_thumbprints": " ".join(entry.thumbprint for entry in record.recognised),
        "warnings": " | ".join(record.warnings),
        "signer_keys": " ".join(signer.entry.alias for signer in record.signers or ()),
        "signer_thumbprints": " ".join(signer.entry.thumbprint for signer in record.signers or ()),
    }
    return csv_line([values[name] for name in CSV_COLUMNS])


def _values(stored: StoredRecord) -> dict[str, Any]:
    """The columns of the record as they are stored, instants and lists made readable."""
    record = stored.record
    values: dict[str, Any] = row_of(record)
    for name in _TEXTS_OF_JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    if values["embedded"] is not None:
        for name in ("not_before", "not_after"):
            values["embedded"][name] = instant_json(from_microseconds(values["embedded"][name]))
    values["attachments"] = values["attachments"] or []
    if values["signers"] is not None:
        values["signers"] = [_signer(signer) for signer in values["signers"]]
    return values | {
        "server": record.server or None,
        "time": instant_json(record.time),
        "fresh_until": instant_json(record.fresh_until),
        "operation": record.operation,
        "reason": record.reason,
        "writer": stored.writer,
        "sequence": stored.sequence,
        "previous_hash": stored.previous_hash,
        "hash": stored.hash,
    }


def _signer(stored: dict[str, Any]) -> dict[str, Any]:
    signed_at = stored["signed_at"]
    signed = None if signed_at is None else instant_json(from_microseconds(signed_at))
    return {**stored.pop("entry"), **stored, "signed_at": signed}
