"""The clients of other languages are those that were chosen."""

import hashlib
from pathlib import Path

import pytest

from tests.consumers import programs
from tests.consumers.programs import ConsumerFailedError, check_jars


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one jar, which is the one that is wanted."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "a-1.0.jar").write_bytes(b"a")
    (tmp_path / "jars.sha256").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a-1.0.jar\n")
    monkeypatch.setattr(programs, "ROOM", tmp_path)
    return folder


def test_the_jars_that_are_named_are_taken(jars: Path) -> None:
    check_jars(jars)


@pytest.mark.parametrize(
    ("name", "content"), [("a-1.0.jar", b"altered"), ("b-1.0.jar", b"further")], ids=["altered", "further"]
)
def test_another_jar_is_refused(jars: Path, name: str, content: bytes) -> None:
    (jars / name).write_bytes(content)
    with pytest.raises(ConsumerFailedError, match=name):
        check_jars(jars)


def test_a_missing_jar_is_refused(jars: Path) -> None:
    (jars / "a-1.0.jar").unlink()
    with pytest.raises(ConsumerFailedError, match=r"a-1\.0\.jar"):
        check_jars(jars)
