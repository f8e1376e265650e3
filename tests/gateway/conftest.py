"""A scene on a real database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import migrate, open_database
from tests.gateway.report.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    migrate(engine)
    scene = Scene(engine)
    yield scene
    scene.close()
    engine.dispose()
