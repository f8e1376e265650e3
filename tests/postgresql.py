"""A real PostgreSQL for the tests: Debian's package, started here, in a folder of its own, and ended by its pid."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "a-secret-of-the-database"
USER = "gate"
_NUMBERS = count()


def installed() -> Path | None:
    """The folder of the newest PostgreSQL's programs; None where there is none."""
    found = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), key=lambda p: int(p.parent.name)
    )
    if found:
        return found[-1]
    program = shutil.which("initdb")
    return Path(program).parent if program else None


class Server:
    """A PostgreSQL server on a loopback port that stays the same over stop and start."""

    def __init__(self, folder: Path, programs: Path) -> None:
        """Make a new cluster in `folder`; `start` starts it."""
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            other = names.get("postgres") or names["nobody"]
            self._as = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
            os.chown(folder, other.pw_uid, other.pw_gid)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [
                *(programs / "initdb", "-D", self._data, "-U", USER, "--pwfile", secret, "--encoding=UTF8"),
                *("--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **self._as,
        )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 60,
            "shared_buffers": "32MB",
            # Processes are killed here, and never the machine.
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options], stdout=log, stderr=log, **self._as
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT at once and in order, SIGQUIT the way a crash ends it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let every process of the server stand still, the way a machine does that swaps or is gone."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *self._backends()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _backends(self) -> list[int]:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def url(self, database: str) -> str:
        """The URL of a database, with its password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def administer(self, statement: str) -> None:
        """Execute `statement` beside all databases of the tests."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str = "") -> Iterator[str]:
        """A new database, from its URL: empty, or a copy of `template`; dropped afterwards."""
        name = f"test_{next(_NUMBERS)}"
        self.administer(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        try:
            yield self.url(name)
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_server() -> Iterator[Server]:
    """A server, started; ended and removed afterwards.

    Raises:
        RuntimeError: PostgreSQL is not installed.
    """
    programs = installed()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed here (on Debian: apt-get install postgresql)")
    # Not in pytest's own folders, which admit no other user.
    with tempfile.TemporaryDirectory(prefix="wssgate-postgresql-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), programs)
        try:
            server.start()
            yield server
        finally:
            server.stop()
