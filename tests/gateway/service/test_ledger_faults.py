"""What a machine does to the ledger: a full disk, a lock that is held, a file that is read-only or was replaced.

Each time: 503 with a SOAP Fault and nothing of the response, then recovery by itself, and every delivered response has
exactly one record.
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import ChainState, open_database, verify_chain
from tests.gateway.exchange.harness import SECRET, Response, World, http, run, signed, world


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system can be mounted by root alone")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"this machine mounts no small file system: {mounted.stderr.decode(errors='replace').strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def _is_withheld(response: Response) -> bool:
    return (
        response.status == 503
        and b"Fault" in response.body
        and SECRET.encode() not in response.body
        and "wssgate-record" not in response.headers
        and response.headers["retry-after"] == "5"
    )


async def _recovers(it: World, delivered: list[Response]) -> None:
    """Without anybody's help the gateway becomes ready again; then every delivered response has one record."""
    for _ in range(400):
        if (await it.admin("/readyz")).status == 200:
            break
        await asyncio.sleep(0.05)
    delivered.append(await it.ask())
    assert delivered[-1].status == 200
    ids = [stored.record.id for stored in it.ledger()]
    assert len(ids) == len(set(ids))
    assert {response.headers["wssgate-record"] for response in delivered} <= set(ids)
    engine = open_database(it.gateway.settings.gateway.database)
    assert {report.state for report in verify_chain(engine)} == {ChainState.INTACT}
    engine.dispose()


def test_a_full_disk(small_disk: Path) -> None:
    async def scenario() -> None:
        async with world(small_disk) as it:
            it.receiver.reply = http(signed())
            delivered = [await it.ask()]
            ballast = small_disk / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 4096):
                    pass
            withheld = 0
            for _ in range(400):  # until what the write-ahead log still had room for is used up
                response = await it.ask()
                if response.status == 200:
                    delivered.append(response)
                    continue
                assert _is_withheld(response)
                withheld += 1
                if withheld == 3:
                    break
            assert withheld == 3
            assert (await it.admin("/readyz")).status == 503
            ballast.unlink()
            await _recovers(it, delivered)

    run(scenario())


def test_a_lock_that_another_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.exchange.pipeline.LEDGER_SECONDS", 0.3)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            delivered = [await it.ask()]
            holding = subprocess.Popen(
                ["python3", "-c", _HOLD, str(tmp_path / "wssgate.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert holding.stdout is not None
            assert await asyncio.to_thread(holding.stdout.readline) == b"held\n"
            assert _is_withheld(await it.ask())
            assert _is_withheld(await it.ask())
            await asyncio.to_thread(holding.communicate, b"\n")
            monkeypatch.setattr("gateway.exchange.pipeline.LEDGER_SECONDS", 30.0)
            await _recovers(it, delivered)

    run(scenario())


_NOBODY = 65534
_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


def test_a_database_that_may_only_be_read() -> None:
    if os.geteuid() != 0:
        pytest.skip("the gateway takes another user's rights for a moment, which root alone can do")

    async def scenario(folder: Path) -> None:
        async with world(folder) as it:
            it.receiver.reply = http(signed())
            delivered = [await it.ask()]
            (folder / "wssgate.db").chmod(0o644)
            os.seteuid(_NOBODY)
            try:
                await asyncio.to_thread(it.gateway._ledger._engine.dispose)  # connections opened with root's rights
                assert _is_withheld(await it.ask())
                assert _is_withheld(await it.ask())
                assert (await it.admin("/readyz")).status == 503
            finally:
                os.seteuid(0)
            await _recovers(it, delivered)

    # Not in tmp_path, into which nobody else can look.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        run(scenario(Path(name)))


def test_a_database_that_was_replaced_by_an_older_copy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            before = await it.ask()
            database, copy = tmp_path / "wssgate.db", tmp_path / "copy.db"
            source, target = sqlite3.connect(database), sqlite3.connect(copy)
            source.backup(target)
            source.close()
            target.close()
            lost = await it.ask()
            assert lost.status == 200
            await asyncio.to_thread(it.gateway._ledger._engine.dispose)
            for name in ("-wal", "-shm"):
                (tmp_path / f"wssgate.db{name}").unlink(missing_ok=True)
            copy.replace(database)
            await _recovers(it, [before])
            assert lost.headers["wssgate-record"] not in [stored.record.id for stored in it.ledger()]

    run(scenario())


def test_a_file_that_is_no_database_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            delivered = [await it.ask()]
            database = tmp_path / "wssgate.db"
            await asyncio.to_thread(it.gateway._ledger._engine.dispose)
            for name in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    (tmp_path / f"wssgate.db{name}").rename(tmp_path / f"away.db{name}")
            database.write_bytes(b"this is no database" * 1000)
            assert _is_withheld(await it.ask())
            assert (await it.admin("/readyz")).status == 503
            assert database.read_bytes().startswith(b"this is no database"), "the file was left as it is"
            for name in ("", "-wal", "-shm"):
                (tmp_path / f"wssgate.db{name}").unlink(missing_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    (tmp_path / f"away.db{name}").rename(tmp_path / f"wssgate.db{name}")
            await _recovers(it, delivered)

    run(scenario())
