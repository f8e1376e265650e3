"""The processes of the demo: started here, ended here, and no others."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from gateway.demo.errors import DemoFailed

_START_SECONDS = 30
"""How long a process may take to get ready, on a machine that is busy with other things."""
_STOP_SECONDS = 10
_COMMAND_SECONDS = 60
_POLL_SECONDS = 0.05

_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without the environment's proxy, which cannot reach this machine's loopback interface."""


class Processes:
    """Starts the receiver and the gateway in `folder` and runs single commands; leaving it ends what it started."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet."""
        self._folder = folder
        self._stack = ExitStack()
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("WSSGATE_")}
        self._environment |= {"COLUMNS": "98", "PYTHONUNBUFFERED": "1", "WSSGATE_WHO": "demo"}

    def __enter__(self) -> Self:
        """Take part in a `with` statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process that was started, the last one first."""
        self._stack.close()

    def start_receiver(self) -> int:
        """Start the receiver system and return its port.

        Raises:
            DemoFailed: it does not start.
        """
        process = self._start(
            "receiver", [sys.executable, "-m", "gateway.demo.receiver", str(self._folder)], pipes=True
        )
        line = _first_line(process)
        if not line:
            self._did_not_start("receiver")
        return int(line)

    def start_gateway(self, config: Path, admin: str) -> None:
        """Start the gateway and wait until it says that it is ready at `admin`.

        Raises:
            DemoFailed: it does not get ready.
        """
        process = self._start("gateway", [*_WSSGATE, "serve", "--config", str(config)])
        if not wait_until_ready(process, admin):
            self._did_not_start("gateway")

    def run(self, *arguments: str, expected: int = 0) -> str:
        """Run one `wssgate` command in the folder and return what it printed.

        Raises:
            DemoFailed: it ended with another exit code than `expected`.
        """
        code, output = self.attempt(*arguments)
        if code != expected:
            raise DemoFailed(f"{shlex.join(['wssgate', *arguments])} ended with {code}:\n{output}")
        return output

    def attempt(self, *arguments: str) -> tuple[int, str]:
        """Run one `wssgate` command in the folder and return its exit code and what it printed."""
        done = subprocess.run(  # noqa: S603 - our own command, arguments made here
            [*_WSSGATE, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def _start(self, name: str, command: Sequence[str], *, pipes: bool = False) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else log,
            stderr=log,
            # Ctrl-C on the terminal must reach the demo alone: it ends its processes in order.
            start_new_session=True,
        )
        self._stack.callback(_stop, process)
        return process

    def _did_not_start(self, name: str) -> NoReturn:
        last_lines = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        raise DemoFailed("\n".join([f"the {name} did not start; its last words:", *last_lines]))


_WSSGATE = (sys.executable, "-m", "gateway.cli")


def wait_until_ready(process: subprocess.Popen[bytes], admin: str) -> bool:
    """Wait until the gateway `process` says at `admin` that it is ready; False where it ends, or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if readiness(admin) is not None:
            return True
        time.sleep(_POLL_SECONDS)
    return False


def readiness(admin: str) -> dict[str, Any] | None:
    """What the gateway says at /readyz; None while it is not ready."""
    try:
        with _LOCAL.open(f"http://{admin}/readyz", timeout=2) as answer:
            found = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return found if isinstance(found, dict) else None


def free_addresses(count: int) -> list[str]:
    """`count` different addresses of the loopback interface on which nobody listens now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    # A process that hangs before its first line would hold the demo for ever: the timer ends that wait.
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        return process.stdout.readline() if process.stdout else b""
    finally:
        timer.cancel()


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
