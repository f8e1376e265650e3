"""The ends of chains beside the signing key, and what a database has lost of them."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from gateway.ledger import (
    KEPT_MICROSECONDS,
    KeptEnds,
    KeptEndsUnusable,
    SignedHead,
    SigningKey,
    find_signed_heads,
    lost_ends,
    migrate,
    open_database,
    signing_key,
    writing,
)
from gateway.ledger.proof import kept_ends as kept_ends_module
from tests.gateway.ledger.load import NOON, OLD, accepted
from tests.gateway.ledger.watched_time import Watcher
from tests.restoring import backup

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ends(tmp_path: Path) -> KeptEnds:
    return KeptEnds.beside(tmp_path / "wssgate-signing.key")


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return signing_key(tmp_path / "wssgate-signing.key")[0]


@pytest.fixture
def one(engine: Engine, key: SigningKey) -> Iterator[Watcher]:
    watcher = Watcher(engine, NOON, key=key)
    watcher.record(accepted(OLD, time=NOON), accepted(OLD, time=NOON))
    watcher.watch(MINUTE, MINUTE / 2)
    yield watcher
    watcher.stop()


def keep(ends: KeptEnds, watcher: Watcher, key: SigningKey | None) -> None:
    ends.keep(SignedHead.of(watcher.writer.head, key), "host/1, sqlite:///wssgate.db")


def unprotected(connection: Connection) -> None:
    """Take the protections of records, events and checkpoints away."""
    if connection.dialect.name == "sqlite":
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    else:
        for table in ("messages", "events", "checkpoints"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def lost(engine: Engine, ends: KeptEnds) -> list[str]:
    kept, damaged = ends.read()
    assert damaged == []
    return [found.what for found in lost_ends(engine, kept)]


def test_what_the_database_has_is_not_lost_and_the_folder_is_for_its_user_alone(
    engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher
) -> None:
    keep(ends, one, key)
    assert lost(engine, ends) == []
    one.record(accepted(OLD, time=NOON))
    assert lost(engine, ends) == [], "chains grow"
    keep(ends, one, key)
    assert lost(engine, ends) == []
    (file,) = ends.folder.iterdir()
    assert (ends.folder.name, file.name) == ("wssgate-signing.ends", f"{one.writer.writer}.end")
    assert (ends.folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert [found.head for found in find_signed_heads(file.read_text())] == [one.writer.head]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("record", "its records from number 3 to number 4 are gone"),
        ("event", "its events from number 5 to number 6 are gone, and no record"),
    ],
)
def test_a_database_that_was_put_back_has_lost_the_end(
    url: str, engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher, more: str, what: str
) -> None:
    with backup(url) as old:
        if more == "record":
            one.record(accepted(OLD, time=NOON), accepted(OLD, time=NOON))
        one.watch(MINUTE, MINUTE / 2)
        keep(ends, one, key)
        one.stop()
        engine.dispose()
        old.put_back()
        restored = open_database(url)
        assert lost(restored, ends) == [what]
        (found,) = lost_ends(restored, ends.read()[0])
        assert found.sentence == (
            f"host/1, sqlite:///wssgate.db, writer {found.kept.signed.head.writer}: {what}, "
            "from 2026-06-01 12:01:00Z to 2026-06-01 12:02:00Z and up to a minute after that"
        )
        assert found.content == {
            "what": "restored",
            "expected": found.kept.signed.head.place,
            "found": found.found.place if found.found else None,
        }
        restored.dispose()


def test_a_database_that_knows_nothing_of_a_writer_has_lost_all_of_it(
    tmp_path: Path, ends: KeptEnds, key: SigningKey, one: Watcher
) -> None:
    keep(ends, one, key)
    empty = open_database(f"sqlite:///{tmp_path}/another.db")
    migrate(empty)
    (found,) = lost_ends(empty, ends.read()[0])
    assert (found.what, found.content["found"]) == ("all of its records up to number 2 are gone", [])
    assert "from an unknown time to 2026-06-01 12:01:00Z" in found.sentence
    empty.dispose()


def test_a_chain_that_was_written_anew_up_to_the_same_place_is_another_one(
    engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher
) -> None:
    head = one.writer.head
    records = replace(head, records=replace(head.records, hash="f" * 64))
    ends.keep(SignedHead.of(records, key), "")
    assert lost(engine, ends) == ["its record number 2 is gone, or is another one"]
    ends.keep(SignedHead.of(replace(head, event_hash="f" * 64), key), "")
    assert lost(engine, ends) == ["its event number 4 is gone, or is another one"]


def test_a_record_and_an_event_that_were_taken_out_are_lost(
    engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher
) -> None:
    keep(ends, one, key)
    one.record(accepted(OLD, time=NOON))
    one.watch(MINUTE, MINUTE / 2)
    with writing(engine) as connection:
        unprotected(connection)
        connection.execute(text("DELETE FROM messages WHERE sequence = 2"))
    assert lost(engine, ends) == ["its record number 2 is gone, or is another one"]


def test_what_was_pruned_is_not_lost(engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher) -> None:
    keep(ends, one, key)
    kept = ends.read()[0]
    one.record(accepted(OLD, time=NOON))
    with writing(engine) as connection:
        unprotected(connection)
    for sequence in (2, 3):
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM checkpoints"))
            connection.execute(
                text(
                    "INSERT INTO checkpoints SELECT writer, sequence, hash, time, time FROM messages "
                    "WHERE sequence = :sequence"
                ),
                {"sequence": sequence},
            )
            connection.execute(text("DELETE FROM messages WHERE sequence <= :sequence"), {"sequence": sequence})
        assert lost_ends(engine, kept) == []
    with writing(engine) as connection:
        connection.execute(text("UPDATE checkpoints SET sequence = 2"))
    (found,) = lost_ends(engine, kept)
    assert found.what == "its record number 2 is gone, or is another one"


def test_heartbeats_that_were_summed_up_are_not_lost(
    engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher
) -> None:
    keep(ends, one, key)
    one.sleep(timedelta(hours=1))
    one.beat()
    with writing(engine) as connection:
        unprotected(connection)
        connection.execute(text("DELETE FROM events WHERE number = 4"))
    assert lost(engine, ends) == []


def test_what_was_told_is_not_told_again_and_old_ends_go(
    ends: KeptEnds, key: SigningKey, one: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(ends, one, key)
    ends.set_aside(one.writer.writer)
    ends.set_aside(one.writer.writer)
    assert ends.read() == ([], [])
    assert [path.name for path in ends.folder.iterdir()] == [f"{one.writer.writer}.end.lost"]
    keep(ends, one, key)
    ends.forget(one.true - 2 * KEPT_MICROSECONDS)
    assert len(list(ends.folder.iterdir())) == 2
    ends.forget(one.true + 1)
    assert list(ends.folder.iterdir()) == []
    for number in range(5):
        head = replace(one.writer.head, records=replace(one.writer.head.records, writer=f"{number}" * 36))
        ends.keep(SignedHead.of(replace(head, time=head.time + number), key), "")
    monkeypatch.setattr(kept_ends_module, "MOST_KEPT", 2)
    ends.forget(0)
    assert [found.signed.head.writer[0] for found in ends.read()[0]] == ["3", "4"]


@pytest.mark.parametrize("content", ["", "nothing", "{word}0", "x" * 100_000], ids=["empty", "text", "altered", "long"])
def test_a_file_that_was_altered_is_told_and_the_others_count(
    engine: Engine, ends: KeptEnds, key: SigningKey, one: Watcher, content: str
) -> None:
    keep(ends, one, key)
    word = str(SignedHead.of(one.writer.head, key))
    bad = ends.folder / f"{'b' * 36}.end"
    bad.write_text(content.format(word=word))
    kept, (problem,) = ends.read()
    assert [found.signed.head for found in kept] == [one.writer.head]
    assert str(bad) in problem
    assert "put it back from your backup, or move it away" in problem


def test_a_signature_of_nobody_does_not_count(ends: KeptEnds, key: SigningKey, one: Watcher) -> None:
    signed = SignedHead.of(one.writer.head, key)
    ends.keep(replace(signed, head=replace(signed.head, time=signed.head.time + 1)), "")
    kept, damaged = ends.read()
    assert (kept, len(damaged)) == ([], 1)
    keep(ends, one, None)
    assert [found.signed.public_key for found in ends.read()[0]] == [""], "an instance without a key keeps its ends too"


def test_a_pipe_in_the_folder_is_waited_for_by_nobody(ends: KeptEnds, key: SigningKey, one: Watcher) -> None:
    keep(ends, one, key)
    os.mkfifo(ends.folder / f"{'c' * 36}.end")
    (ends.folder / f"{'d' * 36}.end").mkdir()
    kept, damaged = ends.read()
    assert (len(kept), len(damaged)) == (1, 2)


def test_a_folder_that_cannot_be_used_says_so(ends: KeptEnds, key: SigningKey, one: Watcher) -> None:
    assert ends.read() == ([], []), "there is none yet"
    ends.folder.write_text("a file in its place")
    for use in (ends.read, lambda: keep(ends, one, key), lambda: ends.set_aside("w"), lambda: ends.forget(0)):
        with pytest.raises(KeptEndsUnusable, match="with the ends of the chains cannot be"):
            use()
    with ends.alone(0) as is_alone:
        assert not is_alone


def test_one_compares_at_a_time(ends: KeptEnds) -> None:
    with ends.alone(0) as first, ends.alone(0.01) as second:
        assert (first, second) == (True, False)
    with ends.alone(0) as again:
        assert again
