"""Fingerprints as people compare them."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519

from keystore.certificate import TrustedCertificate
from keystore.fingerprint import Fingerprint, describe
from tests.keystore.issuing import entry, issue, with_bytes_changed

ACME = entry("acme")


def test_a_fingerprint_is_shown_in_two_lines_and_spoken_in_groups() -> None:
    fingerprint = Fingerprint("SHA-1", bytes(range(0xA0, 0xB4)))
    assert fingerprint.colon_pairs == ("A0:A1:A2:A3:A4:A5:A6:A7:A8:A9", "AA:AB:AC:AD:AE:AF:B0:B1:B2:B3")
    assert fingerprint.spoken == ("a0a1", "a2a3", "a4a5", "a6a7", "a8a9", "aaab", "acad", "aeaf", "b0b1", "b2b3")


def test_both_fingerprints_of_a_certificate_are_described() -> None:
    described = describe(ACME)
    assert "".join(described.sha256.spoken) == ACME.thumbprint
    assert "".join(described.sha1.spoken) == ACME.thumbprint_sha1.hex()
    assert len(described.sha256.colon_pairs[0]) == len(described.sha256.colon_pairs[1]) == 47
    assert (described.subject, described.issuer, described.self_signed) == ("CN=acme", "CN=acme", True)
    assert (described.not_before, described.not_after) == (ACME.not_before, ACME.not_after)
    assert described.key_id == ACME.key_id
    assert described.subject_key_identifier == ACME.subject_key_identifier.hex()


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (issue("acme"), "EC secp256r1"),
        (issue("acme", key="rsa-2048"), "RSA 2048 bits"),
        (issue("acme", key="ed25519"), "Ed25519"),
        (
            issue("acme", public_key=x25519.X25519PrivateKey.generate().public_key()),
            "of a kind that signs no message here",
        ),
    ],
)
def test_the_key_is_described(certificate: x509.Certificate, key: str) -> None:
    assert describe(entry("acme", certificate)).key == key


@pytest.mark.parametrize(("serial", "shown"), [(5, "05"), (0x1234, "12:34"), (0xABC, "0a:bc")])
def test_the_serial_is_shown_in_pairs(serial: int, shown: str) -> None:
    assert describe(entry("acme", issue(serial=serial))).serial == shown


def test_a_negative_serial_and_an_unreadable_name_are_shown_as_such() -> None:
    negative = TrustedCertificate.from_der("odd", with_bytes_changed(issue(), b"\x02\x01\x05", b"\x02\x01\x85"))
    assert describe(negative).serial == "-7b"
    nameless = TrustedCertificate.from_der(
        "odd", with_bytes_changed(issue("hello"), b"\x0c\x05hello", b"\x02\x05hello")
    )
    assert describe(nameless).self_signed is False
