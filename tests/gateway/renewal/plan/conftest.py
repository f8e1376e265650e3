"""A real database of each kind."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from gateway.ledger import open_database


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_database(migrated_url)
    yield engine
    engine.dispose()
