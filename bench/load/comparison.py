"""Requests per second and delays: the gateway, the same stack bare, and nginx, with one worker and with two.

The rounds of one size are interleaved, so that a machine that is busy with something else is so for everybody. The
processor time of the proxy itself is shown beside the rate: it does not depend on what load generator and receiver
take away. The responses carry a signed Body and no Timestamp: a captured response with a signed Timestamp would be
taken for a replay attack the second time. Each has a signature of its own, until the receiver begins anew: one that is
on record already costs the ledger less.
"""

import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.load.processes import Missing, free_address, processor_seconds, running
from bench.load.proxies import Running, Start, nginx, pass_through, wssgate
from bench.load.wrk import REQUEST, Load, load, wrk
from bench.targets import Target
from bench.verification.messages import SIZES, body_signed_anew

RESULTS: Final = Path(__file__).resolve().parents[1] / "results"
"""On the disk of the checkout: what a commit costs depends on it, and a file system in memory would hide it."""
ROUNDS: Final = 3
SECONDS: Final = 4
CONNECTIONS: Final = 64
"""Clients that wait at the same time: enough for two workers to be busy, each with half of them."""
FEW: Final = 16
"""So few that all of them wait for one and the same flush of the disk."""
MANY: Final = 256
"""The applications of a large organisation, each with a few connections of its own."""
_MEASURED: Final = (("5 KB", FEW), ("5 KB", CONNECTIONS), ("5 KB", MANY), ("50 KB", CONNECTIONS))
"""Sizes of the response, and connections."""
_RESPONSES: Final = 40_000_000
"""Octets of different responses that the receiver has."""
_MOST_RESPONSES: Final = 8000
_FLUSHES: Final = 25
BARE: Final = "bare pass-through"
COMMIT: Final = "wssgate, commit"
ASYNC: Final = "wssgate, async"
NGINX: Final = "nginx"
PROXIES: Final[Mapping[tuple[str, int], Start]] = {
    (BARE, 1): pass_through(1),
    (COMMIT, 1): wssgate(1, "commit"),
    (ASYNC, 1): wssgate(1, "async"),
    (NGINX, 1): nginx(1),
    (BARE, 2): pass_through(2),
    (COMMIT, 2): wssgate(2, "commit"),
    (NGINX, 2): nginx(2),
}
"""By name and number of workers."""
LEAST_OF_BARE: Final = 0.5
LEAST_OF_ASYNC: Final = 0.85
LEAST_OF_ONE_WORKER: Final = 1.6


@dataclass
class Measured:
    """What one proxy did, in each round."""

    loads: list[Load] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """Microseconds of processor time of the proxy for one request."""

    @property
    def per_second(self) -> float:
        """Requests per second, the median."""
        return statistics.median(one.per_second for one in self.loads)

    def ratio_to(self, other: "Measured") -> float:
        """This rate divided by the other's in the same round: the median."""
        pairs = zip(self.loads, other.loads, strict=True)
        return statistics.median(a.per_second / b.per_second for a, b in pairs)

    @property
    def errors(self) -> int:
        """Requests that failed, in all."""
        return sum(one.errors for one in self.loads)


def run(console: Console) -> dict[str, Any]:
    """Measure 5 KB and 50 KB, with more and more connections, print a table for each, return the figures."""
    try:
        wrk()
    except Missing as missing:
        console.print(str(missing))
        return {"missing": str(missing)}
    console.print(
        f"Load: load generator, proxy and receiver share {os.cpu_count()} cores, so that a second worker has a core "
        "of its own only where there are four"
    )
    flush = flush_seconds()
    console.print(
        f"A flush of this disk takes {flush * 1e3:.1f} ms, and with durability commit every answer waits for one: "
        f"{FEW} connections get fewer than {FEW / flush:,.0f} a second, whatever a gateway costs"
    )
    figures: dict[str, Any] = {"cores": os.cpu_count(), "flush_ms": flush * 1e3}
    for size, connections in _MEASURED:
        what = f"{size}, {connections} connections"
        found = measure(console, responses(SIZES[size]), connections)
        console.print(_table(what, found))
        targets = _targets(size, connections, found)
        for target in targets:
            target.show(console)
        figures[what] = {"proxies": _figures(found), "targets": [target.figures for target in targets]}
    return figures


def responses(size: int) -> list[bytes]:
    """Responses of about `size` octets, of the same length and each with a signature of its own."""
    return body_signed_anew(size, min(_MOST_RESPONSES, _RESPONSES // size))


def measure(console: Console, bodies: Sequence[bytes], connections: int) -> dict[tuple[str, int], Measured]:
    """Every proxy that can be started here, round after round."""
    found: dict[tuple[str, int], Measured] = {}
    with receiver(bodies) as (upstream, folder), ExitStack() as stack:
        proxies: dict[tuple[str, int], Running] = {}
        for key, start in PROXIES.items():
            room = folder / f"{key[0]}-{key[1]}".replace(" ", "-").replace(",", "")
            room.mkdir()
            try:
                proxies[key] = stack.enter_context(start(upstream, room))
                check(proxies[key], bodies)
            except Missing as missing:
                console.print(f"{_title(key)} is left out: {missing}")
                proxies.pop(key, None)
                continue
            load(proxies[key].url, 1, connections, folder)
            found[key] = Measured()
        for _ in range(ROUNDS):
            for key, proxy in proxies.items():
                before = processor_seconds(proxy.pid)
                burst = load(proxy.url, SECONDS, connections, folder)
                spent = processor_seconds(proxy.pid) - before
                found[key].loads.append(burst)
                found[key].processor.append(spent / max(burst.requests, 1) * 1e6)
    return found


def flush_seconds() -> float:
    """How long the disk of the checkout takes until a few written pages are safe: the median, in seconds."""
    RESULTS.mkdir(exist_ok=True)
    taken = []
    with tempfile.NamedTemporaryFile(dir=RESULTS) as file:
        for _ in range(_FLUSHES):
            file.write(os.urandom(64 * 1024))
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


@contextmanager
def receiver(bodies: Sequence[bytes]) -> Iterator[tuple[str, Path]]:
    """A receiver that answers with one of `bodies` after the other: its address, and a folder for those who ask it."""
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RESULTS) as name:
        folder = Path(name)
        file, address = folder / "responses", free_address()
        file.write_bytes(b"".join(bodies))
        command: list[str | Path] = [sys.executable, "-m", "bench.load.upstream", address, file, str(len(bodies[0]))]
        with running(command, address, folder / "receiver.log"):
            yield address, folder


def check(proxy: Running, bodies: Sequence[bytes]) -> None:
    """Make sure that what is measured delivers the responses, and not an error.

    Raises:
        Missing: It does not.
    """
    request = urllib.request.Request(  # noqa: S310 - an address of this benchmark
        proxy.url, REQUEST.encode(), {"Content-Type": "text/xml; charset=utf-8"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            delivered = answer.read()
    except OSError as error:
        raise Missing(f"it does not deliver the response: {error}") from error
    if delivered not in bodies:
        raise Missing("it answers with something else than the response")


def _title(key: tuple[str, int]) -> str:
    return f"{key[0]}, {key[1]} worker{'s' if key[1] > 1 else ''}"


def _targets(size: str, connections: int, found: Mapping[tuple[str, int], Measured]) -> list[Target]:
    wanted = []
    if size == "5 KB":
        wanted += [
            (f"rate of the {BARE}", (COMMIT, 1), (BARE, 1), LEAST_OF_BARE),
            ("commit, rate of async", (COMMIT, 1), (ASYNC, 1), LEAST_OF_ASYNC),
        ]
    if connections >= CONNECTIONS:
        wanted.append(("a second worker, times one", (COMMIT, 2), (COMMIT, 1), LEAST_OF_ONE_WORKER))
    return [
        Target(
            f"{size}, {connections} connections: {what}",
            found[one].ratio_to(found[other]),
            bound,
            at_least=True,
            unit="x",
        )
        for what, one, other, bound in wanted
        if one in found and other in found
    ]


def _table(what: str, found: Mapping[tuple[str, int], Measured]) -> Table:
    table = Table(title=f"Responses of {what}: median of {ROUNDS} rounds of {SECONDS} s", title_justify="left")
    table.add_column("proxy", no_wrap=True)
    for column in ("workers", "requests/s", "least - most", f"x {BARE}", "p50 ms", "p99 ms", "processor µs", "errors"):
        table.add_column(column, justify="right", no_wrap=True)
    for (name, workers), measured in found.items():
        rates = [one.per_second for one in measured.loads]
        table.add_row(
            name,
            str(workers),
            f"{measured.per_second:,.0f}",
            f"{min(rates):,.0f} - {max(rates):,.0f}",
            f"{measured.ratio_to(found[BARE, workers]):.2f}" if (BARE, workers) in found else "",
            f"{statistics.median(one.p50 for one in measured.loads):.1f}",
            f"{statistics.median(one.p99 for one in measured.loads):.1f}",
            f"{statistics.median(measured.processor):,.0f}",
            f"{measured.errors:,}",
        )
    return table


def _figures(found: Mapping[tuple[str, int], Measured]) -> list[dict[str, Any]]:
    return [
        {
            "proxy": name,
            "workers": workers,
            "per_second": [one.per_second for one in measured.loads],
            "p50_ms": [one.p50 for one in measured.loads],
            "p99_ms": [one.p99 for one in measured.loads],
            "processor_microseconds": measured.processor,
            "errors": measured.errors,
        }
        for (name, workers), measured in found.items()
    ]
