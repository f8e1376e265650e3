"""Processes of the benchmark: started, waited for, watched and ended by their own number."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.memory import in_use

_READY_SECONDS: Final = 30.0
_END_SECONDS: Final = 20.0
_HOST: Final = "127.0.0.1"


class Missing(Exception):  # noqa: N818 - a state of the machine, not an error of anyone
    """Something that a measurement needs is not here; the message says what, and what would help."""


def free_address() -> str:
    """HOST:PORT on the loopback interface that nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return f"{_HOST}:{probe.getsockname()[1]}"


@contextlib.contextmanager
def running(command: Sequence[str | Path], address: str, log: Path, *, cwd: Path | None = None) -> Iterator[int]:
    """Run `command`, in the folder `cwd`, until the block ends, from when it listens on `address`; its number.

    Raises:
        Missing: It ended, or did not listen in time; the message has the last line of its log.
    """
    with log.open("w") as errors, subprocess.Popen(command, stdout=errors, stderr=errors, cwd=cwd) as process:
        try:
            _await(process, address, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def family(pid: int) -> list[int]:
    """`pid` and the processes that descend from it; without Linux `pid` alone."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
    return found


def processor_seconds(pid: int) -> float:
    """The processor time of `pid` and its descendants so far."""
    # clock_getcpuclockid(3) of glibc: the clock of another process is made from its number.
    return sum(time.clock_gettime(~one << 3 | 2) for one in family(pid))


def memory(pid: int) -> int:
    """The octets that `pid` and its descendants have in memory."""
    return sum(in_use(one) for one in family(pid))


def descriptors(pid: int) -> int:
    """The open file descriptors of `pid` and its descendants."""
    return sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in family(pid))


def _await(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, port = address.rsplit(":", 1)
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    lines = log.read_text(errors="replace").strip().splitlines()
    raise Missing(lines[-1] if lines else "it did not listen in time")
