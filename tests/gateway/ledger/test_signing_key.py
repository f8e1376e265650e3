"""The key that signs the ends of the chains: a file that is made once, and that nobody else reads."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.ledger import SigningKeyUnusable, is_signed_by, signing_key

_ROOT = Path(__file__).parents[3]
_MAKE = """
import sys
from pathlib import Path
from gateway.ledger import signing_key

sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
key, made = signing_key(Path(sys.argv[1]))
sys.stdout.write(f"{key.public} {made}\\n")
"""


def test_it_is_made_where_there_is_none_and_read_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    key, made = signing_key(path)
    again, made_again = signing_key(path)
    assert (made, made_again) == (True, False)
    assert again.public == key.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["signing.pem"], "nothing else is left behind"
    signature = key.sign("a line")
    assert is_signed_by(again.public, "a line", signature)
    assert not is_signed_by(again.public, "a line ", signature)
    other, _ = signing_key(tmp_path / "other.pem")
    assert not is_signed_by(other.public, "a line", signature)


def test_of_many_processes_that_start_at_once_one_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _MAKE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0].split() for process in processes]
    assert len({public for public, _ in told}) == 1
    assert sorted(made for _, made in told) == ["False"] * 5 + ["True"]
    assert [file.name for file in tmp_path.iterdir()] == ["signing.pem"]


def test_what_a_killed_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    # In a container every process may have the same number.
    (tmp_path / f"signing.pem.{os.getpid()}.part").write_text("half a")
    _, made = signing_key(tmp_path / "signing.pem")
    assert made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "signing.pem"
    signing_key(path)
    path.chmod(mode)
    with pytest.raises(SigningKeyUnusable, match=f"can be read by others.*: chmod 600 {path}"):
        signing_key(path)


_PEM = {
    "empty": b"",
    "garbage": b"\x00\xff" * 50,
    "cut short": b"-----BEGIN PRIVATE KEY-----\nMC4CAQ",
    "public": Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "another kind": generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    "with a password": Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    ),
    "huge": b"x" * 200_000,
}


@pytest.mark.parametrize("content", _PEM.values(), ids=_PEM.keys())
def test_a_file_that_holds_no_such_key_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "signing.pem"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(SigningKeyUnusable, match=r"holds no Ed25519 private key in PEM.*from your backup, or move it"):
        signing_key(path)
    assert path.read_bytes() == content


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SigningKeyUnusable, match="holds no Ed25519 private key"):
            signing_key(path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyUnusable, match="No such file or directory; name another file with signing_key"):
        signing_key(tmp_path / "nowhere" / "signing.pem")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    with pytest.raises(SigningKeyUnusable, match="No such file or directory"):
        signing_key(tmp_path / "dangling")


@pytest.mark.parametrize("public", ["", "x", "é", base64.b64encode(b"short").decode()])
@pytest.mark.parametrize("signature", ["", "no base64!", base64.b64encode(bytes(64)).decode()])
def test_a_signature_that_nobody_made_is_none(tmp_path: Path, public: str, signature: str) -> None:
    key, _ = signing_key(tmp_path / "signing.pem")
    assert not is_signed_by(public, "a line", key.sign("a line"))
    assert not is_signed_by(key.public, "a line", signature)
    assert not is_signed_by(key.public, "\ud800", signature)
