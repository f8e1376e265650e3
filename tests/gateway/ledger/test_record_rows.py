import dataclasses
import json
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from gateway.cross_check import CrossCheck, Opinion
from gateway.ledger import RecordRefused
from gateway.ledger.record_rows import MAX_DETAIL, MAX_ITEMS, MAX_NAME, record_of, row_of
from gateway.verify import AttachmentReport, CheckResult, EmbeddedCertificate, KeyCheck, Reason
from keystore import KeyId, State, Thumbprint
from keystore.hash_chain import canonical
from tests.gateway.ledger.load import NEW, NOON, OLD, RENEWED, accepted, mixture, rejected, signature, signer

FULL = accepted(
    OLD,
    NEW,
    recognised=(RENEWED,),
    signatures=(signature(OLD), signature(NEW)),
    message_id="urn:uuid:1",
    relates_to="urn:uuid:0",
    warnings=("unprotected-prefix", "unbound"),
    replay_keys=("e" * 64, "f" * 64),
    fresh_until=NOON + timedelta(minutes=5, microseconds=7),
    replay_check=True,
    embedded=EmbeddedCertificate(
        subject="CN=orders,O=ACME",
        issuer="CN=ACME CA",
        serial=2**159 - 1,
        not_before=NOON,
        not_after=NOON + timedelta(days=730),
        key_id=KeyId("c" * 64),
        thumbprint=Thumbprint("4" * 64),
        thumbprint_sha1="5" * 40,
        signature_good=True,
        der=b"",
    ),
    attachments=(
        AttachmentReport("one@example", "image/png", 5, "a" * 64, True, True),
        AttachmentReport("", "", 0, "b" * 64, False, included=True, is_token=True),
    ),
    second_opinion=CrossCheck(Opinion.NOT_JUDGED, "libxmlsec knows no STR-Transform"),
    response_element="{urn:orders}GetOrderResponse",
    server="backend-7",
    signers=(
        signer(OLD, 1, signed_at=NOON - timedelta(seconds=2, microseconds=3), needed=True),
        signer(RENEWED, 2, signature=1, state=State.RETIRED, covers=("Timestamp", "{urn:x}ü"), needed=False),
        signer(NEW, 2, signature=1, state=State.STAGED, covers=(), repeated=True),
    ),
    clock_offset=timedelta(seconds=-3, microseconds=5),
)
BARE = rejected("not-soap", operation=None, soap_version=None, upstream_status=None)
BEFORE = replace(BARE, signers=None)
"""As recorded before signers were looked for."""


@pytest.mark.parametrize("record", [FULL, BARE, BEFORE], ids=["full", "bare", "before"])
def test_a_record_comes_back_as_it_was(record: Any) -> None:
    row = row_of(record)
    assert record_of(row) == record
    assert canonical(row_of(record)) == canonical(row)


@pytest.mark.parametrize("number", range(12))
def test_what_is_put_together_by_hand_is_what_an_encoder_of_json_writes(number: int) -> None:
    odd = dataclasses.replace(signature(OLD), id='"\\\u2028\x07ü', reason=Reason.WRAPPING, detail="\U0001f600")
    record = (FULL, BARE, dataclasses.replace(FULL, signatures=(odd, signature(NEW)), detail="%s\n"))[number % 3]
    row = row_of(record) if number < 3 else row_of(mixture(number))
    row["sequence"], row["released"] = 2**62, number % 2 == 0
    assert canonical(row).decode() == json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)
    hashed = {name: value for name, value in row.items() if name not in {"embedded", "hash"}}
    assert canonical(row, {"embedded", "hash"}) == canonical(hashed)
    signatures = row["signatures"]
    assert json.dumps(json.loads(signatures), separators=(",", ":"), ensure_ascii=False) == signatures


def test_the_full_record_has_every_field_set() -> None:
    defaults = {f.name for f in dataclasses.fields(FULL) if getattr(FULL, f.name) in (None, (), "", 0)}
    assert defaults == {"reason"}


def test_an_instant_in_another_zone_is_the_same_instant() -> None:
    shifted = dataclasses.replace(FULL, time=NOON.astimezone(timezone(timedelta(hours=9))))
    assert row_of(shifted) == row_of(FULL)


def test_what_comes_from_messages_is_bounded() -> None:
    long = "x" * 10_000_000
    many = tuple(KeyCheck(OLD, State.TRUSTED, CheckResult.FAILED) for _ in range(1000))
    report = dataclasses.replace(signature(NEW), checks=(*many, *signature(NEW).checks), id=long)
    row = row_of(
        dataclasses.replace(
            FULL, operation=long, detail=long, message_id=long, warnings=(long,) * 1000, signatures=(report,) * 1000
        )
    )
    assert len(row["operation"]) == len(row["message_id"]) == MAX_NAME
    assert row["operation"].endswith("x…")
    assert len(row["detail"]) == MAX_DETAIL
    kept = record_of(row)
    assert len(kept.warnings) == len(kept.signatures) == len(kept.signatures[0].checks) == MAX_ITEMS
    assert {c.result for c in kept.signatures[0].checks} >= {CheckResult.VERIFIED, CheckResult.REFUSED}
    assert len(canonical(row)) < 5_000_000


def test_text_that_no_database_can_hold_is_replaced() -> None:
    row = row_of(dataclasses.replace(FULL, operation="{urn:\ud800x}a\0b", detail="\udfff"))
    assert (row["operation"], row["detail"]) == ("{urn:?x}a\N{REPLACEMENT CHARACTER}b", "?")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"time": NOON.replace(tzinfo=None)}, "has no time zone"),
        ({"upstream_ms": float("nan")}, "not JSON compliant"),
        ({"request_bytes": 2**63}, "out of range"),
        ({"verify_ms": None}, "float"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecordRefused, match=sentence):
        row_of(dataclasses.replace(FULL, **change))
