"""A whole renewal, played once for all tests that only read it, and one for each that changes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import open_database
from tests.gateway.renewal.signoff.signoff_scene import SignoffScene, days_pass


@pytest.fixture
def scene(tmp_path: Path, migrated_file: str) -> Iterator[SignoffScene]:
    """See `SignoffScene`; nothing has happened yet."""
    engine = open_database(migrated_file)
    with days_pass():
        made = SignoffScene(engine, tmp_path)
        yield made
        made.watcher.stop()
    engine.dispose()
