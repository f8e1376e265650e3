"""Which keys signed what a killed process had not recorded is told by the next one, from a file."""

import asyncio
import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.ledger import (
    EventKind,
    KeptUses,
    LedgerClosed,
    LedgerTooSlow,
    LedgerUnavailable,
    LedgerWriter,
    LeftUses,
    MessageRecord,
    left_uses,
    verify_ledger,
)
from gateway.ledger.write import kept_uses as kept_uses_module
from gateway.ledger.write import writer as writer_module
from gateway.ledger.write.use_cells import MOST_CELLS
from tests.gateway.ledger.load import NEW, OLD, accepted, rejected, signer
from tests.gateway.ledger.losing import is_away, leave, record_taken, tell_left, without_records
from tests.gateway.ledger.write.test_unrecorded_uses import of, told

ROOT = Path(__file__).parents[4]
KILLED = """
import os, sys, time
from pathlib import Path
from gateway.ledger import EventKind, KeptUses, LedgerTooSlow, LedgerUnavailable, LedgerWriter, open_database
from tests.gateway.ledger.write.test_unrecorded_uses import of
from tests.gateway.ledger.load import OLD, RENEWED, signer
engine = open_database(sys.argv[1])
writer = LedgerWriter(engine, "host:1", kept_uses=KeptUses(Path(sys.argv[2]), "host:1"))
writer.submit(of("committed")).result(30)
def fail(*_):
    raise LedgerUnavailable("it is away")
writer._chains.write = fail
for record in (of("refused"), of("refused"), of("other", signer(OLD, 1, needed=False), signer(RENEWED, 1))):
    try:
        writer.submit(record).result(30)
    except LedgerUnavailable:
        pass
writer._chains.write = lambda *_: time.sleep(600)
writer.submit(of("in hand"))
writer.submit(of("waits"))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "wssgate-signing.ends"


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is always time for a turn."""
    monkeypatch.setattr(kept_uses_module, "ROTATION_SECONDS", 0)


def cells(folder: Path) -> set[tuple[str, str, str]]:
    """Operation, alias and role in all files, as whoever comes next would read them."""
    found = set()
    for path in folder.glob("*.uses"):
        _, *lines = path.read_bytes().partition(b"\0")[0].splitlines()
        found |= {(line[1], line[5], line[6]) for line in map(json.loads, lines)}
    return found


def left(folder: Path) -> list[LeftUses]:
    """What those have left that do not run any more."""
    return [one for one in left_uses(folder) if not one.is_alive]


def kept(folder: Path) -> KeptUses:
    return KeptUses(folder, "host:1, sqlite:///wssgate.db")


def test_what_a_killed_process_had_not_told_is_told_by_the_next(engine: Engine, folder: Path) -> None:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg:", ":")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, url, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        assert left(folder) == [], "it lives"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    (found,) = left(folder)
    assert found.about == "host:1"
    assert (len(found.uses), found.is_damaged) == (6, False)
    assert "start the gateway on this machine" in found.sentence

    writer = LedgerWriter(engine, "host:2", kept_uses=kept(folder))
    writer.submit(of("first")).result(30)
    expected = [
        ("committed", "acme-2024", "needed", 0),
        ("in hand", "acme-2024", "needed", 0),
        ("other", "acme-2024", "present", 0),
        ("other", "acme-2025", "needed", 0),
        ("refused", "acme-2024", "needed", 0),
        ("waits", "acme-2024", "needed", 0),
    ]
    assert told(engine) == expected
    assert writer.close(30)
    assert list(folder.iterdir()) == []
    LedgerWriter(engine, "host:3", kept_uses=kept(folder)).close()
    assert told(engine) == expected, "once"
    assert verify_ledger(engine).is_intact


def test_what_one_has_left_stays_until_it_is_told(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    leave(folder, of("a"))
    with monkeypatch.context() as patch:
        patch.setattr("gateway.ledger.write.transactions.ChainTransactions.write", is_away)
        writer = LedgerWriter(engine, "host:2", kept_uses=kept(folder))
        with pytest.raises(LedgerUnavailable):
            writer.submit(of("b")).result(30)
        assert [one.uses for one in left(folder)] != [], "nobody has told it yet"
    until(lambda: not left(folder))
    assert told(engine) == [("a", "acme-2024", "needed", 0), ("b", "acme-2024", "needed", 1)]
    writer.close()


def test_a_process_that_could_not_tell_at_its_end_leaves_it(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("a")).result(30)
    monkeypatch.setattr(writer._chains, "write", is_away)
    with pytest.raises(LedgerUnavailable):
        writer.submit(of("b", signer(NEW, 1))).result(30)
    writer.close()
    (found,) = left(folder)
    assert cells(folder) == {("a", "acme-2024", "needed"), ("b", "acme-2026", "needed")}
    assert len(found.uses) == 2


def test_one_that_waits_for_nothing_and_never_is_written_is_left(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    monkeypatch.setattr(writer._chains, "write", is_away)
    writer.enqueue(of("a"))
    writer.close()
    assert cells(folder) == {("a", "acme-2024", "needed")}
    assert len(left(folder)) == 1


@pytest.mark.usefixtures("turns")
def test_what_is_written_is_kept_no_longer(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("a")).result(30)
    for name in ("b", "c", "d"):
        writer.submit(of(name)).result(30)
    deadline = time.monotonic() + 30
    while cells(folder) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert cells(folder) == set()
    monkeypatch.setattr(kept_uses_module, "ROTATION_SECONDS", 3600)
    for name in ("e", "f", "g"):
        writer.submit(of(name)).result(30)
    assert ("g", "acme-2024", "needed") in cells(folder), "its turn has not come"
    writer.close()


@pytest.mark.usefixtures("turns")
def test_what_waits_is_kept_over_every_turn(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that came before a turn and after it, while a transaction takes its time."""
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("before")).result(30)
    write, goes_on = writer._chains.write, threading.Event()

    def slow(*what: Any) -> None:
        assert goes_on.wait(30)
        write(*what)

    monkeypatch.setattr(writer._chains, "write", slow)
    is_taken = record_taken(monkeypatch)
    waiting = [writer.submit(of("in hand"))]
    assert is_taken.wait(30)
    waiting += [writer.submit(of(f"waits {number}")) for number in range(5)]
    expected = {(name, "acme-2024", "needed") for name in ("in hand", *(f"waits {number}" for number in range(5)))}
    assert expected <= cells(folder)
    goes_on.set()
    for future in waiting:
        future.result(30)
    writer.close()
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("turns")
def test_what_could_not_be_recorded_is_kept_over_every_turn(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("before")).result(30)
    with monkeypatch.context() as patch:
        patch.setattr(writer._chains, "write", is_away)
        for name in ("a", "b", "c"):
            with pytest.raises(LedgerUnavailable):
                writer.submit(of(name)).result(30)
            assert (name, "acme-2024", "needed") in cells(folder)
        assert {name for name, _, _ in cells(folder)} >= {"a", "b", "c"}
    writer.submit(of("after")).result(30)
    writer.close()
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("turns")
def test_one_that_lives_tells_what_another_has_left(engine: Engine, folder: Path) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("a")).result(30)
    leave(folder, of("b"))
    deadline = time.monotonic() + 30
    number = 0
    while left(folder) and time.monotonic() < deadline:
        writer.submit(of(f"c{(number := number + 1)}")).result(30)
    assert told(engine) == [("b", "acme-2024", "needed", 0)]
    writer.close()


def test_of_many_operations_those_beyond_are_kept_together(folder: Path) -> None:
    leave(folder, *(of(f"operation {number}") for number in range(MOST_CELLS + 5)), of("x" * 10_000_000))
    (found,) = left(folder)
    assert len(found.uses) == MOST_CELLS + 1
    assert not found.is_damaged


def test_a_long_name_and_a_strange_one_are_kept(folder: Path) -> None:
    leave(folder, of("x" * 10_000_000), of('a"\n\0\ud800é\U0001f600'))
    (found,) = left(folder)
    assert {len(use.cell[1]) for use in found.uses} == {512, 7}
    assert not found.is_damaged


def test_a_file_is_written_for_a_cell_once(folder: Path) -> None:
    uses = kept(folder)
    for _ in range(50):
        uses.add(of("a"))
        uses.add(of("a", signer(NEW, 1)))
        uses.add(accepted(OLD, signers=None))
        uses.add(accepted(OLD, signers=()))
    (file,) = folder.glob("*.uses")
    assert len(file.read_bytes().partition(b"\0")[0].splitlines()) == 3
    assert uses.has(of("a"))
    assert not uses.has(of("b"))
    uses.close(all_told=True)
    assert list(folder.iterdir()) == []


def test_files_without_a_cell_are_removed_and_tell_nothing(engine: Engine, folder: Path) -> None:
    leave(folder)
    assert [one.uses for one in left(folder)] == [frozenset()]
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("a")).result(30)
    assert told(engine) == []
    writer.close()
    assert list(folder.iterdir()) == []


def test_what_nobody_finished_writing_is_left_out(folder: Path) -> None:
    leave(folder, of("a"), of("b"))
    (file,) = folder.glob("*.uses")
    written = file.read_bytes().partition(b"\0")[0]
    for length in range(len(written)):
        file.write_bytes(written[:length] + bytes(100))
        (found,) = left(folder)
        lines = written[:length].count(b"\n")
        assert found.is_damaged is not bool(lines), "the first one was there before the file had its name"
        assert len(found.uses) == max(0, lines - 1)


@pytest.mark.parametrize(
    "line",
    [
        '["orders"]',
        "{}",
        "nonsense",
        "[" * 100_000,
        "\xff",
        json.dumps(["orders", "a", "", "x", "b" * 64, "alias", "needed", None]),
        json.dumps(["orders", "a", "", "a" * 64, "x", "alias", "needed", None]),
        json.dumps(["orders", "a", "", "a" * 64, "b" * 64, "alias", "repeated", None]),
        json.dumps(["orders", 7, "", "a" * 64, "b" * 64, "alias", "needed", None]),
        *(
            json.dumps(["orders", "a", "", "a" * 64, "b" * 64, "alias", "needed", signatures])
            for signatures in (
                7,
                [],
                ["x"],
                [["a" * 40]],
                [["a" * 39, 1]],
                [[1, 1]],
                [["a" * 40, "x"]],
                [["a" * 40, True]],
            )
        ),
        "\0x",
        *(
            json.dumps(["orders", name, "", "a" * 64, "b" * 64, "alias", "needed", None])
            for name in ("\ud800", "a\0b", "x" * 513)
        ),
    ],
)
def test_an_altered_file_is_told_as_such_and_stays(engine: Engine, folder: Path, line: str) -> None:
    leave(folder, of("a"))
    (file,) = folder.glob("*.uses")
    altered = file.read_bytes().partition(b"\0")[0] + line.encode("latin-1") + b"\n"
    file.write_bytes(altered)
    (found,) = left(folder)
    assert found.is_damaged
    assert "was altered" in found.sentence
    uses = kept(folder)
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    writer.submit(of("b")).result(30)
    assert uses.problem == found.sentence
    writer.close()
    assert file.read_bytes() == altered
    assert told(engine) == []


@pytest.mark.parametrize("first", ["[]", "nonsense", "7"])
def test_a_file_with_another_beginning_is_altered(folder: Path, first: str) -> None:
    leave(folder, of("a"))
    (file,) = folder.glob("*.uses")
    file.write_bytes(first.encode() + b"\n" + file.read_bytes().split(b"\n", 1)[1])
    (found,) = left(folder)
    assert (found.is_damaged, found.about) == (True, "a process")


def test_what_is_told_to_people_of_a_file_moves_no_terminal(folder: Path) -> None:
    leave(folder, of("a"))
    (file,) = folder.glob("*.uses")
    file.write_bytes(b'"host\\u001b[2J"\n' + file.read_bytes().split(b"\n", 1)[1])
    (found,) = left(folder)
    assert (found.is_damaged, found.about) == (False, "a process")


def test_a_file_without_end_is_altered(folder: Path) -> None:
    leave(folder, of("a"))
    (file,) = folder.glob("*.uses")
    line = file.read_bytes().partition(b"\0")[0].splitlines(keepends=True)[1]
    with file.open("wb") as stream:
        stream.write(b'"host:1"\n' + line * (8 * 1024 * 1024 // len(line) + 2))
    (found,) = left(folder)
    assert found.is_damaged


def test_what_is_no_file_is_nobodys(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "pipe.uses")
    (folder / "folder.uses").mkdir()
    (folder / "a.end").write_text("")
    assert left(folder) == []
    (tmp_path / "elsewhere").write_text('"me"\n')
    (folder / "link.uses").symlink_to(tmp_path / "elsewhere")
    uses = kept(folder)
    uses.left()
    assert uses.problem is not None
    assert "cannot be read" in uses.problem
    uses.close(all_told=True)


def test_a_folder_that_cannot_be_made_is_a_problem_until_it_can(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_uses_module, "ROTATION_SECONDS", 0)
    folder.write_text("in its place")
    uses = kept(folder)
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    for name in ("a", "b"):
        writer.submit(of(name)).result(30)
        assert uses.problem is not None
        assert "cannot be kept in" in uses.problem
    folder.unlink()
    deadline = time.monotonic() + 30
    while uses.problem is not None and time.monotonic() < deadline:
        writer.submit(of("c")).result(30)
    assert uses.problem is None
    monkeypatch.setattr(kept_uses_module, "ROTATION_SECONDS", 3600)
    for name in ("c", "d"):
        writer.submit(of(name)).result(30)
    assert ("d", "acme-2024", "needed") in cells(folder)
    writer.close()


def test_a_full_disk_is_told_and_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uses = kept(folder)
    uses.add(of("a"))
    with monkeypatch.context() as patch:
        write = os.pwrite
        patch.setattr(os, "pwrite", lambda fd, octets, at: write(fd, octets[:40], at))
        uses.add(of("b"))
        assert uses.problem is not None
        assert "No space left" in uses.problem
        (file,) = folder.glob("*.uses")
        assert file.read_bytes().partition(b"\0")[0].count(b"\n") == 2, "half of a line is none"
    uses.add(of("b"))
    assert cells(folder) == {("a", "acme-2024", "needed"), ("b", "acme-2024", "needed")}
    uses.close(all_told=False)
    (found,) = left(folder)
    assert not found.is_damaged


def test_what_is_told_and_cannot_be_removed_is_told_once(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_uses_module, "ROTATION_SECONDS", 0)
    leave(folder, of("a"))
    uses = kept(folder)
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    unlink = Path.unlink

    def refused(path: Path, *, missing_ok: bool = False) -> None:
        if uses._telling == [path]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        for name in ("b", "c", "d"):
            writer.submit(of(name)).result(30)
        assert uses.problem is not None
        assert "Permission denied" in uses.problem
    writer.submit(of("e")).result(30)
    until(lambda: uses.problem is None)
    writer.close()
    assert told(engine) == [("a", "acme-2024", "needed", 0)]
    assert list(folder.iterdir()) == []


def test_room_is_reserved(folder: Path) -> None:
    """What cannot be recorded because the disk is full is kept all the same."""
    uses = kept(folder)
    (file,) = folder.glob("*.uses")
    blocks = file.stat().st_blocks
    for number in range(100):
        uses.add(of(f"operation {number}"))
    assert file.stat().st_blocks == blocks
    uses.close(all_told=True)


def test_nothing_is_kept_without_a_folder() -> None:
    uses = KeptUses()
    uses.add(of("a"))
    assert uses.has(of("a"))
    assert uses.left() == frozenset()
    assert not uses.prepare_turn()
    uses.sync()
    uses.settle()
    uses.close(all_told=False)
    assert uses.problem is None


def present(folder: Path) -> set[str]:
    """The operations in each file, as one word a file."""
    return {
        "".join(line[1] for line in map(json.loads, path.read_bytes().partition(b"\0")[0].splitlines()[1:]))
        for path in folder.glob("*.uses")
    }


@pytest.mark.usefixtures("turns")
def test_after_a_turn_everything_is_written_anew(folder: Path) -> None:
    uses = kept(folder)
    uses.add(of("a"))
    assert uses.prepare_turn()
    uses.turn()
    assert not uses.has(of("a"))
    assert present(folder) == {"a", ""}
    uses.add(of("a"))
    uses.add(of("b"))
    assert not uses.prepare_turn(), "what came before the turn may not be told yet"
    assert present(folder) in ({"a", "ab"}, {"a", "ba"})
    uses.settle()
    assert present(folder) in ({"ab"}, {"ba"})
    uses.close(all_told=True)


def test_it_is_no_time_for_a_turn_for_half_a_minute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    uses = kept(folder)
    for passed, is_time in ((29, False), (31, True)):
        monkeypatch.setattr(time, "monotonic", lambda passed=passed: now + passed)
        assert uses.prepare_turn() is is_time
    uses.turn()
    uses.settle()
    assert not uses.prepare_turn()
    uses.close(all_told=True)


@pytest.mark.usefixtures("turns")
def test_what_is_kept_is_on_the_disk_before_the_database_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file of this process, and the folder with its name."""
    synced: list[str] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    uses = kept(folder)
    (first,) = (path.name for path in folder.glob("*.uses"))
    assert synced == [Path(first).with_suffix(".part").name], "its first line, before it has its name"
    synced.clear()
    uses.sync()
    assert synced == [first, folder.name]
    uses.sync()
    assert len(synced) == 2, "once is enough"
    uses.add(of("a"))
    uses.sync()
    assert synced[2:] == [first, folder.name]
    uses.add(of("b"))
    assert uses.prepare_turn()
    uses.turn()
    synced.pop()
    uses.add(of("c"))
    uses.sync()
    (second,) = {path.name for path in folder.glob("*.uses")} - {first}
    assert synced[4:] == [first, folder.name, second, folder.name]
    uses.close(all_told=True)


def test_it_is_synced_before_each_transaction(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    uses = kept(folder)
    monkeypatch.setattr(uses, "sync", lambda: steps.append("synced"))
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    write = writer._chains.write

    def noted(group: Any, events: Any) -> None:
        steps.append("written")
        write(group, events)

    monkeypatch.setattr(writer._chains, "write", noted)
    writer.submit(of("a")).result(30)
    assert steps[:2] == ["synced", "written"]
    writer.close()


def test_names_that_somebody_makes_up_fill_no_memory(folder: Path) -> None:
    uses = kept(folder)
    for number in range(10_000):
        uses.add(of(f"operation {number}"))
    uses.add(of("x" * 1_000_000))
    assert len(uses._noted) < 5000
    assert len(uses._uses) == MOST_CELLS + 1
    assert max(len(noted[1] or "") for noted in uses._noted) < 1000
    uses.close(all_told=True)
    few = kept(folder)
    few.add(of("x" * 1_000_000))
    assert not few._noted
    few.close(all_told=True)


def test_what_one_tells_already_it_does_not_find_again(folder: Path) -> None:
    leave(folder, of("a"))
    uses = kept(folder)
    assert {use.cell[1] for use in uses.left()} == {"a"}
    assert uses.left() == frozenset()
    leave(folder, of("b"))
    assert {use.cell[1] for use in uses.left()} == {"b"}
    uses.settle()
    uses.close(all_told=True)
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("turns")
def test_what_another_has_left_is_told_without_anything_else(engine: Engine, folder: Path) -> None:
    leave(folder, of("a"))
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    until(lambda: told(engine) == [("a", "acme-2024", "needed", 0)])
    leave(folder, of("b"))
    writer.submit(of("c")).result(30)
    until(lambda: len(told(engine)) == 2)
    writer.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_taken_back_is_told_without_anything_else(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = kept(folder)
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    writer.submit(of("first")).result(30)
    with monkeypatch.context() as patch:
        patch.setattr(writer._group_commit, "came", lambda _: None)  # it gathers, and is not taken
        with pytest.raises(LedgerTooSlow):
            asyncio.run(writer.append(of("too slow"), seconds=0.05))
    until(lambda: told(engine) == [("too slow", "acme-2024", "needed", 1)])
    assert ("too slow", "acme-2024", "needed") in cells(folder)
    cancelled = writer.submit(of("cancelled"))
    writer.close()
    assert cancelled.done()


def test_one_that_is_cancelled_before_the_writer_begins_is_told(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    with monkeypatch.context() as patch:
        patch.setattr(writer._group_commit, "came", lambda _: None)
        assert writer.submit(of("a")).cancel()
    writer.submit(of("b")).result(30)
    until(lambda: told(engine) == [("a", "acme-2024", "needed", 1)])
    writer.close()


def test_what_was_never_queued_is_kept_until_it_is_told(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("a")).result(30)
    monkeypatch.setattr(writer._chains, "write", is_away)
    with pytest.raises(LedgerUnavailable):
        writer.submit(of("b")).result(30)
    with pytest.raises(LedgerUnavailable):
        writer.enqueue(of("c"))
    assert {name for name, _, _ in cells(folder)} == {"a", "b", "c"}
    writer.close()


def test_one_that_cannot_be_told_is_not_tried_without_a_pause(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.2)
    leave(folder, of("a"))
    tries: list[float] = []

    def fail(*_: Any) -> None:
        tries.append(time.monotonic())
        raise LedgerUnavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr("gateway.ledger.write.transactions.ChainTransactions.write", fail)
        writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
        until(lambda: len(tries) > 3 and not writer.healthy)
    assert all(later - earlier > 0.15 for earlier, later in itertools.pairwise(tries[:4]))
    until(lambda: told(engine) == [("a", "acme-2024", "needed", 0)] and writer.healthy)
    writer.close()


@pytest.mark.usefixtures("turns")
def test_what_is_owed_is_kept_until_it_is_written(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer was given: nobody else knows of it."""
    monkeypatch.setattr(writer_module, "PROBE_SECONDS", 0.02)
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("before")).result(30)
    with monkeypatch.context() as patch:
        patch.setattr(writer._chains, "write", without_records(writer._chains.write))
        writer.enqueue(of("owed"))
        until(lambda: writer.state.last_error is not None)
        for _ in range(3):
            writer.tell(EventKind.CONFIGURATION, {"endpoints": {}}).result(30)
            assert ("owed", "acme-2024", "needed") in cells(folder)
    until(lambda: writer.state.records == 2)
    writer.close()
    assert list(folder.iterdir()) == []
    assert told(engine) == []


@pytest.mark.usefixtures("turns")
def test_what_waits_when_others_are_taken_is_kept(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one transaction takes."""
    monkeypatch.setattr(writer_module, "GROUP_LIMIT", 2)
    writer = LedgerWriter(engine, "host:1", kept_uses=kept(folder))
    writer.submit(of("before")).result(30)
    writer.submit(of("before")).result(30)
    missing: list[str] = []
    waiting = {f"waits {number}" for number in range(9)}
    write = writer._chains.write

    def look(group: Any, events: Any) -> None:
        written = {encoded.record.operation for encoded in group}
        missing.extend((waiting - {name for name, _, _ in cells(folder)}) - done)
        write(group, events)
        done.update(written)

    done: set[str] = set()
    with monkeypatch.context() as patch:
        patch.setattr(writer._group_commit, "came", lambda _: None)
        patch.setattr(writer, "_release", lambda: None)
        futures = [writer.submit(of(name)) for name in sorted(waiting)]
    monkeypatch.setattr(writer._chains, "write", look)
    writer.tell(EventKind.CONFIGURATION, {"endpoints": {}}).result(30)
    writer._release()
    for future in futures:
        future.result(30)
    assert missing == []
    writer.close()
    assert list(folder.iterdir()) == []


def test_at_its_end_one_removes_what_it_has_told_of_others(engine: Engine, folder: Path) -> None:
    leave(folder, of("a"))
    uses = kept(folder)
    assert uses.left()
    uses.close(all_told=False)
    assert len(left(folder)) == 2
    uses = kept(folder)
    assert uses.left()
    uses.close(all_told=True)
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("turns")
def test_at_its_end_one_leaves_no_file_that_it_never_used(folder: Path) -> None:
    uses = kept(folder)
    uses.add(of("a"))
    assert uses.prepare_turn()
    assert len(list(folder.glob("*.uses"))) == 2
    uses.close(all_told=False)
    assert len(list(folder.glob("*.uses"))) == 1
    assert cells(folder) == {("a", "acme-2024", "needed")}


def late(number: int, **fields: Any) -> MessageRecord:
    """A message that is rejected although its signature is good."""
    return rejected("timestamp-stale", operation="late", signers=(signer(OLD, number),), **fields)


def test_an_old_message_that_was_sent_again_before_a_process_was_killed_is_no_use(engine: Engine, folder: Path) -> None:
    """As with those that are recorded: or a stranger could keep a gate shut with it."""
    writer = LedgerWriter(engine, "host:1")
    writer.submit(late(1)).result(30)
    writer.close()
    tell_left(engine, folder, late(1), late(1))
    assert told(engine) == []
    tell_left(engine, folder, late(1), late(2))
    assert told(engine) == [("late", "acme-2024", "needed", 0)]
    tell_left(engine, folder, late(2))
    assert len(told(engine)) == 1, "it was told"
    tell_left(engine, folder, of("late", signer(OLD, 1)))
    assert len(told(engine)) == 2, "an accepted one counts in any case"
    assert verify_ledger(engine).is_intact


def test_a_message_that_is_sent_again_and_again_is_written_down_once(folder: Path) -> None:
    uses = kept(folder)
    for _ in range(5):
        uses.add(late(1))
    assert uses.has(late(1))
    assert not uses.has(late(2))
    uses.add(late(2))
    uses.close(all_told=False)
    (found,) = left(folder)
    assert sorted(len(use.signatures) for use in found.uses) == [1, 1]
    assert {use.is_certain for use in found.uses} == {False}


def test_who_comes_when_the_end_was_told_is_left_to_the_next(engine: Engine, folder: Path) -> None:
    uses = kept(folder)
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    writer.submit(of("first")).result(30)
    writer.close()
    assert left(folder) == []
    for _ in range(2):
        with pytest.raises(LedgerClosed):
            writer.submit(of("too late"))
    assert {name for name, _, _ in cells(folder)} == {"too late"}
    assert len(left(folder)) == 1
    next_one = LedgerWriter(engine, "host:2", kept_uses=kept(folder))
    until(lambda: told(engine) == [("too late", "acme-2024", "needed", 0)])
    next_one.close()
    assert list(folder.iterdir()) == []


def test_what_cannot_be_left_to_the_next_is_a_problem(engine: Engine, folder: Path) -> None:
    uses = kept(folder)
    writer = LedgerWriter(engine, "host:1", kept_uses=uses)
    writer.close()
    folder.rmdir()
    folder.write_text("in its place")
    with pytest.raises(LedgerClosed):
        writer.submit(of("too late"))
    assert uses.problem is not None


def test_uses_are_kept_no_longer_than_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    uses, others = KeptUses(folder, "host:1", seconds=2), KeptUses(folder, "host:2", seconds=1e9)
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert uses.prepare_turn()
    assert not others.prepare_turn()
    for one in (uses, others):
        one.close(all_told=True)


def test_an_old_message_that_is_sent_again_in_many_cells_is_no_use(engine: Engine, folder: Path) -> None:
    """A stranger may make up operations, and the server's name."""
    writer = LedgerWriter(engine, "host:1")
    writer.submit(late(1)).result(30)
    writer.close()
    tell_left(engine, folder, *(late(1, server=f"node-{number}") for number in range(MOST_CELLS + 5)))
    assert told(engine) == []


def test_of_very_many_signatures_it_is_not_told_apart_which_one_it_was(folder: Path) -> None:
    uses = kept(folder)
    for number in range(6 * MOST_CELLS):
        uses.add(late(number))
    uses.close(all_told=False)
    (found,) = left(folder)
    assert len(found.uses) == 4 * MOST_CELLS + 1
    assert [use.cell[1] for use in found.uses if use.is_certain] == ["*"]
    assert not found.is_damaged


def test_what_was_being_made_when_its_process_was_killed_is_removed(folder: Path) -> None:
    leave(folder, of("a"))
    (file,) = folder.glob("*.uses")
    old, new = folder / f"{'a' * 16}.part", folder / f"{'b' * 16}.part"
    others = folder / "0198f0a4.4711.part"
    for path in (old, new, others):
        path.write_bytes(bytes(10))
    hour_ago = time.time() - 3600
    for path in (old, others):
        os.utime(path, (hour_ago, hour_ago))
    uses = kept(folder)
    uses.left()
    assert (old.exists(), new.exists(), others.exists()) == (False, True, True)
    uses.settle()
    uses.close(all_told=True)
    assert not file.exists()
