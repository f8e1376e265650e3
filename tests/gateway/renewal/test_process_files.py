"""What the gates learn from the files of the processes on the same machine."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.ledger import KeptEnds, KeptUses, Role, migrate, open_database
from gateway.renewal import untold_uses
from gateway.vocabulary import RecordedOutcome
from tests.gateway.ledger.load import NEW, NOON, OLD, accepted, rejected, signer
from tests.gateway.ledger.losing import leave
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


def test_what_a_killed_process_has_left_keeps_every_gate_shut(key_file: Path) -> None:
    folder = KeptEnds.beside(key_file).folder
    assert untold_uses(key_file).disturbances == ()
    leave(folder)
    assert untold_uses(key_file).disturbances == (), "it had nothing to tell"
    leave(folder, accepted(OLD))
    (left,) = untold_uses(key_file).disturbances
    assert left.at is None
    assert left.sentence.startswith("host:1, sqlite:///wssgate.db, ended before it had told which keys signed")
    assert untold_uses(key_file).met == ()
    for file in folder.glob("*.uses"):
        file.write_text('"host:1"\nnothing of the sort\n')
    assert all("was altered" in found.sentence for found in untold_uses(key_file).disturbances)
    folder.rename(folder.with_suffix(".away"))
    folder.write_text("in its place")
    (unusable,) = untold_uses(key_file).disturbances
    assert unusable.sentence.endswith("cannot be read: Not a directory: run this as the user of the gateway")


def test_what_a_process_that_runs_has_met_is_a_use_of_this_moment(engine: Engine, key_file: Path) -> None:
    folder = KeptEnds.beside(key_file).folder
    gateway = Watcher(engine, NOON, kept=folder)
    gateway.watch(timedelta(seconds=30), timedelta(seconds=30))
    assert list(untold_uses(key_file).uses(engine)) == []
    late = rejected("timestamp-stale", signers=(signer(OLD, 7),), time=NOON)
    gateway.record(accepted(NEW, time=NOON), late)
    other = KeptUses(folder, "host:2")
    other.add(late)
    assert [str(use.alias) for use in untold_uses(key_file).uses(engine)] == ["acme-2026"], "the other is on record"
    other.add(rejected("timestamp-stale", signers=(signer(OLD, 8),), operation=None, time=NOON))
    new, old = sorted(untold_uses(key_file).uses(engine), key=lambda use: use.alias, reverse=True)
    assert (old.alias, old.operation, old.role, old.outcome) == (
        "acme-2024",
        None,
        Role.NEEDED,
        RecordedOutcome.FAILED,
    )
    assert (old.messages, old.first_seen, old.last_seen, old.is_under_way) == (
        0,
        gateway.instant(),
        gateway.instant(),
        True,
    )
    assert new.key_id == NEW.key_id
    assert untold_uses(key_file).disturbances == ()
    other.close(all_told=True)
    gateway.stop()
    assert untold_uses(key_file).met == ()
