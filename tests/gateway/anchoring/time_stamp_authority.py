"""A time-stamp authority of the test's own (RFC 3161): openssl behind a small server on the loopback interface."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.gateway.anchoring.collector import Behaviour, Collector, Handler, collector

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed here; on Debian: apt-get install openssl"
)

# Without `certs`: openssl does not sort a SET of several certificates, as DER wants it (X.690, 11.6).
_CONFIGURATION = """\
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """Root, signer, and the folder that openssl works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root.pem"
        root_key, signer_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        root_name, name = _name("Test Root"), _name("Test Time Stamps")
        root = _builder(root_name, root_name, root_key).add_extension(x509.BasicConstraints(True, None), True)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        signer = _builder(name, root_name, signer_key).add_extension(usage, True)
        self.root.write_bytes(root.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM))
        (folder / "tsa.pem").write_bytes(signer.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM))
        key = signer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(key)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder))

    def reply(self, query: bytes) -> bytes:
        """What openssl answers to `query`."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            question, answer = Path(folder, "q"), Path(folder, "a")
            question.write_bytes(query)
            subprocess.run(
                ["openssl", "ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", question, "-out", answer],
                check=True,
                capture_output=True,
            )
            return answer.read_bytes()

    def behaviour(self) -> Behaviour:
        """Stamp what is asked for."""

        def stamp(handler: Handler) -> None:
            assert handler.headers["Content-Type"] == "application/timestamp-query"
            handler.server.got.append(handler.body)
            handler.answer(200, self.reply(handler.body), **{"Content-Type": "application/timestamp-reply"})

        return stamp


@contextmanager
def serving(authority: Authority) -> Iterator[Collector]:
    """The authority, at a URL."""
    with collector(authority.behaviour()) as server:
        yield server


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )
