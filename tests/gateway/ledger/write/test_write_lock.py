"""Writers of one SQLite file take turns."""

import stat
import threading
import time
from pathlib import Path

import pytest

from gateway.ledger.write import write_lock as turns
from gateway.ledger.write.write_lock import WriteLock


def test_one_that_waits_comes_before_one_that_comes_again(tmp_path: Path) -> None:
    order: list[str] = []
    first_is_in = threading.Event()

    def again_and_again(name: str, path: Path) -> None:
        mine = WriteLock(path)
        for _ in range(10):
            with mine:
                order.append(name)
                first_is_in.set()
                time.sleep(0.01)
        mine.close()

    threads = [threading.Thread(target=again_and_again, args=(name, tmp_path / "x.db")) for name in "ab"]
    threads[0].start()
    assert first_is_in.wait(5)
    threads[1].start()
    for thread in threads:
        thread.join(10)
    together = "".join(order)[2:18]
    assert "aaa" not in together
    assert "bbb" not in together
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x.db-queue", ".x.db-turn"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_one_that_does_not_let_go_holds_nobody_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.1)
    stopped, other = WriteLock(tmp_path / "x.db"), WriteLock(tmp_path / "x.db")
    with stopped:
        for _ in range(2):
            began = time.monotonic()
            with other:
                assert 0.1 <= time.monotonic() - began < 10
    with other, pytest.raises(ZeroDivisionError), stopped:
        raise ZeroDivisionError  # a turn that ends with an error ends all the same
    monkeypatch.setattr(turns, "TURN_SECONDS", 20)
    began = time.monotonic()
    with stopped:
        assert time.monotonic() - began < 10
    stopped.close()
    other.close()


def test_a_place_without_lock_files_does_not_matter(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (None, tmp_path / "gone" / "x.db"):
        mine = WriteLock(path)
        with mine:
            pass
        mine.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list(tmp_path.iterdir()) == []
