"""What speaks against a certificate before it is trusted."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, rsa, x25519

from keystore.admission import AdmissionCode, examine
from keystore.certificate_decoding import load_certificate
from tests.keystore.issuing import NOON, issue, name, signing_key, with_bytes_changed

DAY = timedelta(days=1)


def _usage(*, signing: bool, commitment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signing,
        content_commitment=commitment,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


CA = x509.BasicConstraints(ca=True, path_length=None)
END_ENTITY = x509.BasicConstraints(ca=False, path_length=None)
AUTHORITY = issue("acme", extensions=[CA, _usage(signing=False)])
OLD_DSA = dsa.generate_private_key(1024).public_key()  # noqa: S505 - it is there to be refused
EXCHANGE = x25519.X25519PrivateKey.generate().public_key()
UNREADABLE = with_bytes_changed(
    issue("odd", extensions=[x509.SubjectKeyIdentifier(b"12345678")]), b"\x04\x0a\x04\x08", b"\x04\x0a\x05\x08"
)

LEAF = issue("leaf", key="acme", public_key=signing_key("leaf").public_key(), issuer=name("acme"))

CASES: list[tuple[str, x509.Certificate, set[str], set[str]]] = [
    ("p-256", issue("acme"), set(), set()),
    ("ed25519", issue("acme", key="ed25519"), set(), set()),
    ("rsa-2048", issue("acme", key="rsa-2048"), set(), set()),
    ("end entity that signs", issue("acme", extensions=[END_ENTITY, _usage(signing=True)]), set(), set()),
    ("non-repudiation", issue("acme", extensions=[_usage(signing=False, commitment=True)]), set(), set()),
    ("rsa-1024", issue("acme", key="rsa-1024"), set(), {"weak-key"}),
    ("dsa", issue("acme", public_key=OLD_DSA), {"key-not-usable"}, set()),
    ("x25519", issue("acme", public_key=EXCHANGE), {"key-not-usable"}, set()),
    ("curve", issue("acme", key="secp256k1"), {"curve-not-allowed"}, set()),
    ("expired", issue("acme", not_after=NOON - DAY), {"expired"}, set()),
    ("expires today", issue("acme", not_after=NOON + DAY / 2), set(), {"expires-soon"}),
    ("expires soon", issue("acme", not_after=NOON + 60 * DAY - timedelta(seconds=1)), set(), {"expires-soon"}),
    ("expires later", issue("acme", not_after=NOON + 60 * DAY), set(), set()),
    ("not yet valid", issue("acme", not_before=NOON + DAY), set(), {"not-yet-valid"}),
    ("self-signed and marked as a CA", issue("acme", extensions=[CA]), set(), {"marked-as-ca"}),
    ("ca", AUTHORITY, {"ca-certificate"}, {"no-signing-usage"}),
    ("intermediate", issue("acme", key="root", issuer=name("root"), extensions=[CA]), {"ca-certificate"}, set()),
    ("encryption only", issue("acme", extensions=[_usage(signing=False)]), set(), {"no-signing-usage"}),
    ("unreadable extensions", load_certificate(UNREADABLE), set(), {"extensions-unreadable"}),
    (
        "much at once",
        issue("acme", key="rsa-1024", not_after=NOON - DAY, extensions=[CA, _usage(signing=False)]),
        {"expired", "ca-certificate"},
        {"weak-key", "no-signing-usage"},
    ),
]


@pytest.mark.parametrize(("certificate", "refusals", "warnings"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_each_thing_is_found(certificate: x509.Certificate, refusals: set[str], warnings: set[str]) -> None:
    admission = examine(certificate, NOON)
    assert {finding.code for finding in admission.refusals} == refusals
    assert {finding.code for finding in admission.warnings} == warnings
    assert admission.admitted == (not refusals)
    for finding in admission.refusals + admission.warnings:
        assert finding.sentence.rstrip(".)") == finding.sentence.rstrip(".)").strip()
        assert len(finding.sentence) > 40, "says what to do, too"


@pytest.mark.parametrize("bits", [512, 768, 1023])
def test_breakable_rsa_keys_are_refused_for_good(bits: int) -> None:
    public_key = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1).public_key()
    admission = examine(issue("acme", public_key=public_key), NOON)
    (finding,) = admission.refusals
    assert finding.code is AdmissionCode.RSA_TOO_SHORT
    assert f"only {bits} bits" in finding.sentence
    assert not admission.forced().admitted


def test_force_overrides_what_may_be_overridden() -> None:
    expired_ca = examine(issue("acme", not_after=NOON - DAY, extensions=[CA, _usage(signing=True)]), NOON, [LEAF])
    assert not expired_ca.admitted
    assert expired_ca.forced().admitted
    assert [finding.fact for finding in expired_ca.forced().warnings] == [f.fact for f in expired_ca.refusals]
    assert "--force" not in "".join(finding.sentence for finding in expired_ca.forced().warnings), "it is done already"
    expired_curve = examine(issue("acme", key="secp256k1", not_after=NOON - DAY), NOON).forced()
    assert [finding.code for finding in expired_curve.refusals] == [AdmissionCode.CURVE_NOT_ALLOWED]


def test_validity_is_judged_at_the_given_instant() -> None:
    certificate = issue("acme")
    assert examine(certificate, certificate.not_valid_after_utc).admitted
    assert not examine(certificate, certificate.not_valid_after_utc + timedelta(seconds=1)).admitted
    assert examine(certificate, certificate.not_valid_before_utc).warnings == ()
    words = {days: examine(certificate, NOON + days * DAY).warnings[0].fact for days in (60, 99, 99.5)}
    assert [fact.partition(", ")[2] for fact in words.values()] == ["in 40 days", "in 1 day", "within a day"]
