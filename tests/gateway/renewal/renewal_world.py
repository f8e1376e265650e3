"""A renewal with everything that takes part in it, but the days: a receiver that signs by its own clock, a gateway and
the commands as processes, and a client, all over HTTP on loopback. The clocks are the test's (`moved_clock`).
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause, text

from fixtures.generator import soap
from fixtures.generator.signing import sign
from gateway.ledger import open_database
from keystore import to_microseconds
from tests.gateway.cli.running import Ran
from tests.gateway.exchange.harness import KEYS
from tests.gateway.renewal.moved_clock import LONGEST_STEP, SIZE
from tests.gateway.renewal.running_gateway import request

ROOT = Path(__file__).parents[3]
START = datetime(2031, 3, 26, 9, tzinfo=UTC)
"""Four days before Europe puts its clocks forward."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADMINISTRATOR = timedelta(seconds=-30)
"""By how much the clock of whoever types the commands is off; with more than a minute nothing is retired."""
RECEIVER = timedelta(seconds=20)
"""By how much that of the receiver is ahead; a minute is what the policy bears."""
CONFIGURATION = """\
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
log_format = "json"
instance = "gateway"
database = "sqlite:///wssgate.db"

[endpoint.orders]
path = "/orders"
upstream = "http://127.0.0.1:{port}/ws"
server_field = "X-Backend"
guaranteed_delivery_time = "2d"
switch_quiet_time = "1h"
switch_smallest_share = 0.5
{more}
[endpoint.orders.policy]
required_parts = ["Body", "Timestamp"]
"""
"""Sixteen messages and an hour of quiet make a cell count as switched."""
_PATIENCE = 30.0


class Programs:
    """Where gateways and commands are started (`moved_clock`), and their clock."""

    def __init__(self, folder: Path) -> None:
        """Begin at `START`."""
        self._clock = folder / "clock"
        self._clock.write_bytes(bytes(SIZE))
        self._asked = 0
        self.now = START
        self.moved_to(START)
        command = [sys.executable, "-m", "tests.gateway.renewal.moved_clock", str(self._clock)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"TZ": "UTC"}
        )

    def moved_to(self, instant: datetime) -> None:
        """Let it be that instant; whole seconds are told without any error."""
        assert instant.microsecond == 0
        self.now = instant
        self._write(0, to_microseconds(instant))

    def ask_for_heartbeat(self) -> None:
        """Let the gateway tell that it watches."""
        self._asked += 1
        self._write(8, self._asked)

    def _write(self, place: int, number: int) -> None:
        with self._clock.open("r+b") as stream:
            stream.seek(place)
            stream.write(number.to_bytes(8, "little"))

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Ask for something; see there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "it has ended"
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """End it, with all that it started."""
        self._process.communicate(timeout=_PATIENCE)


class SigningReceiver:
    """The partner's system: some servers under one address, each of which signs with the key that it has by its own
    clock.
    """

    def __init__(self, now: Callable[[], datetime], certificates: dict[str, str]) -> None:
        """Sign with the test keys that `certificates` gives for the aliases; the true time is `now`."""
        self._now = now
        self._certificates = certificates
        self._keys: dict[str, list[tuple[datetime, str]]] = {}
        self.server = "a"
        """The one that answers next."""
        self._listening: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def now(self) -> datetime:
        """By its own clock."""
        return self._now() + RECEIVER

    def signs(self, alias: str, *servers: str, since: datetime | None = None) -> None:
        """From `since` on, by its own clock, these servers sign with the key of `alias`."""
        for server in servers or ("a", "b"):
            self._keys.setdefault(server, []).append((since or self.now, alias))

    def answer(self) -> bytes:
        """The next answer, with the key in use."""
        return self.signed([alias for since, alias in self._keys[self.server] if since <= self.now][-1])

    def signed(self, alias: str) -> bytes:
        """A fresh message, with Body and Timestamp signed, and with the certificate in it."""
        now, name = self.now, self._certificates[alias]
        times = [f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in (now, now + 5 * MINUTE)]
        signed = soap.signature(soap.BODY, soap.TIMESTAMP, key_info=soap.direct())
        return sign(soap.Envelope(soap.timestamp(*times) + soap.token(name) + signed).text(), name)

    def start(self) -> None:
        """Listen, again at the same port."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = receiver.answer()
                self.send_response(200)
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Connection", "close")  # who closes without a word may meet the next request
                self.send_header("X-Backend", receiver.server)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._listening = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._listening.server_address[1]
        threading.Thread(target=self._listening.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def stop(self) -> None:
        """Be down."""
        if self._listening is not None:
            self._listening.shutdown()
            self._listening.server_close()
            self._listening = None


@dataclass
class World:
    """All of it. The gateway runs while it is `serving`."""

    programs: Programs
    folder: Path
    receiver: SigningReceiver
    environment: dict[str, str] = field(default_factory=dict)
    """Of whoever types the commands."""
    administrator: timedelta = ADMINISTRATOR
    address: str = ""
    _gateway: int = 0

    # time

    @property
    def now(self) -> datetime:
        """The true time."""
        return self.programs.now

    def wait(self, length: timedelta, step: timedelta = LONGEST_STEP) -> None:
        """Time passes, in steps after each of which the gateway tells that it watches."""
        self.wait_until(self.now + length, step)

    def wait_until(self, end: datetime, step: timedelta = LONGEST_STEP) -> None:
        """The same until an instant."""
        if self._gateway:
            self.watched()
        while self.now < end:
            self.programs.moved_to(min(end, self.now + step))
            if self._gateway:
                self.watched()

    def watched(self) -> None:
        """Let the gateway tell that it watches, at this instant, with the newest revision of the keystore."""
        engine = open_database(f"sqlite:///{self.folder}/wssgate.db")
        end, values = time.monotonic() + _PATIENCE, {"now": to_microseconds(self.now)}
        beats = text("SELECT count(*) FROM events WHERE kind = 'heartbeat'")
        loaded = text(
            "SELECT count(*) FROM instances WHERE seen >= :now"
            " AND keystore_revision >= (SELECT max(revision) FROM keystore_revisions)"
        )

        def count(query: TextClause) -> int:
            with engine.connect() as connection:
                return int(connection.execute(query, values if query is loaded else {}).scalar_one())

        try:
            while not count(loaded):
                assert time.monotonic() < end, self.log()[-3:]
                time.sleep(0.005)
            before = count(beats)
            self.programs.ask_for_heartbeat()
            while count(beats) == before:
                assert time.monotonic() < end, self.log()[-3:]
                time.sleep(0.005)
        finally:
            engine.dispose()

    # the gateway

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run it, to an orderly end unless it is killed before."""
        files = {"out": str(self.folder / "serve.out"), "err": str(self.folder / "serve.err")}
        (self.folder / "serve.err").write_text("")
        started = self.programs.ask(arguments=["serve"], folder=str(self.folder), wait=False, **files)
        self._gateway = started["process"]
        try:
            end = time.monotonic() + _PATIENCE
            while not (found := [line for line in self.log() if line["event"] == "serving"]):
                assert time.monotonic() < end, self.log()
                time.sleep(0.01)
            self.address = found[-1]["listen"].removeprefix("http://")
            self.watched()
            yield
            if self._gateway:
                self._end(signal.SIGTERM, 0)
        finally:
            if self._gateway:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._gateway, signal.SIGKILL)
            self._gateway = 0

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self._end(signal.SIGKILL, -signal.SIGKILL)

    def _end(self, number: signal.Signals, code: int) -> None:
        os.kill(self._gateway, number)
        ended = self.programs.ask(end=self._gateway)
        assert ended["code"] == code, self.log()[-5:]
        self._gateway = 0

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """The database's file is away."""
        database = self.folder / "wssgate.db"
        away = database.rename(database.with_suffix(".away"))
        try:
            yield
        finally:
            away.rename(database)

    def log(self) -> list[dict[str, Any]]:
        """What the gateway said so far, line by line."""
        lines = (self.folder / "serve.err").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def until_told(self, event: str) -> dict[str, Any]:
        """The line of the log that tells of `event`, once it is there."""
        end = time.monotonic() + _PATIENCE
        while not (found := [line for line in self.log() if line["event"] == event]):
            assert time.monotonic() < end, event
            time.sleep(0.02)
        return found[-1]

    def until_metric(self, name: str, value: float) -> None:
        """Wait for a metric to have that value."""
        end = time.monotonic() + _PATIENCE
        while (found := self.metrics().get(name)) != value:
            assert time.monotonic() < end, (name, found)
            time.sleep(0.02)

    def metrics(self) -> dict[str, float]:
        """What the gateway's metrics say of renewals."""
        admin = next(line["admin"] for line in self.log() if line["event"] == "serving").removeprefix("http://")
        connection = http.client.HTTPConnection(admin, timeout=_PATIENCE)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("wssgate_renewal"))
        return {name: float(value) for name, value in pairs}

    # the client

    def ask(
        self,
        count: int = 1,
        *,
        operations: Sequence[str] = ("GetOrder",),
        server: str = "a",
        status: int = 200,
        every: timedelta = 5 * MINUTE,
    ) -> None:
        """So many requests of each operation, the first one after `every`, that `server` answers."""
        self.receiver.server = server
        for _ in range(count):
            self.programs.moved_to(self.now + every)
            for operation in operations:
                connection = http.client.HTTPConnection(self.address, timeout=_PATIENCE)
                connection.request("POST", "/orders", request(operation), {"Content-Type": "text/xml"})
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                assert answer.status == status, body
                self.programs.moved_to(self.now + timedelta(seconds=1))

    # people

    def sample(self, alias: str) -> bytes:
        """What the receiver's test system signed with that key."""
        return self.receiver.signed(alias)

    def wssgate(self, *arguments: object, code: int = 0, columns: int = 100) -> Ran:
        """Type a command."""
        out, err = self.folder / "command.out", self.folder / "command.err"
        told = self.programs.ask(
            arguments=[str(one) for one in arguments],
            folder=str(self.folder),
            out=str(out),
            err=str(err),
            off=self.administrator // timedelta(microseconds=1),
            environment={"COLUMNS": str(columns), "USER": "eva", "LOGNAME": "eva", **self.environment},
        )
        ran = Ran(told["code"], out.read_text(), err.read_text())
        assert "Traceback" not in ran.err + ran.out
        assert ran.code == code, ran
        return ran

    def renewal(self, *arguments: object, code: int = 0) -> str:
        """Type a command about renewals; what it printed."""
        ran = self.wssgate("renewal", *arguments, code=code)
        return ran.out + ran.err

    def screen(self, name: str = "", columns: int = 100) -> str:
        """Where the renewal stands, as it is printed when the gateway has told that it watches."""
        if self._gateway:
            self.watched()
        ran = self.wssgate("renewal", "status", *([name] if name else []), columns=columns)
        assert ran.err == ""
        lines = [line.rstrip() for line in ran.out.splitlines()]
        assert max(map(len, lines)) <= columns
        # What differs from run to run: the process, and hashes that the gateway's signing key goes into.
        said = re.sub(r"gateway/\d+", "gateway/1", "\n".join(lines) + "\n")
        return re.sub(r"(?<=retirement certificate)(\s+)[0-9a-f]{64}", lambda found: found[1] + "0" * 64, said)

    def status(self, name: str = "") -> dict[str, Any]:
        """The same for programs."""
        self.watched()
        found: dict[str, Any] = json.loads(self.wssgate("renewal", "status", *([name] if name else []), "--json").out)
        return found

    def marks(self) -> dict[int, str]:
        """The mark of each step."""
        return {step["number"]: step["mark"] for step in self.status()["steps"]}

    def expected(self, name: str, screen: str) -> None:
        """Compare a screen with the one that a person has read.

        `TESTING_WRITE_SCREENS=1 pytest ...` writes them anew; read them before you commit them.
        """
        path = Path(__file__).parent / "screens" / f"{name}.txt"
        if os.environ.get("TESTING_WRITE_SCREENS"):
            path.write_text(screen, encoding="utf-8")
        assert screen == path.read_text(encoding="utf-8")


@contextmanager
def world(programs: Programs, folder: Path, template: Path, *, new: str = "new", more: str = "") -> Iterator[World]:
    """A keystore that trusts `acme-2024`, and the file `acme-2026.pem` with the test certificate `new`."""
    programs.moved_to(START)
    shutil.copy(template, folder / "wssgate.db")
    for alias, name in (("acme-2024", "old"), ("acme-2026", new)):
        shutil.copy(KEYS / f"{name}.pem", folder / f"{alias}.pem")
    receiver = SigningReceiver(lambda: programs.now, {"acme-2024": "old", "acme-2026": new})
    try:
        receiver.signs("acme-2024", since=START - DAY)
        (folder / "gateway.toml").write_text(CONFIGURATION.format(port=receiver.port, more=more))
        made = World(programs, folder, receiver)
        made.wssgate("keystore", "add", "acme-2024", "acme-2024.pem", "--reason", "the first one")
        yield made
    finally:
        receiver.stop()
