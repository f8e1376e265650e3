"""A real database of each kind for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from keystore.store import KeystoreStore, migrate


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> KeystoreStore:
    return KeystoreStore(engine)
