"""A real database of each kind and a real writer for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from gateway.ledger import LedgerWriter, open_database


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_database(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[LedgerWriter]:
    writer = LedgerWriter(engine, "host:1")
    yield writer
    writer.close()
