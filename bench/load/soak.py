"""`make soak`: the gateway at full load for a while, its memory and its file descriptors watched.

Run as `python -m bench.load.soak [--seconds N]`. The exit code is 1 where one of them grows beyond a bound, and 3 where
the soak cannot run here. The first fifth of the time counts as warming up: pools fill, statements are compiled, caches
reach their size. What is held against the bound is the trend over the rest, a straight line through all samples, so
that one sample in the middle of a large group decides nothing.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.load.comparison import CONNECTIONS, check, receiver, responses
from bench.load.processes import Missing, descriptors, memory
from bench.load.proxies import Running, wssgate
from bench.load.wrk import Load, load
from bench.targets import Target
from bench.verification.messages import SIZES

SECONDS: Final = 600
LEAST_SECONDS: Final = 20
SAMPLES: Final = 120
WARM_UP: Final = 0.2
"""Share of the time that does not count."""
MOST_MEMORY_GROWTH: Final = 10.0
"""Megabytes over the time that counts, along the trend."""
MOST_DESCRIPTOR_GROWTH: Final = 4.0
"""Descriptors over the time that counts, along the trend: fewer than there are connections."""
_SHOWN: Final = 12


@dataclass(frozen=True)
class Sample:
    """What the processes of the gateway hold at one moment."""

    seconds: float
    """Since the load began."""
    memory: int
    """Octets."""
    descriptors: int


@dataclass(frozen=True)
class Trend:
    """The straight line through the samples that count."""

    per_minute: float
    over_all: float
    """What it comes to over the time that counts."""

    @classmethod
    def of(cls, points: list[tuple[float, float]]) -> "Trend":
        """Least squares through (seconds, value)."""
        line = statistics.linear_regression([second for second, _ in points], [value for _, value in points])
        return cls(line.slope * 60, line.slope * (points[-1][0] - points[0][0]))


def main() -> int:
    """Load, watch, print, judge; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"how long (default: {SECONDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    arguments = parser.parse_args()
    if arguments.seconds < LEAST_SECONDS:
        parser.error(f"a trend needs at least {LEAST_SECONDS} seconds")
    console = Console() if sys.stdout.isatty() else Console(width=140)
    try:
        bodies = responses(SIZES["5 KB"])
        with receiver(bodies) as (upstream, folder):
            room = folder / "gateway"
            room.mkdir()
            with wssgate(1, "commit")(upstream, room) as gateway:
                check(gateway, bodies)
                samples, burst = _soak(gateway, arguments.seconds, folder)
            database = (room / "wssgate.db").stat().st_size
    except Missing as missing:
        console.print(f"No soak: {missing}")
        return 3
    targets = judge(samples)
    _show(console, samples, burst, database)
    for target in targets:
        target.show(console)
    if arguments.json:
        arguments.json.write_text(json.dumps(_figures(samples, burst, targets), indent=1) + "\n")
    return 0 if burst.errors == 0 and all(target.is_met for target in targets) else 1


def judge(samples: list[Sample]) -> list[Target]:
    """The trends after warming up, against their bounds."""
    counted = [sample for sample in samples if sample.seconds >= samples[-1].seconds * WARM_UP]
    octets = Trend.of([(sample.seconds, sample.memory / 1e6) for sample in counted])
    opened = Trend.of([(sample.seconds, float(sample.descriptors)) for sample in counted])
    return [
        Target(f"memory grows ({octets.per_minute:+.2f} a minute)", octets.over_all, MOST_MEMORY_GROWTH, unit="MB"),
        Target(f"file descriptors grow ({opened.per_minute:+.2f} a minute)", opened.over_all, MOST_DESCRIPTOR_GROWTH),
    ]


def _soak(gateway: Running, seconds: int, folder: Path) -> tuple[list[Sample], Load]:
    """Full load for `seconds`, with samples taken beside it."""
    found: list[Load] = []
    failed: list[Missing] = []

    def work() -> None:
        try:
            found.append(load(gateway.url, seconds, CONNECTIONS, folder))
        except Missing as missing:
            failed.append(missing)

    worker = threading.Thread(target=work)
    samples: list[Sample] = []
    start = time.monotonic()
    worker.start()
    while worker.is_alive() and time.monotonic() - start < seconds:
        worker.join(seconds / SAMPLES)
        samples.append(Sample(time.monotonic() - start, memory(gateway.pid), descriptors(gateway.pid)))
    worker.join()
    if failed:
        raise failed[0]
    return samples, found[0]


def _show(console: Console, samples: list[Sample], burst: Load, database: int) -> None:
    table = Table(title="The gateway under full load", title_justify="left")
    for column in ("seconds", "MB of memory", "file descriptors"):
        table.add_column(column, justify="right")
    step = max(1, len(samples) // _SHOWN)
    for sample in samples[::step]:
        table.add_row(f"{sample.seconds:.0f}", f"{sample.memory / 1e6:.1f}", str(sample.descriptors))
    console.print(table)
    console.print(
        f"{burst.requests:,} requests in {burst.seconds:.0f} s ({burst.per_second:,.0f} a second), "
        f"{burst.errors} failed; p50 {burst.p50:.1f} ms, p99 {burst.p99:.1f} ms; "
        f"the database came to {database / 1e6:,.0f} MB"
    )


def _figures(samples: list[Sample], burst: Load, targets: list[Target]) -> dict[str, Any]:
    return {
        "schema": "wssgate.bench.soak/1",
        "requests": burst.requests,
        "errors": burst.errors,
        "samples": [
            {"seconds": sample.seconds, "memory": sample.memory, "descriptors": sample.descriptors}
            for sample in samples
        ],
        "targets": [target.figures for target in targets],
    }


if __name__ == "__main__":
    sys.exit(main())
