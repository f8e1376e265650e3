"""Records for tests, and a process that writes them under load.

`python load.py URL START COUNT` prints the id of each acknowledged record; with every 300th it tells a heartbeat.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ledger import EventKind, LedgerWriter, MessageRecord, SigningKey, new_record_id, open_database
from gateway.verify import CheckResult, HintReport, KeyCheck, Reason, SignatureReport, SignedPart, Signer, VerifiedBy
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome
from keystore import Alias, HintKind, KeyId, State, Thumbprint

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OPERATIONS = ("{urn:orders}GetOrder", "{urn:orders}PlaceOrder", None)

OLD = VerifiedBy(Alias("acme-2024"), KeyId("a" * 64), Thumbprint("1" * 64))
NEW = VerifiedBy(Alias("acme-2026"), KeyId("b" * 64), Thumbprint("2" * 64))
RENEWED = VerifiedBy(Alias("acme-2025"), KeyId("a" * 64), Thumbprint("3" * 64))
"""Another certificate over the key of `OLD`."""


def signature(*entries: VerifiedBy) -> SignatureReport:
    """A report with every field set to something of its own."""
    return SignatureReport(
        id="SIG-1",
        signature_algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        canonicalization="http://www.w3.org/2001/10/xml-exc-c14n#",
        hint=HintReport(HintKind.ISSUER_SERIAL, "CN=Acme, serial 4711", agreed=True),
        parts=(
            SignedPart(
                "Body", "/Envelope/Body", "#body", "http://www.w3.org/2001/04/xmlenc#sha256", "d" * 64, intact=True
            ),
        ),
        checks=(
            *(KeyCheck(entry, State.TRUSTED, CheckResult.VERIFIED) for entry in entries),
            KeyCheck(RENEWED, State.RETIRED, CheckResult.REFUSED, Reason.RETIRED_KEY),
        ),
        verified_by=entries,
        reason=None,
        detail="good",
    )


def accepted(*entries: VerifiedBy, **fields: Any) -> MessageRecord:
    """A record of a message that was accepted under the keys of `entries`; `fields` override the others.

    `number` is that of its signature, under all of the keys.
    """
    values: dict[str, Any] = {
        "id": new_record_id(),
        "time": NOON,
        "instance": "host:1",
        "endpoint": "orders",
        "mode": Mode.ENFORCE,
        "kind": MessageKind.MESSAGE,
        "operation": OPERATIONS[0],
        "outcome": RecordedOutcome.ACCEPTED,
        "reason": None,
        "detail": "verified",
        "released": True,
        "verified_by": entries,
        "signatures": (signature(*entries),),
        "soap_version": "1.1",
        "body_sha256": "c" * 64,
        "request_bytes": 700,
        "response_bytes": 5400,
        "upstream_status": 200,
        "upstream_ms": 12.5,
        "verify_ms": 0.25,
        "keystore_revision": 1,
    }
    values |= fields
    # Every message of its own has a signature of its own; a message that comes again has its number.
    number = values.pop("number", None)
    if "signers" not in values:
        seed = str(values["id"]).replace("-", "").ljust(64, "0") if number is None else signature_id(number)
        values["signers"] = (
            *(signer(entry, seed) for entry in values["verified_by"]),
            *(signer(entry, seed, state=State.RETIRED) for entry in values.get("recognised", ())),
        )
    return MessageRecord(**values)


def signature_id(number: int) -> str:
    """The id of the signature of that number: they differ in their first octets, as digests do."""
    return f"{number:024x}".ljust(64, "0")


def signer(entry: VerifiedBy, number: int | str, **fields: Any) -> Signer:
    """The key of `entry` made the signature of that number."""
    values: dict[str, Any] = {
        "entry": entry,
        "state": State.TRUSTED,
        "signature": 0,
        "signature_id": number if isinstance(number, str) else signature_id(number),
        "covers": ("Body",),
    }
    return Signer(**(values | fields))


def rejected(reason: str, **fields: Any) -> MessageRecord:
    """A record of a message that was rejected and not delivered."""
    values: dict[str, Any] = {
        "outcome": RecordedOutcome.REJECTED,
        "reason": reason,
        "released": False,
        "signatures": (),
    }
    return accepted(**(values | fields))


def mixture(number: int) -> MessageRecord:
    """The `number`-th record of a load in which cells, hours, keys and outcomes change."""
    fields: dict[str, Any] = {
        "operation": OPERATIONS[number % 3],
        "endpoint": ("orders", "invoices")[number % 2],
        "time": NOON + timedelta(minutes=7 * number, microseconds=number),
    }
    if number % 5 == 0:
        return rejected("retired-key", recognised=(RENEWED,), **fields)
    return accepted(*((OLD, RENEWED), (NEW,))[number % 2], **fields)


def _write(url: str, start: int, count: int) -> None:
    key = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    writer = LedgerWriter(open_database(url), f"load:{start}", key=key)
    writer.tell(EventKind.CONFIGURATION, {"endpoints": {}})
    for number in range(start, start + count):
        if number % 300 == 299:
            writer.tell(EventKind.HEARTBEAT, {"endpoints": {}, "keystore_revision": 1})

        def acknowledge(future: Any) -> None:
            sys.stdout.write(f"{future.result().record.id}\n")
            sys.stdout.flush()

        writer.submit(mixture(number)).add_done_callback(acknowledge)
    writer.close()


if __name__ == "__main__":
    _write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
