"""What it costs to start the command: of the light commands, in starts of a Python that does nothing."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.measuring import Timing, compare
from bench.targets import Target
from bench.verification.messages import AT, SIZES, signed_message
from fixtures.manifest import FOLDER

NOTHING: Final = "python -c pass"
MOST: Final[Mapping[str, float]] = {"--version": 13, "--help": 13, "verify": 40}
"""Starts of a Python that does nothing: where one takes 12 ms, 13 are less than 0.2 s, and 40 are less than 0.5 s."""


@dataclass(frozen=True)
class Process:
    """A program that is started, and has to end well."""

    command: tuple[str, ...]

    def run(self, times: int) -> float:
        """Start it `times` times, one after the other; the processor time of those processes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(times):
            subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(console: Console) -> Mapping[str, Any]:
    """Start each of them in turn, print a table, return the figures."""
    with tempfile.TemporaryDirectory(prefix="wssgate-bench-") as folder:
        message = Path(folder, "message.xml")
        message.write_bytes(signed_message(SIZES["5 KB"]))
        trust = f"old={FOLDER / 'keys' / 'old.pem'}"
        timings = compare(
            {
                NOTHING: Process((sys.executable, "-c", "pass")),
                "--version": _wssgate("--version"),
                "--help": _wssgate("--help"),
                "verify": _wssgate("verify", str(message), "--trust", trust, "--at", AT.isoformat()),
            }
        )
    console.print(_table(timings))
    targets = [
        Target(f"wssgate {name}, in starts of `{NOTHING}`", timings[name].ratio_to(timings[NOTHING]), most)
        for name, most in MOST.items()
    ]
    for target in targets:
        target.show(console)
    return {
        "microseconds": {name: timing.microseconds for name, timing in timings.items()},
        "targets": [target.figures for target in targets],
    }


def _wssgate(*arguments: str) -> Process:
    return Process((sys.executable, "-m", "gateway.cli", *arguments))


def _table(timings: Mapping[str, Timing]) -> Table:
    table = Table(title="Start-up: processor time of a whole process")
    for heading in ("command", "ms", "times nothing", "quartiles"):
        table.add_column(heading, justify="left" if heading == "command" else "right")
    for name, timing in timings.items():
        low, high = timing.ratio_spread_to(timings[NOTHING])
        ratio = timing.ratio_to(timings[NOTHING])
        command = name if name == NOTHING else f"wssgate {name}"
        table.add_row(command, f"{timing.microseconds / 1000:,.0f}", f"{ratio:.1f}", f"{low:.1f} - {high:.1f}")
    return table
