"""What other packages import of the keystore, and what that costs."""

import subprocess
import sys

import pytest

import keystore
import keystore.store

_LOADED = "import sys, {package}; print(*sys.modules, *sorted(name.partition('.')[0] for name in sys.modules))"


def _loaded_with(package: str) -> set[str]:
    command = [sys.executable, "-c", _LOADED.format(package=package)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def test_the_face_without_a_database_loads_none_and_no_reader_of_java_keystores() -> None:
    loaded = _loaded_with("keystore")
    assert "cryptography" in loaded
    assert not loaded & {"jks", "javaobj", "sqlalchemy", "alembic", "logging", "gateway"}
    assert not loaded & {"keystore.reading", "keystore.fingerprint", "keystore.hash_chain"}, (
        "what no verification needs"
    )


def test_the_face_with_a_database_loads_alembic_only_where_it_migrates() -> None:
    loaded = _loaded_with("keystore.store")
    assert "sqlalchemy" in loaded
    assert not loaded & {"jks", "javaobj", "alembic", "gateway"}


def test_each_name_of_the_faces_is_there() -> None:
    for face in (keystore, keystore.store):
        assert [name for name in face.__all__ if not hasattr(face, name)] == []
        assert len(set(face.__all__)) == len(face.__all__)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="module 'keystore' has no attribute 'read_certificate'"):
        _ = keystore.read_certificate  # type: ignore[attr-defined]  # that is the point
