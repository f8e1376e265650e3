"""The peak of a process's memory."""

import resource
import sys
from pathlib import Path


def peak_from_now() -> int:
    """Begin the peak of this process anew; the octets in use. Without Linux the peak remains that since the start."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return peak()


def peak(pid: int | None = None) -> int:
    """The most octets that this process, or on Linux the process `pid`, has had in use."""
    status = Path(f"/proc/{'self' if pid is None else pid}/status")
    if status.exists():
        # ru_maxrss of a process that was started by a larger one is that of the larger one.
        return field(status, "VmHWM")
    if pid is not None:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def in_use(pid: int) -> int:
    """The octets that the process `pid` has in memory at present; Linux only."""
    return field(Path(f"/proc/{pid}/status"), "VmRSS")


def field(status: Path, name: str) -> int:
    """A field of a status file of Linux, in octets."""
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines[name].split()[0]) * 1024
