"""A scene on a real database for each test."""

from collections.abc import Iterator

import pytest

from gateway.ledger import open_database
from tests.gateway.report.scene import Scene


@pytest.fixture
def scene(migrated_file: str) -> Iterator[Scene]:
    engine = open_database(migrated_file)
    scene = Scene(engine)
    yield scene
    scene.close()
    engine.dispose()
