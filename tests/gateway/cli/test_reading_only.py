"""Whoever looks after others can read everything and change nothing: a copy, as another user; a role of PostgreSQL."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.cli.command_tree import COMMANDS
from gateway.ledger import LedgerWriter, open_database
from tests.gateway.cli.reading_commands import CHANGING, NOT_READING, READING
from tests.gateway.cli.running import Run
from tests.gateway.ledger.load import OLD, accepted, rejected
from tests.postgresql import PASSWORD, Server

ROOT = Path(__file__).parents[3]


def _record(url: str) -> str:
    engine = open_database(url)
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(OLD)).result(10)
    found = writer.submit(rejected("unsigned")).result(10).record.id
    assert writer.close(10)
    engine.dispose()
    return found


def test_every_command_is_among_those_that_read_or_not() -> None:
    reading = {name for name in COMMANDS for typed in READING if typed == name or typed.startswith(f"{name} ")}
    assert set(COMMANDS) == reading | NOT_READING
    assert not reading & NOT_READING


@pytest.fixture
def copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders admit no other user at all
        yield Path(folder)
        Path(folder).chmod(0o755)


def test_every_reading_command_works_as_another_user_on_a_copy_that_nobody_may_write(
    run: Run, workplace: Path, signed_files: Path, copy: Path
) -> None:
    assert run("keystore", "add", "acme-2024", signed_files / "old.pem", "-e", "orders").code == 0
    record = _record(f"sqlite:///{workplace}/wssgate.db")
    # Made as docs/operate.md says, so that it is whole.
    subprocess.run(
        [sys.executable, "-c", _BACKUP, workplace / "wssgate.db", copy / "wssgate.db"], check=True, timeout=60
    )
    shutil.copy(workplace / "gateway.toml", copy)
    for path in copy.iterdir():
        path.chmod(0o444)
    copy.chmod(0o555)
    before = (copy / "wssgate.db").read_bytes()

    done = subprocess.run(
        [sys.executable, "-m", "tests.gateway.cli.reading_everything", workplace, copy, record],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert done.stderr == ""
    lines: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(READING) + 1
    for command, code, again, complaint in lines:
        assert again == code, f"{command}: {complaint}"
        assert ("readonly" in complaint) is (command == CHANGING), complaint
    assert sum(code == 0 for _, code, _, _ in lines) >= len(READING) - 1  # all but what has findings here
    assert (copy / "wssgate.db").read_bytes() == before
    assert {path.name for path in copy.iterdir()} == {"wssgate.db", "gateway.toml"}


_BACKUP = """
import sqlite3, sys
source, target = (sqlite3.connect(name) for name in sys.argv[1:])
source.backup(target)
target.close()
"""


@pytest.fixture
def auditor(postgresql: Server) -> Iterator[Callable[[str], str]]:
    """Makes a role that may only read, as docs/operate.md says, and gives its URL of a database."""
    postgresql.administer(f"CREATE ROLE auditor LOGIN PASSWORD '{PASSWORD}'")

    def grant(url: str) -> str:
        with psycopg.connect(url) as connection:
            connection.execute("GRANT USAGE ON SCHEMA public TO auditor")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor")
        return url.replace("//gate:", "//auditor:")

    yield grant
    postgresql.administer("DROP ROLE auditor")


def test_every_reading_command_works_with_a_role_that_may_only_read(
    run: Run,
    postgresql: Server,
    auditor: Callable[[str], str],
    signed_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with postgresql.database() as url:
        made = run("init", "--upstream", "http://127.0.0.1:9/orders", "--admin", "127.0.0.1:9", "--database", url)
        assert made.code == 0
        assert run("keystore", "add", "acme-2024", signed_files / "old.pem", "-e", "orders").code == 0
        record = _record(url)
        config = tmp_path / "gateway.toml"
        own, theirs = config.read_text(), config.read_text().replace(url, auditor(url))
        assert own != theirs
        for command in READING:
            words = command.replace("RECORD", record).split()
            config.write_text(own)
            code = run(*words).code
            config.write_text(theirs)
            ran = run(*words)
            assert ran.code == code, f"{command}: {ran.err}"
        ran = run(*CHANGING.split())
        assert (ran.code, "permission denied" in ran.err) == (3, True)
