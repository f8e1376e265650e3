"""One entry: its identities, its state in time, and certificates that no issuer should have made."""

import hashlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from keystore import (
    Alias,
    AliasInvalid,
    HintKind,
    KeyHint,
    KeyId,
    State,
    Thumbprint,
    TrustedCertificate,
    UnreadableKeyFile,
)
from tests.keystore.issuing import NOON, der_of, entry, issue, pem_of, signing_key, with_bytes_changed

SECOND = timedelta(seconds=1)


def test_identities_are_digests_of_certificate_and_key() -> None:
    certificate = issue("acme")
    acme = entry("acme", certificate)
    der = der_of(certificate)
    info = signing_key("acme").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert acme.der == der
    assert acme.thumbprint == hashlib.sha256(der).hexdigest()
    assert acme.thumbprint_sha1 == hashlib.sha1(der, usedforsecurity=False).digest()
    assert acme.key_id == hashlib.sha256(info).hexdigest()
    assert (acme.subject, acme.issuer, acme.serial) == ("CN=acme", "CN=acme", 5)
    assert acme.not_before == certificate.not_valid_before_utc
    assert acme.not_after == certificate.not_valid_after_utc


def test_from_pem_and_from_der_give_the_same_entry() -> None:
    certificate = issue("acme")
    pem = pem_of(certificate)
    assert (
        TrustedCertificate.from_pem("acme", pem)
        == TrustedCertificate.from_pem("acme", pem.decode())
        == TrustedCertificate.from_der("acme", der_of(certificate))
    )


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x30\x82\x01"])
def test_what_is_no_certificate_is_said_so(data: bytes) -> None:
    with pytest.raises(UnreadableKeyFile, match="no PEM certificate can be read for acme"):
        TrustedCertificate.from_pem("acme", data)
    with pytest.raises(UnreadableKeyFile, match="no DER certificate can be read for acme"):
        TrustedCertificate.from_der("acme", data)


@pytest.mark.parametrize("alias", ["", " ", "-a", "a b", "a\n", "ä", "a" * 65, "../a", "a:b"])
def test_an_alias_is_a_plain_name(alias: str) -> None:
    with pytest.raises(AliasInvalid, match="cannot be an alias"):
        Alias(alias)


def test_the_trust_window_decides_the_state_in_time() -> None:
    windowed = TrustedCertificate(
        Alias("acme"), issue("acme"), trusted_from=NOON, trusted_until=NOON + timedelta(hours=1)
    )
    assert windowed.state_at(NOON - SECOND) is State.STAGED
    assert windowed.state_at(NOON) is State.TRUSTED
    assert windowed.state_at(NOON + timedelta(hours=1) - SECOND) is State.TRUSTED
    assert windowed.state_at(NOON + timedelta(hours=1)) is State.RETIRED
    assert windowed.with_state(State.STAGED).state_at(NOON) is State.STAGED
    assert entry("acme").state_at(NOON) is State.TRUSTED


def test_validity_includes_both_ends() -> None:
    acme = entry("acme")
    assert acme.is_valid_at(acme.not_before)
    assert acme.is_valid_at(acme.not_after)
    assert not acme.is_valid_at(acme.not_before - SECOND)
    assert not acme.is_valid_at(acme.not_after + SECOND)


def test_the_key_identifier_comes_from_the_extension_or_the_key() -> None:
    given = entry("acme", issue("acme", extensions=[x509.SubjectKeyIdentifier(b"12345678")]))
    assert given.subject_key_identifier == b"12345678"
    derived = x509.SubjectKeyIdentifier.from_public_key(signing_key("acme").public_key()).digest
    assert entry("acme").subject_key_identifier == derived


ACME = entry("acme")
OTHER = entry("other", issue("other", serial=6))


@pytest.mark.parametrize(
    "hint",
    [
        KeyHint(HintKind.BINARY_SECURITY_TOKEN, thumbprints=frozenset({ACME.thumbprint, Thumbprint("x")})),
        KeyHint(HintKind.THUMBPRINT_SHA1, thumbprint_sha1=ACME.thumbprint_sha1),
        KeyHint(HintKind.SUBJECT_KEY_IDENTIFIER, subject_key_identifier=ACME.subject_key_identifier),
        KeyHint(HintKind.KEY_VALUE, key_id=ACME.key_id),
        KeyHint(HintKind.ISSUER_SERIAL, issuer="cn = ACME", serial=5),
        KeyHint(HintKind.SUBJECT_NAME, subject="2.5.4.3=acme"),
        KeyHint(HintKind.KEY_NAME, name="ACME"),
        KeyHint(HintKind.KEY_NAME, name="CN=acme"),
    ],
)
def test_a_hint_agrees_by_any_identity(hint: KeyHint) -> None:
    assert ACME.agrees_with(hint)
    assert not OTHER.agrees_with(hint)


@pytest.mark.parametrize(
    "hint",
    [
        KeyHint(HintKind.NONE),
        KeyHint(HintKind.ISSUER_SERIAL, issuer="CN=acme", serial=6),
        KeyHint(HintKind.ISSUER_SERIAL, issuer="CN=acme"),
        KeyHint(HintKind.ISSUER_SERIAL, serial=5),
        KeyHint(HintKind.KEY_VALUE, key_id=KeyId("0" * 64)),
        KeyHint(HintKind.KEY_NAME, name="ac me"),
    ],
)
def test_a_hint_that_names_nothing_agrees_with_nothing(hint: KeyHint) -> None:
    assert not ACME.agrees_with(hint)


HELLO = issue("hello")
ODD = {
    "negative-serial": with_bytes_changed(HELLO, b"\x02\x01\x05", b"\x02\x01\x85"),
    "serial-zero": with_bytes_changed(HELLO, b"\x02\x01\x05", b"\x02\x01\x00"),
    "name-not-utf8": with_bytes_changed(HELLO, b"hello", b"\xff\xfelo\x00"),
    "name-no-string": with_bytes_changed(HELLO, b"\x0c\x05hello", b"\x02\x05hello"),
    "name-bit-string": with_bytes_changed(HELLO, b"\x0c\x05hello", b"\x03\x05\x00ello"),
    "unknown-curve": with_bytes_changed(HELLO, bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030109")),
    "unknown-key": with_bytes_changed(HELLO, bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209")),
    "unknown-signature": with_bytes_changed(HELLO, bytes.fromhex("ce3d040302"), bytes.fromhex("ce3d040309")),
    "key-identifier-no-octets": with_bytes_changed(
        issue("hello", extensions=[x509.SubjectKeyIdentifier(b"12345678")]), b"\x04\x0a\x04\x08", b"\x04\x0a\x05\x08"
    ),
    "long-country": with_bytes_changed(
        issue("hello", subject=x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Germany")])),
        b"\x55\x04\x0a",
        b"\x55\x04\x06",
    ),
}


@pytest.mark.parametrize("defect", ODD)
def test_an_odd_certificate_never_raises_or_warns(defect: str) -> None:
    odd = TrustedCertificate.from_der("odd", ODD[defect])
    hint = KeyHint(HintKind.ISSUER_SERIAL, issuer="CN=x", serial=odd.serial, subject="CN=x", name="CN=x")
    assert not odd.agrees_with(hint)
    assert odd.der == ODD[defect]
    assert (odd.public_key is None) == (defect in {"unknown-curve", "unknown-key"})
    assert len(odd.key_id) == 64
    assert isinstance(odd.subject_key_identifier, bytes)
    assert (odd.subject == "(unreadable)") == defect.startswith("name-")
    assert (odd.issuer == "(unreadable)") == defect.startswith("name-")
    assert odd.serial == {"negative-serial": -123, "serial-zero": 0}.get(defect, 5)
    assert odd.is_valid_at(NOON)


def test_a_version_that_does_not_exist_is_unreadable() -> None:
    with pytest.raises(UnreadableKeyFile, match="7 is not a valid X509 version"):
        TrustedCertificate.from_der("odd", with_bytes_changed(HELLO, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"))


def test_a_key_of_a_foreign_family_verifies_nothing_and_still_has_an_identity() -> None:
    agreement = x25519.X25519PrivateKey.generate().public_key()
    old = dsa.generate_private_key(1024).public_key()  # noqa: S505 - it is there to be refused
    for key in (agreement, old):
        foreign = entry("foreign", issue("foreign", public_key=key))
        assert foreign.public_key is None
        assert foreign.key_id == KeyId.of(key)
        assert foreign.subject_key_identifier == x509.SubjectKeyIdentifier.from_public_key(key).digest
