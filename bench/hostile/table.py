"""Every denial-of-service input of the threat model at one megabyte, and honest large messages beside them.

Measured is the processor time of one verification in a process of its own (`bench.hostile.measured`); where that comes
near a limit, the least of a few: what disturbs a measurement only ever adds to it. Memory is the peak of that
process, and what the message added to it. The work for the same messages is counted in
`tests/gateway/verify/test_limits.py`, where no clock decides.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.targets import Target
from fixtures.costly import CODED, CONTENT_TYPE, HONEST, HOSTILE, MULTIPART, MULTIPART_TYPE, Costly, Kind
from gateway.exchange import INLINE_BYTES, runs_inline
from gateway.wire import UpstreamResponse

MEGABYTE: Final = 1_000_000
ADMITTED: Final = 16 * 1024 * 1024
"""Octets of a message that the default policy admits, decoded."""
MOST_MILLISECONDS: Final = 250.0
MOST_MEMORY: Final = 200_000_000
REPEATS: Final = 3
MODULE: Final = "bench.hostile.measured"
"""What runs in the process of its own."""
MOST_INLINE: Final = 10.0
"""Milliseconds that the event loop may be held up."""
_SHOWN: Final = 30
"""Rows of the table: the dearest, and every one that misses a limit; all are in the figures."""
_SIZES: Final = {Kind.CODING: ADMITTED, Kind.HONEST: 10_000_000}


@dataclass(frozen=True)
class Cost:
    """What one message cost."""

    case: Costly
    octets: int
    reason: str | None
    milliseconds: float
    """Of processor time."""
    added: int
    """Octets of memory that the message added to the process."""
    peak: int
    """Octets of the whole process."""
    failure: str = ""
    """How the process ended, where it gave no figures."""

    @property
    def is_expected(self) -> bool:
        """Whether the verdict is one of those the table of inputs names."""
        return not self.failure and (self.reason in self.case.reasons if self.case.reasons else self.reason is None)

    @property
    def is_met(self) -> bool:
        """Whether it stays within the limits; an honest message has none."""
        if self.case.kind is Kind.HONEST:
            return self.is_expected
        return self.is_expected and self.milliseconds <= MOST_MILLISECONDS and self.peak <= MOST_MEMORY


def run(console: Console) -> dict[str, Any]:
    """Measure all, print a table sorted by cost, return the figures."""
    cases = (*HOSTILE, *CODED, *MULTIPART, *HONEST)
    costs = [measure(case) for case in track(cases, "Hostile messages", console=console, transient=True)]
    hostile = [cost for cost in costs if cost.case.kind is not Kind.HONEST]
    console.print(_table("Hostile messages of about 1 MB, each in a process of its own", hostile))
    console.print(_table("Honest large messages", [cost for cost in costs if cost.case.kind is Kind.HONEST]))
    kept = sum(cost.is_met for cost in hostile)
    console.print(
        f"{kept} of {len(hostile)} hostile messages stay under {MOST_MILLISECONDS:.0f} ms and "
        f"{MOST_MEMORY / 1e6:.0f} MB; the dearest takes {max(cost.milliseconds for cost in hostile):,.0f} ms"
    )
    inline = track(list(_inline()), "Hostile messages in the event loop", console=console, transient=True)
    small = [measure(case, size, MOST_INLINE) for case, size in inline]
    dearest = max(small, key=lambda cost: cost.milliseconds)
    target = Target(
        f"of {len(small)} hostile messages that the gateway judges in its event loop, the dearest ({dearest.case.id})",
        dearest.milliseconds,
        MOST_INLINE,
        unit="ms",
    )
    target.show(console)
    return {
        "limit_milliseconds": MOST_MILLISECONDS,
        "limit_memory": MOST_MEMORY,
        "cases": _figures(costs),
        "in_the_event_loop": _figures(small),
        "targets": [target.figures],
    }


def measure(case: Costly, size: int | None = None, most: float = MOST_MILLISECONDS) -> Cost:
    """Measure the verification of the message of `case`: near the limit several times, and the cheapest counts.

    Args:
        case: What to measure.
        size: Octets of the message, about; None for those of its kind.
        most: The limit, in milliseconds.
    """
    message = case.make(size or _SIZES.get(case.kind, MEGABYTE))
    cost = _measured(case, message)
    if cost.milliseconds < most / 2:
        return cost
    again = [_measured(case, message) for _ in range(REPEATS - 1)]
    return min((cost, *again), key=lambda one: one.milliseconds)


def _inline() -> Iterator[tuple[Costly, int]]:
    """Those that are judged in the event loop, and a size of which it takes them: some come out longer than asked."""
    for case in HOSTILE:
        for part in (31, 24, 16, 8):
            size = INLINE_BYTES * part // 32
            if runs_inline(UpstreamResponse(200, (), case.make(size))):
                yield case, size
                break


def _measured(case: Costly, message: bytes) -> Cost:
    coding = "gzip" if case.kind is Kind.CODING else "identity"
    content_type = MULTIPART_TYPE if case.kind is Kind.MULTIPART else CONTENT_TYPE
    done = subprocess.run(
        [sys.executable, "-m", MODULE, coding, content_type], input=message, capture_output=True, check=False
    )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        how = words[-1] if words else f"ended with {done.returncode}"
        return Cost(case, len(message), None, float("inf"), 0, 0, how)
    found = json.loads(done.stdout)
    return Cost(
        case,
        len(message),
        found["reason"],
        found["milliseconds"],
        found["memory_peak"] - found["memory_before"],
        found["memory_peak"],
    )


def _table(title: str, costs: Iterable[Cost]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("input", no_wrap=True)
    for column in ("bytes", "ms", "MB added", "MB in all"):
        table.add_column(column, justify="right")
    table.add_column("outcome", no_wrap=True)
    table.add_column("")
    for position, cost in enumerate(sorted(costs, key=lambda cost: cost.milliseconds, reverse=True)):
        if position >= _SHOWN and cost.is_met:
            continue
        outcome = cost.failure or cost.reason or "accepted"
        table.add_row(
            cost.case.id,
            f"{cost.octets:,}",
            f"{cost.milliseconds:,.1f}",
            f"{cost.added / 1e6:,.0f}",
            f"{cost.peak / 1e6:,.0f}",
            outcome if cost.is_expected else f"[red]{outcome}[/red]",
            "[green]met[/green]" if cost.is_met else "[red]not met[/red]",
        )
    return table


def _figures(costs: Iterable[Cost]) -> list[dict[str, Any]]:
    return [
        {
            "input": cost.case.id,
            "kind": str(cost.case.kind),
            "octets": cost.octets,
            "reason": cost.reason,
            "milliseconds": None if cost.failure else cost.milliseconds,
            "memory_added": cost.added,
            "memory_peak": cost.peak,
            "failure": cost.failure,
            "met": cost.is_met,
        }
        for cost in costs
    ]
