"""A real database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from keystore.store import KeystoreStore, keystore_tables


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = create_engine(f"sqlite:///{tmp_path / 'keystore.db'}")
    keystore_tables.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> KeystoreStore:
    return KeystoreStore(engine)
