"""A renewal of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from gateway.ledger import open_database
from tests.gateway.ledger.watched_time import long_steps
from tests.gateway.renewal.progress.renewal_scene import STEP, RenewalScene


@pytest.fixture
def renewing(tmp_path: Path, migrated_file: str) -> Iterator[RenewalScene]:
    """See `RenewalScene`."""
    engine = open_database(migrated_file)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    with long_steps(STEP * 1.2):
        scene = RenewalScene(engine, tmp_path)
        yield scene
        scene.close()
    engine.dispose()
