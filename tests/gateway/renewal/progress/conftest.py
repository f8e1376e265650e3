"""A renewal of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from gateway.ledger import migrate, open_database
from tests.gateway.ledger.watched_time import long_steps
from tests.gateway.renewal.progress.renewal_scene import STEP, RenewalScene


@pytest.fixture
def renewing(tmp_path: Path) -> Iterator[RenewalScene]:
    """See `RenewalScene`."""
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    migrate(engine)
    with long_steps(STEP * 1.2):
        scene = RenewalScene(engine, tmp_path)
        yield scene
        scene.close()
    engine.dispose()
