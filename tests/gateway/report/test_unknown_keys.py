"""Whom an unknown key resembles, and what a record says of the message that it signed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from gateway.ledger import MessageRecord, RecordFilter, parse_filter, records
from gateway.ledger.database.ledger_tables import messages
from gateway.ledger.errors import DatabaseUnavailable
from gateway.report import UnknownKeysReport, unknown_keys_report, what_if_trusted
from gateway.report.unknown_key_formats import unknown_keys_json, unknown_keys_table
from gateway.verify import EmbeddedCertificate, Policy, Reason, SignatureReport
from keystore import State, TrustedCertificate, TrustSnapshot
from tests.gateway.ledger.load import rejected, signature
from tests.gateway.report.scene import NEW, OLD, OLDEST, Scene, certificate
from tests.gateway.report.test_renderings import EVIL, _shown
from tests.keystore.issuing import NOON, issue, name


def _embedded(entry: TrustedCertificate, *, good: bool = True) -> EmbeddedCertificate:
    return EmbeddedCertificate(
        subject=entry.subject,
        issuer=entry.issuer,
        serial=entry.serial,
        not_before=entry.not_before,
        not_after=entry.not_after,
        key_id=entry.key_id,
        thumbprint=entry.thumbprint,
        thumbprint_sha1=entry.thumbprint_sha1.hex(),
        signature_good=good,
        der=entry.der,
    )


def _failing(reason: Reason, detail: str) -> SignatureReport:
    return replace(signature(), reason=reason, detail=detail)


def _carrying(entry: TrustedCertificate, *, good: bool = True, **fields: Any) -> MessageRecord:
    values: dict[str, Any] = {
        "reason": "unknown-key" if good else "signature-invalid",
        "embedded": _embedded(entry, good=good),
        "signatures": (_failing(Reason.UNKNOWN_KEY if good else Reason.SIGNATURE_INVALID, "verified"),),
        "time": NOON,
    }
    return rejected(**(values | fields))


UNKNOWN = certificate("unknown", days=-1)
"""Of the same subject and issuer as all of the scene."""


def _nearest(scene: Scene, unknown: TrustedCertificate, *entries: TrustedCertificate) -> list[str]:
    scene.add(_carrying(unknown))
    (key,) = unknown_keys_report(scene.engine, TrustSnapshot.of(*entries), now=NOON).keys
    return [one.sentence for one in key.nearest]


def test_the_nearest_three_are_named_those_that_are_trusted_first(scene: Scene) -> None:
    staged = certificate("acme-2027", days=-1, state=State.STAGED)
    compromised = certificate("acme-2020", days=-350, state=State.RETIRED, revoked=True)
    assert _nearest(scene, UNKNOWN, compromised, OLDEST, staged, OLD, NEW) == [
        "same subject and issuer as acme-2024 (trusted)",
        "same subject and issuer as acme-2026 (trusted)",
        "same subject and issuer as acme-2027 (staged)",
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"common_name": "acme", "key": "acme-2026"}, ["same key as acme-2026 (trusted)"]),
        (
            {"common_name": "acme", "issuer": name("an authority")},
            ["same subject, but another issuer, as acme-2026 (trusted)"],
        ),
        (
            {"common_name": "other", "issuer": name("acme")},
            ["same issuer, but another subject, as acme-2026 (trusted)"],
        ),
        ({"common_name": "other"}, []),
    ],
)
def test_what_a_certificate_has_in_common(scene: Scene, fields: dict[str, Any], sentence: list[str]) -> None:
    unknown = replace(UNKNOWN, certificate=issue(**{"key": "another", **fields}))
    assert _nearest(scene, unknown, NEW) == sentence


def test_a_compromised_one_is_called_that(scene: Scene) -> None:
    compromised = certificate("acme-2020", days=-350, state=State.RETIRED, revoked=True)
    assert _nearest(scene, UNKNOWN, compromised) == ["same subject and issuer as acme-2020 (compromised)"]


def test_a_certificate_that_is_in_the_keystore_by_now_is_told(scene: Scene) -> None:
    scene.add(_carrying(UNKNOWN))
    report = unknown_keys_report(scene.engine, TrustSnapshot.of(OLD, UNKNOWN), now=NOON)
    assert report.keys[0].is_known_by_now
    assert report.keys[0].nearest[0].sentence == "same certificate as unknown (trusted)"


def test_the_table_says_what_is_wrong_with_a_certificate(scene: Scene) -> None:
    evil = TrustedCertificate.from_der(
        "x", replace(UNKNOWN, certificate=issue(key="evil", subject=name(EVIL[:60]), issuer=name("x"))).der
    )
    scene.add(_carrying(evil, good=False), _carrying(UNKNOWN), _carrying(UNKNOWN, good=False, endpoint="orders"))

    def shown(days: int) -> str:
        report = unknown_keys_report(scene.engine, TrustSnapshot.of(), now=NOON + timedelta(days=days))
        return _shown(unknown_keys_table(report))

    table = shown(0)
    assert "\x1b" not in table
    assert "messages   2, 1 with a good signature" in table
    assert "to nothing in the keystore by name or key" in table
    assert "NOT good in any message" in table
    assert "it has expired" in shown(1000)
    assert "it is not valid yet" in shown(-300)


def test_a_report_on_nothing(scene: Scene) -> None:
    report = unknown_keys_report(scene.engine, TrustSnapshot.of(), now=NOON, since=NOON)
    assert report == UnknownKeysReport(NOON, None, NOON, ())
    assert "seen since 2026-06-01 12:00:00" in _shown(unknown_keys_table(report))


def test_a_record_of_a_good_signature_speaks_for_its_message() -> None:
    what_if = what_if_trusted(_carrying(UNKNOWN), UNKNOWN, TrustSnapshot.of(OLD), Policy(required_parts=("Body",)))
    assert (what_if.would_pass, what_if.against) == (True, ())
    assert what_if.not_in_record[0] == "whether what was signed is intact, and covers Body"


@pytest.mark.parametrize(
    ("record", "policy", "against"),
    [
        (_carrying(UNKNOWN, good=False), {}, "the signature is not good under this certificate"),
        (_carrying(UNKNOWN, embedded=None), {}, "the signature is not good under this certificate"),
        (_carrying(UNKNOWN, time=NOON + timedelta(days=999)), {}, "out of its validity when the message came"),
        (_carrying(UNKNOWN, reason="wrapping", detail="two Bodies"), {}, "another reason: wrapping, two Bodies"),
        (
            _carrying(
                UNKNOWN,
                signatures=(_failing(Reason.UNKNOWN_KEY, "verified"), _failing(Reason.DIGEST_MISMATCH, "altered")),
            ),
            {},
            "another signature fails: digest-mismatch, altered",
        ),
    ],
)
def test_what_speaks_against_a_message(record: MessageRecord, policy: dict[str, Any], against: str) -> None:
    what_if = what_if_trusted(record, UNKNOWN, TrustSnapshot.of(OLD), Policy(**policy))
    assert not what_if.would_pass
    assert len(what_if.against) == 1
    assert against in what_if.against[0]


def test_a_key_that_is_compromised_or_too_weak_would_not_pass() -> None:
    compromised = replace(UNKNOWN, revoked=True)
    weak = TrustedCertificate.from_der("weak", replace(UNKNOWN, certificate=issue(key="rsa-1024")).der)
    for entry, word in ((compromised, "compromised"), (weak, "too weak")):
        what_if = what_if_trusted(_carrying(entry), entry, TrustSnapshot.of(compromised), Policy())
        assert [word in one for one in what_if.against] == [True]


def test_where_one_signature_is_enough_others_may_fail() -> None:
    record = _carrying(UNKNOWN, signatures=(_failing(Reason.UNKNOWN_KEY, "a"), _failing(Reason.UNKNOWN_KEY, "b")))
    what_if = what_if_trusted(record, UNKNOWN, TrustSnapshot.of(), Policy(signatures="any"))
    assert what_if.would_pass
    assert "the other 1 of its signatures" in what_if.not_in_record[-1]


def test_a_stranger_chooses_no_more_than_the_length_of_a_line(scene: Scene) -> None:
    long = x509.Name([x509.NameAttribute(NameOID.STREET_ADDRESS, "x" * 30_000)])
    certificate = TrustedCertificate.from_der("x", replace(UNKNOWN, certificate=issue(key="l", subject=long)).der)
    scene.add(_carrying(certificate))
    table = _shown(unknown_keys_table(unknown_keys_report(scene.engine, TrustSnapshot.of(), now=NOON)))
    assert len(table) < 3000


@pytest.mark.parametrize("key", ["rsa-2048", "ed25519", "secp256k1"])
def test_whatever_key_a_certificate_has_it_is_told(scene: Scene, key: str) -> None:
    certificate = TrustedCertificate.from_der("x", replace(UNKNOWN, certificate=issue(key=key, serial=1)).der)
    scene.add(_carrying(certificate, good=False))
    assert "NOT good" in _shown(unknown_keys_table(unknown_keys_report(scene.engine, TrustSnapshot.of(), now=NOON)))


def test_a_certificate_over_a_key_that_cannot_be_used_is_told(scene: Scene) -> None:
    made = issue("x", public_key=X25519PrivateKey.generate().public_key())
    certificate = TrustedCertificate.from_der("x", replace(UNKNOWN, certificate=made).der)
    scene.add(_carrying(certificate, good=False))
    assert "NOT good" in _shown(unknown_keys_table(unknown_keys_report(scene.engine, TrustSnapshot.of(), now=NOON)))


def _counted(report: UnknownKeysReport) -> list[tuple[str, int, int, str]]:
    return [(key.kept.endpoint, key.kept.messages, key.kept.good_messages, key.kept.record) for key in report.keys]


def test_with_a_filter_they_are_counted_over_the_records_that_fit(scene: Scene) -> None:
    other = certificate("other", days=-2)
    get, put, late = "{urn:a}Get", "{urn:a}Put", NOON + timedelta(hours=1)
    first, last = _carrying(UNKNOWN, operation=get), _carrying(UNKNOWN, operation=get, time=late)
    forged = _carrying(UNKNOWN, good=False, operation=get, time=late)
    elsewhere = _carrying(UNKNOWN, operation=put, endpoint="invoices")
    another = _carrying(other, operation=put)
    for record in (first, last, forged, elsewhere, another, rejected("unsigned", operation=get)):
        scene.add(record)

    def found(*words: str) -> list[tuple[str, int, int, str]]:
        wanted = parse_filter(words, NOON)
        report = unknown_keys_report(scene.engine, TrustSnapshot.of(), now=late, wanted=wanted, only=" ".join(words))
        assert unknown_keys_json(report)["filter"] == " ".join(words)
        assert f"only {' '.join(words)}: counted over such records" in " ".join(
            _shown(unknown_keys_table(report)).split()
        )
        return _counted(report)

    assert found("op:Get") == [("orders", 3, 2, last.id)]
    assert found("op:Get", f"until:{late:%Y-%m-%dT%H:%M:%SZ}") == [("orders", 1, 1, first.id)]
    assert found("reason:signature-invalid") == [("orders", 1, 0, forged.id)]
    assert found("op:Put") == [("invoices", 1, 1, elsewhere.id), ("orders", 1, 1, another.id)]
    assert found("endpoint:orders", "op:Put") == [("orders", 1, 1, another.id)]
    assert found("outcome:accepted") == []
    # An unknown key is a key that signed it, where its signature is good.
    for key in (UNKNOWN.thumbprint, UNKNOWN.key_id):
        assert found(f"key:{key}", "endpoint:orders") == [("orders", 2, 2, last.id)]
        assert {one.record.id for one in records(scene.engine, parse_filter([f"key:{key}"], NOON))} == {
            first.id,
            last.id,
            elsewhere.id,
        }


def test_of_a_record_that_was_altered_the_filtered_report_says_so(scene: Scene) -> None:
    scene.add(_carrying(UNKNOWN))
    on = "" if scene.engine.dialect.name == "sqlite" else " ON messages"
    with scene.engine.begin() as connection:
        connection.execute(text(f"DROP TRIGGER messages_are_append_only{on}"))
        connection.execute(messages.update().values(embedded="[]"))
    with pytest.raises(DatabaseUnavailable, match=r"was altered.*wssgate ledger verify"):
        unknown_keys_report(scene.engine, TrustSnapshot.of(), now=NOON, wanted=RecordFilter(outcome="rejected"))
