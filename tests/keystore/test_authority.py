"""An authority is told from a signer whose own certificate is marked as one."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from keystore.authority import is_authority, is_marked_as_authority
from keystore.certificate_decoding import load_certificate
from tests.keystore.issuing import issue, name, signing_key, with_bytes_changed

MARK = x509.BasicConstraints(ca=True, path_length=None)


def usage(*, signs: bool = False, commits: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=commits,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


SELF = issue("acme", extensions=[MARK])
LEAF = issue("leaf", key="acme", public_key=signing_key("leaf").public_key(), issuer=name("acme"))
RENEWED = issue("acme", serial=6, extensions=[MARK])
REKEYED = issue("acme", public_key=signing_key("next").public_key(), serial=7)
FORGED = issue("leaf", key="somebody", issuer=name("acme"))
UNREADABLE = load_certificate(
    with_bytes_changed(
        issue("odd", extensions=[MARK, x509.SubjectKeyIdentifier(b"12345678")]),
        b"\x04\x0a\x04\x08",
        b"\x04\x0a\x05\x08",
    )
)
NAMELESS = load_certificate(
    with_bytes_changed(issue("hello", extensions=[MARK]), b"\x0c\x05hello", b"\x0c\x05\xff\xffllo")
)
ODD_ALGORITHM = load_certificate(
    # ecdsa-with-SHA256 becomes an algorithm that nobody knows, in both places
    with_bytes_changed(SELF, b"\x2a\x86\x48\xce\x3d\x04\x03\x02", b"\x2a\x86\x48\xce\x3d\x04\x03\x7f")
)


@pytest.mark.parametrize(
    ("certificate", "others", "expected"),
    [
        (issue("acme"), [LEAF], False),
        (SELF, [], False),
        (SELF, [SELF, RENEWED, REKEYED, FORGED, NAMELESS], False),
        (SELF, [LEAF], True),
        (issue("acme", extensions=[MARK, usage()]), [], True),
        (issue("acme", extensions=[MARK, usage(signs=True)]), [], False),
        (issue("acme", extensions=[MARK, usage(commits=True)]), [], False),
        (issue("acme", key="root", issuer=name("root"), extensions=[MARK]), [], True),
        (issue("acme", key="other", public_key=signing_key("acme").public_key(), extensions=[MARK]), [], True),
        (UNREADABLE, [LEAF], False),
        (NAMELESS, [], True),
        (ODD_ALGORITHM, [], True),
    ],
    ids=[
        "not marked",
        "self-signed",
        "of the same signer, or not issued by it",
        "it issued another one",
        "for certificates alone",
        "for both",
        "non-repudiation",
        "issued by another one",
        "only looks self-signed",
        "extensions unreadable",
        "subject unreadable",
        "signature of an unknown kind",
    ],
)
def test_who_is_an_authority(certificate: x509.Certificate, others: list[x509.Certificate], expected: bool) -> None:
    assert is_authority(certificate, others) is expected


def test_what_openssl_makes_by_default_is_marked_and_a_signers(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out made.pem -days 365 -subj /CN=acme"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    made = x509.load_pem_x509_certificate((tmp_path / "made.pem").read_bytes())
    assert (is_marked_as_authority(made), is_authority(made, [made])) == (True, False)
