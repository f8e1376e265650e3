"""Certificates of unknown signers: each once, so many of them, and none that a good signature backs goes for one that
none does.
"""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import (
    DatabaseUnavailable,
    LedgerWriter,
    MessageRecord,
    find_kept_certificate,
    kept_certificates,
    open_database,
)
from gateway.ledger.database.connections import writing
from gateway.ledger.write.certificate_keeping import MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES
from gateway.verify import EmbeddedCertificate
from gateway.vocabulary import Mode, RecordedOutcome
from keystore import KeyId, Thumbprint
from tests.gateway.ledger.load import NOON, rejected


def _embedded(der: bytes, *, good: bool = True) -> EmbeddedCertificate:
    return EmbeddedCertificate(
        subject="CN=acme",
        issuer="CN=acme",
        serial=4711,
        not_before=NOON,
        not_after=NOON + timedelta(days=1),
        key_id=KeyId("a" * 64),
        thumbprint=Thumbprint(hashlib.sha256(der).hexdigest()),
        thumbprint_sha1="b" * 40,
        signature_good=good,
        der=der,
    )


def _carrying(der: bytes, second: float = 0, *, good: bool = True, **fields: Any) -> MessageRecord:
    values: dict[str, Any] = {
        "reason": "unknown-key" if good else "signature-invalid",
        "time": NOON + timedelta(seconds=second),
        "embedded": _embedded(der, good=good),
    }
    return rejected(**(values | fields))


def _submit(writer: LedgerWriter, records: Iterable[MessageRecord]) -> None:
    for future in [writer.submit(record) for record in records]:
        future.result(20)


def _names(engine: Engine, endpoint: str = "orders") -> list[bytes]:
    return [one.der for one in kept_certificates(engine, endpoint)]


def test_a_certificate_is_kept_once_with_what_was_seen_of_it(writer: LedgerWriter, engine: Engine) -> None:
    records = [
        _carrying(b"one", 0, good=False),
        _carrying(b"one", 30),
        _carrying(b"one", 20, good=False, mode=Mode.OBSERVE, released=True),
    ]
    # In one group and in several.
    _submit(writer, records[:2])
    _submit(writer, records[2:])
    _submit(writer, [_carrying(b"one", 40, endpoint="invoices")])

    here, there = sorted(kept_certificates(engine), key=lambda one: one.endpoint, reverse=True)

    assert (here.endpoint, here.messages, here.good_messages, here.der) == ("orders", 3, 1, b"one")
    assert here.thumbprint == hashlib.sha256(b"one").hexdigest()
    assert here.record == records[1].id  # the last one that proves something
    assert here.last_seen - here.first_seen == timedelta(seconds=30)
    assert (there.endpoint, there.messages) == ("invoices", 1)
    assert find_kept_certificate(engine, "orders", here.thumbprint) == here
    assert find_kept_certificate(engine, "invoices", here.thumbprint) == there
    assert find_kept_certificate(engine, "elsewhere", here.thumbprint) in {here, there}
    assert find_kept_certificate(engine, "orders", Thumbprint("0" * 64)) is None
    assert kept_certificates(engine, since=there.last_seen) == [there]


def test_without_a_good_signature_the_last_record_is_named(writer: LedgerWriter, engine: Engine) -> None:
    records = [_carrying(b"one", number, good=False) for number in range(3)]
    _submit(writer, records[:2])
    _submit(writer, records[2:])
    (found,) = kept_certificates(engine)
    assert (found.record, found.messages, found.good_messages) == (records[2].id, 3, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": RecordedOutcome.ACCEPTED, "reason": None},
        {"outcome": RecordedOutcome.PASSED},
        {"embedded": None},
        {"embedded": _embedded(b"")},
        {"embedded": _embedded(b"x" * (MAX_CERTIFICATE_BYTES + 1))},
    ],
)
def test_what_is_not_kept(writer: LedgerWriter, engine: Engine, fields: dict[str, Any]) -> None:
    _submit(writer, [_carrying(b"one", **fields)])
    assert kept_certificates(engine) == []


def test_the_longest_one_is_kept(writer: LedgerWriter, engine: Engine) -> None:
    _submit(writer, [_carrying(b"x" * MAX_CERTIFICATE_BYTES)])
    assert len(_names(engine)[0]) == MAX_CERTIFICATE_BYTES


def test_a_stranger_pushes_out_nothing_that_a_good_signature_backs(writer: LedgerWriter, engine: Engine) -> None:
    _submit(writer, [_carrying(b"partner", 0), _carrying(b"early", 1, good=False)])
    for start in range(0, 3 * MAX_CERTIFICATES, 50):
        _submit(writer, (_carrying(b"%d" % n, 10 + n, good=False) for n in range(start, start + 50)))

    newest = [b"%d" % n for n in range(3 * MAX_CERTIFICATES - 1, 2 * MAX_CERTIFICATES, -1)]
    assert _names(engine) == [b"partner", *newest]
    # In a group that is larger than what is kept, too.
    _submit(writer, (_carrying(b"large %d" % n, 1000 + n, good=n == 3) for n in range(150)))
    assert _names(engine)[:3] == [b"large 3", b"partner", b"large 149"]
    assert len(_names(engine)) == MAX_CERTIFICATES


def test_of_good_ones_the_newest_are_kept_and_other_endpoints_are_left_alone(
    writer: LedgerWriter, engine: Engine
) -> None:
    _submit(writer, [_carrying(b"elsewhere", endpoint="invoices", good=False)])
    _submit(writer, (_carrying(b"%d" % n, n) for n in range(MAX_CERTIFICATES + 20)))
    assert _names(engine) == [b"%d" % n for n in range(MAX_CERTIFICATES + 19, 19, -1)]
    _submit(writer, [_carrying(b"bad", 5000, good=False)])
    assert b"bad" not in _names(engine)
    assert _names(engine, "invoices") == [b"elsewhere"]


def test_one_that_turns_out_good_stays_from_then_on(writer: LedgerWriter, engine: Engine) -> None:
    _submit(writer, [_carrying(b"partner", 0, good=False)])
    _submit(writer, [_carrying(b"partner", 1)])
    _submit(writer, (_carrying(b"%d" % n, 10 + n, good=False) for n in range(MAX_CERTIFICATES + 20)))
    assert _names(engine)[0] == b"partner"


def test_several_writers_at_once_keep_within_the_bound(migrated_url: str, engine: Engine) -> None:
    def write(number: int) -> None:
        own = open_database(migrated_url)
        writer = LedgerWriter(own, f"host:{number}")
        for start in range(0, 120, 30):
            # The same ones from both sides, in opposite orders.
            some = range(start, start + 30) if number else range(start + 29, start - 1, -1)
            _submit(writer, (_carrying(b"%d" % n, n, good=False) for n in some))
        assert writer.close(20)
        assert (writer.state.failed, writer.last_error) == (0, None)
        own.dispose()

    threads = [Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    writer = LedgerWriter(engine, "last")
    _submit(writer, [_carrying(b"119", 119)])  # what a lock kept from being dropped goes with the next one
    assert writer.close()
    assert len(_names(engine)) == MAX_CERTIFICATES
    assert _names(engine)[0] == b"119"
    # Of those that were never dropped, no message was lost.
    assert kept_certificates(engine)[0].messages == 3


def test_a_certificate_that_was_altered_is_not_taken_for_the_one_that_came(
    writer: LedgerWriter, engine: Engine
) -> None:
    _submit(writer, [_carrying(b"one")])
    thumbprint = kept_certificates(engine)[0].thumbprint
    with writing(engine) as connection:
        connection.execute(text("UPDATE unknown_certificates SET certificate = :other"), {"other": b"two"})
    for read in (lambda: kept_certificates(engine), lambda: find_kept_certificate(engine, "orders", thumbprint)):
        with pytest.raises(DatabaseUnavailable, match="altered in the database"):
            read()
