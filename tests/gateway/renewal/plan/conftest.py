"""A real database of each kind."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from gateway.ledger import migrate, open_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    migrate(engine)
    yield engine
    engine.dispose()
