"""Key files of every kind, told apart by their content."""

import base64
import shutil
import subprocess
from pathlib import Path

import jks  # type: ignore[import-untyped]  # pyjks carries no types
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)

from keystore import HoldsPrivateKey, UnreadableKeyFile, WrongPassword
from keystore.reading import MAX_KEY_FILE_BYTES, KeyFileFormat, read_certificates
from tests.keystore.issuing import NOON, der_of, issue, name, pem_of, signing_key

A, B = issue("a"), issue("b")
KEY = signing_key("a")
assert isinstance(KEY, ec.EllipticCurvePrivateKey)
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
KEY_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PROTECTED_KEY_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
CSR = x509.CertificateSigningRequestBuilder().subject_name(name("a")).sign(KEY, hashes.SHA256())
CRL = (
    x509.CertificateRevocationListBuilder()
    .issuer_name(name("a"))
    .last_update(NOON)
    .next_update(NOON)
    .sign(KEY, hashes.SHA256())
)
PUBLIC = KEY.public_key()
SMALL_PUBLIC = ed25519.Ed25519PrivateKey.generate().public_key()
P7 = pkcs7.serialize_certificates([A, B], Encoding.DER)
PW = BestAvailableEncryption(b"secret")
P12_KEY = pkcs12.serialize_key_and_certificates(b"acme 2026", KEY, A, [B], PW)
P12_CERTIFICATES = pkcs12.serialize_java_truststore(
    [pkcs12.PKCS12Certificate(A, b"one"), pkcs12.PKCS12Certificate(B, None)], PW
)
P12_OPEN = pkcs12.serialize_key_and_certificates(None, None, A, None, NoEncryption())
P12_EMPTY_PASSWORD = pkcs12.serialize_key_and_certificates(b"fn", KEY, A, None, NoEncryption())


def _jks(*entries: object) -> bytes:
    saved = jks.KeyStore.new("jks", list(entries)).saves("secret")
    assert isinstance(saved, bytes)
    return saved


def _jks_key(alias: str, *certificates: x509.Certificate) -> object:
    return jks.PrivateKeyEntry.new(alias, [der_of(c) for c in certificates], KEY_DER)


def _jks_certificate(alias: str, der: bytes) -> object:
    return jks.TrustedCertEntry.new(alias, der)


JKS = _jks(_jks_certificate("one", der_of(A)), _jks_certificate("two", der_of(B)))
JKS_KEY = _jks(_jks_key("mine", A, B))
# A JCEKS keystore with one secret key, made by keytool -genseckey (password `secret`); nothing here can write one.
JCEKS_SECRET = base64.b64decode(
    "zs7OzgAAAAIAAAABAAAAAwAGc2VhbGVkAAABogk6Jjes7QAFc3IAM2NvbS5zdW4uY3J5cHRvLnByb3ZpZGVyLlNlYWxlZE9iamVjdEZvcktl"
    "eVByb3RlY3Rvcs1XylnnMLtTAgAAeHIAGWphdmF4LmNyeXB0by5TZWFsZWRPYmplY3Q+Nj2mw7dUcAIABFsADWVuY29kZWRQYXJhbXN0AAJb"
    "QlsAEGVuY3J5cHRlZENvbnRlbnRxAH4AAkwACXBhcmFtc0FsZ3QAEkxqYXZhL2xhbmcvU3RyaW5nO0wAB3NlYWxBbGdxAH4AA3hwdXIAAltC"
    "rPMX+AYIVOACAAB4cAAAABEwDwQI1gQMWMe8xzgCAwMNQHVxAH4ABQAAAJAjYEPDVZu0Ak6QgvSGvogCXoSdcqLMxUOH/UCDNQfcnC8YuOIg"
    "oL6bv3wNBrbUOnJCiWfEj2LHJOrcKvDEaV0J7brTSUOzDLZyRO2vpWTrMGtXZ1cTEnIKG2H2ms4VyDvUhbEuYoyl3By1zsX+QQzJnsfNeiLP"
    "z8F3zHf2FtJIjyrCqj5FDflwac482PyBEsp0ABZQQkVXaXRoTUQ1QW5kVHJpcGxlREVTdAAWUEJFV2l0aE1ENUFuZFRyaXBsZURFU1+euj1n"
    "mYnkRo5oGmwKxxrOYBEd"
)
DAMAGED = der_of(A)[:4] + b"\x31" + der_of(A)[5:]

READ: list[tuple[str, bytes, str | None, KeyFileFormat, list[x509.Certificate]]] = [
    ("pem", pem_of(A), None, KeyFileFormat.PEM, [A]),
    ("bundle", pem_of(A) + pem_of(B), None, KeyFileFormat.PEM, [A, B]),
    (
        "text around",
        b"subject=a\n0 notes\n" + pem_of(A) + b"\nand \xff\n" + pem_of(B) + b"bye",
        None,
        KeyFileFormat.PEM,
        [A, B],
    ),
    ("begins like DER", b"0 notes\n" + pem_of(A), None, KeyFileFormat.PEM, [A]),
    ("crlf", pem_of(A).replace(b"\n", b"\r\n"), None, KeyFileFormat.PEM, [A]),
    ("cr", pem_of(A).replace(b"\n", b"\r"), None, KeyFileFormat.PEM, [A]),
    ("one line", pem_of(A).replace(b"\n", b""), None, KeyFileFormat.PEM, [A]),
    ("bom", b"\xef\xbb\xbf" + pem_of(A), None, KeyFileFormat.PEM, [A]),
    ("utf-16", pem_of(A).decode().encode("utf-16"), None, KeyFileFormat.PEM, [A]),
    ("x509 label", pem_of(A).replace(b"CERTIFICATE", b"X509 CERTIFICATE"), None, KeyFileFormat.PEM, [A]),
    ("needless password", pem_of(A), "secret", KeyFileFormat.PEM, [A]),
    ("pkcs7 pem", pkcs7.serialize_certificates([A, B], Encoding.PEM), None, KeyFileFormat.PEM, [A, B]),
    ("der", der_of(A), None, KeyFileFormat.DER, [A]),
    ("der twice", der_of(A) + der_of(B), None, KeyFileFormat.DER, [A, B]),
    ("der and a line break", der_of(A) + b"\r\n", None, KeyFileFormat.DER, [A]),
    ("base64", base64.encodebytes(der_of(A)), None, KeyFileFormat.BASE64, [A]),
    ("pkcs7", P7, None, KeyFileFormat.PKCS7, [A, B]),
    ("pkcs7 base64", base64.b64encode(P7), None, KeyFileFormat.PKCS7, [A, B]),
    ("pkcs12", P12_CERTIFICATES, "secret", KeyFileFormat.PKCS12, [A, B]),
    ("pkcs12 open", P12_OPEN, None, KeyFileFormat.PKCS12, [A]),
    ("pkcs12 open, empty password", P12_OPEN, "", KeyFileFormat.PKCS12, [A]),
    ("jks", JKS, "secret", KeyFileFormat.JKS, [A, B]),
    ("jks unchecked", JKS, None, KeyFileFormat.JKS, [A, B]),
    ("jceks", b"\xce\xce\xce\xce" + JKS[4:], None, KeyFileFormat.JCEKS, [A, B]),
]


@pytest.mark.parametrize(("data", "password", "kind", "expected"), [c[1:] for c in READ], ids=[c[0] for c in READ])
def test_certificates_are_read(
    data: bytes, password: str | None, kind: KeyFileFormat, expected: list[x509.Certificate]
) -> None:
    result = read_certificates(data, password)
    assert {c.der for c in result.certificates} == {der_of(c) for c in expected}
    assert all(der_of(c.certificate) == c.der for c in result.certificates)
    assert result.format is kind
    assert result.left_out == ()
    assert not result.holds_private_key


UNREADABLE: list[tuple[str, bytes, str | None, str]] = [
    ("nothing", b"", None, "the file is empty"),
    ("white space", b" \r\n", None, "the file is empty"),
    ("too large", b"0" * (MAX_KEY_FILE_BYTES + 1), None, "more than the 16777216 allowed"),
    ("html", b"\n<!DOCTYPE html><html>", None, "a web page"),
    ("html without doctype", b"<HTML><body>", None, "a web page"),
    ("xml", b"<?xml version='1.0'?><a/>", None, "an XML document"),
    ("zip", b"PK\x03\x04rest", None, "a ZIP archive: unpack it"),
    ("gzip", b"\x1f\x8brest", None, "a gzip archive: unpack it"),
    ("pdf", b"%PDF-1.7", None, "a PDF document"),
    ("ssh", b"ssh-ed25519 AAAA a@b", None, "an SSH public key"),
    ("text", b"hello, world", None, "no key file that can be read"),
    ("base64 of something", base64.b64encode(b"hello world!"), None, "no key file that can be read"),
    ("almost base64", b"MIIC=A", None, "no key file that can be read"),
    ("zeros", bytes(100), None, "no key file that can be read"),
    ("a lone zero", b"0", None, "cut off|damaged or of an unknown kind"),
    ("der cut off", der_of(A)[:-5], None, "was cut off"),
    ("der damaged", DAMAGED, None, "damaged or of an unknown kind"),
    ("der length of lengths", b"\x30\x89" + b"\xff" * 20, None, "was cut off"),
    ("pem cut off", pem_of(A)[:-40], None, "cut off"),
    ("pem damaged", pem_of(A).replace(b"\n", b"\n!", 2), None, "damaged"),
    ("pem of rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", None, "damaged"),
    ("mixed labels", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----", None, "END line is missing"),
    ("only an end", b"-----BEGIN \n-----END CERTIFICATE-----", None, "holds no certificate"),
    ("trusted certificate", pem_of(A).replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), None, "openssl x509 -in FILE"),
    ("csr", CSR.public_bytes(Encoding.PEM), None, "certificate signing request"),
    ("old csr", CSR.public_bytes(Encoding.PEM).replace(b"CERT", b"NEW CERT"), None, "certificate signing request"),
    ("csr der", CSR.public_bytes(Encoding.DER), None, "certificate signing request"),
    ("crl", CRL.public_bytes(Encoding.PEM), None, "revocation list"),
    ("crl der", CRL.public_bytes(Encoding.DER), None, "revocation list"),
    ("public key", PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), None, "bare public key"),
    ("public key der", PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), None, "bare public key"),
    ("small der", SMALL_PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), None, "bare public key"),
    ("parameters", b"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----", None, "It is no certificate"),
    ("pkcs7 damaged", P7[:40] + bytes(len(P7) - 40), None, "PKCS#7"),
    ("pkcs12 cut off", P12_KEY[:-30], "secret", "damaged, cut off"),
    ("pkcs12 empty", b"\x30\x03\x02\x01\x03", None, "damaged, cut off"),
    ("jks cut off", JKS[:-300], "secret", "damaged or cut off"),
    ("jks header", JKS[:6], None, "damaged or cut off"),
    ("jks of another version", JKS[:4] + b"\0\0\0\x09" + JKS[8:], None, "damaged or cut off"),
    ("jceks with a secret key", JCEKS_SECRET, "secret", "entry 'sealed': It is a secret key"),
    ("jks without entries", _jks(), "secret", "holds no certificate"),
]


@pytest.mark.parametrize(("data", "password", "sentence"), [c[1:] for c in UNREADABLE], ids=[c[0] for c in UNREADABLE])
def test_each_unreadable_file_gets_its_own_sentence(data: bytes, password: str | None, sentence: str) -> None:
    with pytest.raises(UnreadableKeyFile, match=sentence) as caught:
        read_certificates(data, password)
    assert "\n" not in str(caught.value)
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "password", "sentence"),
    [
        (P12_KEY, None, "is protected: give its password"),
        (P12_KEY, "", "is protected: give its password"),
        (P12_KEY, "wrong", "the password does not open this PKCS#12 file"),
        (P12_CERTIFICATES, "wröng", "the password does not open this PKCS#12 file"),
        (JKS, "wrong", "the password does not open this JKS keystore"),
        (b"\xce\xce\xce\xce" + JKS[4:], "secret", "the password does not open this JCEKS keystore"),
        (JKS[:-1] + b"\0", "secret", "or the file was altered"),
        (JKS, "\udcff", "not valid text"),
    ],
)
def test_a_wrong_or_missing_password_is_said_so(data: bytes, password: str | None, sentence: str) -> None:
    with pytest.raises(WrongPassword, match=sentence):
        read_certificates(data, password)


HOLDING: list[tuple[str, bytes, str | None, int]] = [
    ("pem key", KEY_PEM, None, 0),
    ("pem key and certificate", KEY_PEM + pem_of(A), None, 1),
    ("certificate and protected key", pem_of(A) + KEY_PEM.replace(b"PRIVATE", b"ENCRYPTED PRIVATE"), None, 1),
    ("cut off key", pem_of(A) + KEY_PEM[:60], None, 1),
    ("der key", KEY_DER, None, 0),
    ("protected der key", PROTECTED_KEY_DER, None, 0),
    ("base64 key", base64.b64encode(KEY_DER), None, 0),
    ("pkcs12", P12_KEY, "secret", 2),
    ("open pkcs12", P12_EMPTY_PASSWORD, None, 1),
    ("jks", JKS_KEY, "secret", 2),
]


@pytest.mark.parametrize(("data", "password", "certificates"), [c[1:] for c in HOLDING], ids=[c[0] for c in HOLDING])
def test_a_private_key_is_refused_unless_only_the_certificate_is_wanted(
    data: bytes, password: str | None, certificates: int
) -> None:
    with pytest.raises(HoldsPrivateKey, match="holds a private key, which must stay with its owner"):
        read_certificates(data, password)
    if not certificates:
        with pytest.raises(UnreadableKeyFile, match="It is a private key"):
            read_certificates(data, password, allow_private_key=True)
        return
    result = read_certificates(data, password, allow_private_key=True)
    assert result.holds_private_key
    assert len(result.certificates) == certificates
    assert KEY_DER not in b"".join(c.der for c in result.certificates)


def test_names_in_the_file_become_suggested_aliases() -> None:
    found = read_certificates(P12_CERTIFICATES, "secret").certificates
    assert [c.suggested_alias for c in found] == ["one", None]
    own, chain = read_certificates(P12_KEY, "secret", allow_private_key=True).certificates
    assert (own.suggested_alias, own.in_chain, chain.in_chain) == ("acme-2026", False, True)
    own, chain = read_certificates(JKS_KEY, "secret", allow_private_key=True).certificates
    assert (own.suggested_alias, own.in_chain, chain.suggested_alias, chain.in_chain) == ("mine", False, None, True)
    (odd,) = read_certificates(_jks(_jks_certificate("  ../ä b (1)", der_of(A))), "secret").certificates
    assert odd.suggested_alias == "b-1"


def test_an_unchecked_java_keystore_says_so() -> None:
    assert read_certificates(JKS, "secret").notes == ()
    (note,) = read_certificates(JKS).notes
    assert "integrity was not checked" in note


@pytest.mark.parametrize(
    ("data", "what", "why"),
    [
        (pem_of(A) + pem_of(B)[:-40], "block 2 (CERTIFICATE)", "cut off"),
        (pem_of(B)[:-40] + pem_of(A), "block 1 (CERTIFICATE)", "cut off"),
        (pem_of(B).replace(b"\nM", b"\n!") + pem_of(A), "block 1 (CERTIFICATE)", "base64"),
        (pem_of(A) * 2, "block 2 (CERTIFICATE)", "same certificate as block 1"),
        (pem_of(A) + CSR.public_bytes(Encoding.PEM), "block 2 (CERTIFICATE REQUEST)", "signing request"),
        (
            pem_of(A) + b"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n",
            "block 2 (PKCS7), PKCS#7",
            "No certificates can be taken",
        ),
        (der_of(A) + DAMAGED[:1] + b"\x02\x05\x00", "certificate 2", "damaged"),
        (der_of(A) + b"garbage", "7 bytes at the end", "no certificate"),
        (_jks(_jks_certificate("good", der_of(A)), _jks_certificate("bad", b"x")), "entry 'bad'", "damaged"),
    ],
)
def test_one_bad_entry_does_not_take_the_others_down(data: bytes, what: str, why: str) -> None:
    result = read_certificates(data)
    assert [c.der for c in result.certificates] == [der_of(A)]
    (left_out,) = result.left_out
    assert left_out.what == what
    assert why in left_out.why


def test_a_flood_of_blocks_is_cut_short() -> None:
    result = read_certificates(pem_of(A) + b"-----BEGIN X-----\n" * 20_000)
    assert len(result.certificates) == 1
    assert len(result.left_out) == 10_000
    assert "more than 10000 blocks" in result.left_out[-1].why


@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool (a Java runtime) is not installed")
@pytest.mark.parametrize("store_type", ["JKS", "JCEKS", "PKCS12"])
def test_what_the_real_keytool_writes_is_read(tmp_path: Path, store_type: str) -> None:
    file = tmp_path / "store"
    (tmp_path / "a.pem").write_bytes(pem_of(A))
    common = ["-keystore", str(file), "-storetype", store_type, "-storepass", "secret"]

    def keytool(*arguments: str) -> None:
        command = ["keytool", "-J-XX:TieredStopAtLevel=1", *arguments, *common]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    keytool("-importcert", "-noprompt", "-alias", "Partner", "-file", str(tmp_path / "a.pem"))
    trusted = read_certificates(file.read_bytes(), "secret")
    assert trusted.format == {"PKCS12": "PKCS#12"}.get(store_type, store_type)
    (partner,) = trusted.certificates
    assert partner.der == der_of(A)
    assert partner.suggested_alias == ("Partner" if store_type == "PKCS12" else "partner"), "Java folds case in its own"
    with pytest.raises(WrongPassword):
        read_certificates(file.read_bytes(), "wrong!")

    keytool("-genkeypair", "-alias", "mine", "-keyalg", "EC", "-dname", "CN=mine", "-keypass", "secret")
    if store_type == "JCEKS":
        keytool("-genseckey", "-alias", "sealed", "-keyalg", "AES", "-keysize", "128", "-keypass", "secret")
    with pytest.raises(HoldsPrivateKey):
        read_certificates(file.read_bytes(), "secret")
    both = read_certificates(file.read_bytes(), "secret", allow_private_key=True)
    assert {str(c.suggested_alias).lower() for c in both.certificates} == {"partner", "mine"}
    assert [entry.what for entry in both.left_out] == (["entry 'sealed'"] if store_type == "JCEKS" else [])
