"""The whole program on a clock that stands still until a test moves it: `python -m tests.gateway.renewal.moved_clock`.

Days pass in a moment, for gateways and commands alike: each is a process of its own, forked from this one, which has
the program loaded. In every one of them the wall clock and the clock that nobody can set tell the instant that stands
in a file, in microseconds; the wall clock may be off by some time besides, as clocks of machines are. Nothing of the
program is changed for it but how often it looks, how far two heartbeats may be apart, and that a heartbeat comes when
the number beside the instant grows: so none is told while the clock moves, and every run is the same.

It reads one JSON object a line: `{"arguments", "folder", "off", "environment", "out", "err", "wait"}` starts the
program, and the answer is `{"process", "code"}`; `{"end"}` waits for a process, and the answer is the same. It ends,
and all that it started with it, when its standard input does.
"""

import asyncio
import contextlib
import gc
import json
import mmap
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import gateway.cli

SIZE = 16
"""The instant, and how many heartbeats were asked for."""
LOOK_SECONDS = 0.05
"""How often it is looked for something new, by the clock of the test machine."""
LONGEST_STEP = timedelta(hours=12)
"""How far two heartbeats may be apart by the moved clock, so that a day takes two of them."""
_real_clock = time.clock_gettime


class MovedClock:
    """The instant in a file, and the clocks of this process that go by it."""

    def __init__(self, file: Path) -> None:
        """Follow `file`."""
        with file.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), SIZE, access=mmap.ACCESS_READ)
        self._start = self.true()
        self.off = 0
        """Microseconds by which the wall clock of this process is ahead."""
        self.asked_before = 0
        """How many heartbeats were asked for before this process began."""

    def true(self) -> int:
        """The true time, in microseconds."""
        return int.from_bytes(self._map[:8], "little")

    def asked(self) -> int:
        """How many heartbeats were asked for."""
        return int.from_bytes(self._map[8:], "little")

    def wall(self) -> int:
        """What the wall clock of this process says, in microseconds."""
        return self.true() + self.off

    def gettime(self, which: int) -> float:
        """For `time.clock_gettime`."""
        if which == time.CLOCK_BOOTTIME:
            # Whole seconds of a small number: the difference of two of them is exact.
            return (self.true() - self._start) / 1e6
        return _real_clock(which)

    def install(self) -> None:
        """Let this process go by it, with every module of the program that is loaded."""
        time.time_ns = lambda: self.wall() * 1000
        time.time = lambda: self.wall() / 1e6
        time.clock_gettime = self.gettime
        wall = self.wall

        class Kind(type):
            """Every datetime is one of these, whoever made it."""

            def __instancecheck__(cls, instance: object) -> bool:
                return isinstance(instance, datetime)

        class Moved(datetime, metaclass=Kind):
            """`datetime` with another now; what it makes are datetimes as they are everywhere."""

            def __new__(cls, *arguments: Any, **more: Any) -> Any:
                return datetime(*arguments, **more)  # noqa: DTZ001 - whatever it was called with

            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                seconds, microseconds = divmod(wall(), 1_000_000)
                return datetime.fromtimestamp(seconds, tz).replace(microsecond=microseconds)

        for name, module in list(sys.modules.items()):
            # What others import, compiled code among it, keeps the type that it knows.
            if name.partition(".")[0] in {"gateway", "keystore"} and getattr(module, "datetime", None) is datetime:
                vars(module)["datetime"] = Moved


def _load(clock: MovedClock) -> None:
    """Import the whole program, and let its processes look often, and tell when they are asked."""
    import keystore

    for package in (gateway, keystore):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                import_module(found.name)
    from gateway.ledger import event
    from gateway.ledger.proof import event_walk
    from gateway.ledger.write import kept_uses
    from gateway.service import heartbeat, keystore_watch, maintenance, watching

    async def keep_telling(self: watching.Watching) -> None:
        told = clock.asked_before
        while not self._stopping.is_set():
            if told == clock.asked():
                await asyncio.sleep(LOOK_SECONDS / 5)
            else:
                told += 1
                await self._beat()

    watching.Watching._keep_telling = keep_telling  # type: ignore[method-assign]
    vars(heartbeat)["BEAT_SECONDS"] = LOOK_SECONDS
    vars(keystore_watch)["POLL_SECONDS"] = LOOK_SECONDS
    # By the clock of the test machine: what is on record is kept no longer than until the next heartbeat.
    vars(kept_uses)["ROTATION_SECONDS"] = 0
    vars(maintenance)["LOOK_AT_RENEWALS_SECONDS"] = 4 * LOOK_SECONDS
    for module in (event, event_walk):
        vars(module)["LONGEST_STEP"] = LONGEST_STEP // timedelta(microseconds=1)


class Programs:
    """Starts the program, in processes of its own."""

    def __init__(self, clock: MovedClock) -> None:
        """On `clock`."""
        self._clock = clock
        self._running: set[int] = set()

    def serve(self) -> None:
        """Do what is asked, until nobody asks any more."""
        try:
            for line in sys.stdin:
                asked = json.loads(line)
                process = int(asked["end"]) if "end" in asked else self._start(asked)
                code = self._wait(process) if asked.get("wait", True) else None
                sys.stdout.write(json.dumps({"process": process, "code": code}) + "\n")
                sys.stdout.flush()
        finally:
            for process in self._running:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)

    def _start(self, asked: Mapping[str, Any]) -> int:
        process = os.fork()
        if process:
            self._running.add(process)
            return process
        code = 70
        try:
            code = self._run(asked)
        finally:
            os._exit(code)

    def _run(self, asked: Mapping[str, Any]) -> int:
        for number, name in ((1, "out"), (2, "err")):
            file = os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(asked["folder"])
        os.environ.update(asked.get("environment", {}))
        time.tzset()
        self._clock.off, self._clock.asked_before = asked.get("off", 0), self._clock.asked()
        code = gateway.cli.main(asked["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        return code

    def _wait(self, process: int) -> int:
        _, status = os.waitpid(process, 0)
        self._running.discard(process)
        return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    moved = MovedClock(Path(sys.argv[1]))
    _load(moved)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        gateway.cli.main(["renewal", "status", "--help"])  # what typer and rich import when they are needed
    moved.install()
    gc.freeze()
    Programs(moved).serve()
