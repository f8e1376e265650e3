"""What keeps every gate shut because the database does not know any more what was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.ledger import KeptEnds, SignedHead, migrate, open_database, signing_key
from gateway.renewal.lost_records import disturbances_of_kept_ends
from tests.gateway.ledger.load import NOON, OLD, accepted
from tests.gateway.ledger.watched_time import Watcher


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "wssgate-signing.key"


def sentences(engine: Engine, key_file: Path) -> list[str]:
    return [found.sentence for found in disturbances_of_kept_ends(engine, key_file)]


def test_what_is_kept_and_is_in_the_database_disturbs_nothing(engine: Engine, key_file: Path, tmp_path: Path) -> None:
    assert sentences(engine, key_file) == []
    key, _ = signing_key(key_file)
    one = Watcher(engine, NOON, key=key)
    one.record(accepted(OLD, time=NOON))
    KeptEnds.beside(key_file).keep(SignedHead.of(one.writer.head, key), "host/1, sqlite:///wssgate.db")
    assert sentences(engine, key_file) == []
    one.stop()
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    migrate(other)
    (lost,) = sentences(other, key_file)
    other.dispose()
    assert lost.startswith("the database was put back to an older state, or is another one")
    assert "restart the gateway on this machine" in lost


def test_a_kept_end_that_was_altered_tells_nothing(engine: Engine, key_file: Path) -> None:
    key, _ = signing_key(key_file)
    one = Watcher(engine, NOON, key=key)
    one.record(accepted(OLD, time=NOON))
    ends = KeptEnds.beside(key_file)
    ends.keep(SignedHead.of(one.writer.head, key), "host/1, sqlite:///wssgate.db")
    one.stop()
    (file,) = (path for path in ends.folder.iterdir() if path.suffix == ".end")
    file.write_text("nothing of the sort\n")
    (damaged,) = sentences(engine, key_file)
    assert damaged.startswith("nobody knows whether the database was put back to an older state: ")


def test_a_folder_that_cannot_be_read_tells_nothing(engine: Engine, key_file: Path) -> None:
    KeptEnds.beside(key_file).folder.write_text("a file in its place")
    (unknown,) = sentences(engine, key_file)
    assert unknown.endswith("run this as the user of the gateway")
