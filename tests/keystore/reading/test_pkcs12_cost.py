"""A PKCS#12 file that asks for too much work is refused before any is done."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from keystore import UnreadableKeyFile
from keystore.reading import read_certificates
from keystore.reading.ber import MAX_VALUES, BerReader
from keystore.reading.pkcs12_cost import MAX_ITERATIONS, refuse_costly
from tests.keystore.issuing import issue, signing_key

CERTIFICATE = issue("acme", key="ed25519")
OTHER = issue("other")
FEW, MANY = 3_333, 2_000_000_011
"""Counts that stand nowhere else in the files."""

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl is not installed")


def der(number: int) -> bytes:
    size = number.bit_length() // 8 + 1
    return bytes((0x02, size)) + number.to_bytes(size, signed=True)


def written(algorithm: pkcs12.PBES) -> bytes:
    encryption = (
        PrivateFormat.PKCS12.encryption_builder().kdf_rounds(FEW).key_cert_algorithm(algorithm).build(b"secret")
    )
    return pkcs12.serialize_key_and_certificates(b"x", signing_key("acme"), issue("acme"), [OTHER], encryption)  # type: ignore[arg-type]  # a P-256 key, as its word says


def value(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content).to_bytes(4)
    return bytes((tag, 0x84)) + size + content


@pytest.mark.parametrize(
    "algorithm",
    [
        pkcs12.PBES.PBESv2SHA256AndAES256CBC,
        pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC,
    ],
)
def test_each_place_of_a_count_is_seen(algorithm: pkcs12.PBES) -> None:
    data = written(algorithm)
    assert len(read_certificates(data, "secret", allow_private_key=True).certificates) == 2
    places = [n for n in range(len(data)) if data.startswith(der(FEW), n)]
    assert len(places) >= 2
    for place in places:
        # The same length, so that no length around it changes: 0x7fff iterations, hundreds of times over.
        costly = data[:place] + der(0x7FFF) + data[place + 4 :]
        assert _asked(costly) - _asked(data) == 0x7FFF - FEW


def _asked(data: bytes) -> int:
    """The iterations as the refusal names them, for a limit that everything exceeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keystore.reading.pkcs12_cost.MAX_ITERATIONS", 1)
        with pytest.raises(UnreadableKeyFile, match="asks for") as refused:
            refuse_costly(data)
    return int(str(refused.value).split("asks for ")[1].split()[0])


@needs_openssl
@pytest.mark.parametrize("options", [[], ["-legacy"], ["-certpbe", "NONE"]])
def test_what_openssl_writes_passes_and_what_it_writes_costly_is_refused_at_once(
    tmp_path: Path, options: list[str]
) -> None:
    key = signing_key("acme")
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            encoding=Encoding.PEM,
            format=PrivateFormat.PKCS8,
            encryption_algorithm=NoEncryption(),
        )
    )
    (tmp_path / "cert.pem").write_bytes(issue("acme").public_bytes(Encoding.PEM))
    common = ["openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout", "pass:secret"]
    for iterations in ("2048", "100000"):
        made = subprocess.run(
            [*common, *options, "-iter", iterations, "-out", "store.p12"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        data = (tmp_path / "store.p12").read_bytes()
        assert len(read_certificates(data, "secret", allow_private_key=True).certificates) == 1
        assert int(iterations) <= _asked(data) <= 3 * int(iterations)
    costly = data.replace(der(100_000), der(0x7FFFFF))
    assert costly != data
    before = time.process_time()
    with pytest.raises(UnreadableKeyFile, match="iterations to derive its keys, more than the 10000000 allowed"):
        read_certificates(costly, "secret")
    assert time.process_time() - before < 1


PKCS7_DATA = bytes.fromhex("06092a864886f70d010701")
PBES2_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
SCRYPT = bytes.fromhex("06092b06010401da47040b")
SALT = b"\x04\x01s"


def part(content: bytes) -> bytes:
    return value(0x30, PKCS7_DATA, value(0xA0, value(0x04, content)))


def in_pieces(content: bytes) -> bytes:
    """The same part with lengths left open and the string in two pieces, as Java writes it."""
    pieces = b"\x24\x80" + value(0x04, content[:7]) + value(0x04, content[7:]) + b"\0\0"
    return b"\x30\x80" + PKCS7_DATA + b"\xa0\x80" + pieces + b"\0\0\0\0"


PLAIN_SCRYPT = value(0x30, SCRYPT, value(0x30, SALT, der(2**20), der(8), der(1)))
LONG_KEY = value(0x30, PBES2_PBKDF2, value(0x30, SALT, der(100_000), der(2**20)))


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        (PLAIN_SCRYPT, "asks for 16777216 iterations"),
        (LONG_KEY, "asks for 5242900000 iterations"),
        (value(0x30, PBES2_PBKDF2, value(0x30, SALT, der(-MANY))), "asks for 2000000011 iterations"),
        (value(0x30, part(value(0x30, part(PLAIN_SCRYPT)))), "asks for 16777216"),
        (value(0x30, PBES2_PBKDF2, value(0x30, SALT, der(2**80))), "a count of too many octets"),
        (value(0x30, part(part(part(part(part(PLAIN_SCRYPT)))))), "parts within parts"),
        (b"\x30\x80" * 40, "nested too deeply"),
        (value(0x30, b"\x05\x00" * (MAX_VALUES + 1)), "too many values"),
        (b"\x30\x05\x02\x01", "cut off"),
        (b"\x30", "cut off"),
        (b"\x30\x80\x05\x00", "cut off"),
        (b"\x1f\x81\x00", "a tag of several octets"),
        (b"\x04\x80\x00\x00", "without a length"),
        (b"\x30\x88" + b"\xff" * 8, "a length of too many octets"),
    ],
)
def test_whatever_would_cost_too_much_or_cannot_be_told_is_refused(inside: bytes, sentence: str) -> None:
    before = time.process_time()
    for wrap in (part, in_pieces):
        with pytest.raises(UnreadableKeyFile, match=sentence):
            read_certificates(value(0x30, der(3), wrap(inside)), "secret")
    assert time.process_time() - before < 5


def test_a_mac_without_a_count_counts_once() -> None:
    nothing = part(value(0x30))
    mac = value(0x30, value(0x30), SALT)
    refuse_costly(value(0x30, der(3), nothing, mac))
    with pytest.raises(UnreadableKeyFile, match="asks for 10000001 iterations"):
        refuse_costly(value(0x30, der(3), nothing, value(0x30, value(0x30), SALT, der(MAX_ITERATIONS + 1))))
    refuse_costly(value(0x30, der(3), nothing, value(0x30, value(0x30), SALT, der(MAX_ITERATIONS))))


def test_what_follows_the_file_is_not_looked_at() -> None:
    assert BerReader().first(b"\x30\x03\x02\x01\x05\xff").children[0].number == 5
