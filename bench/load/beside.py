"""This checkout beside another one: what a change costs, or gains, at 5 KB and 64 connections.

Run as `python -m bench.load.beside FOLDER`, FOLDER being another checkout of this repository in which `make .venv/.dev`
was run. Both gateways stand before the same receiver, and short rounds alternate, so that a machine that is busy with
something else is so for both. A process has good and bad luck with its memory and its core, which lasts as long as it
does: so both are started several times, and the spread of the starts says how much to believe.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from bench.load.comparison import CONNECTIONS, check, receiver, responses
from bench.load.processes import Missing, free_address, processor_seconds, running
from bench.load.proxies import CONFIGURATION, Running
from bench.load.wrk import load, wrk
from bench.verification.messages import SIZES

STARTS: Final = 8
ROUNDS: Final = 14
"""Of each start."""
SECONDS: Final = 1
_THIS: Final = Path(__file__).resolve().parents[2]
_PREPARE: Final = """
import sys
from datetime import UTC, datetime
from fixtures.manifest import entry
from gateway.ledger import migrate, open_database
from keystore.store import KeystoreStore
engine = open_database(sys.argv[1])
migrate(engine)
KeystoreStore(engine).add("old", entry("old").certificate, who="bench", why="load", at=datetime.now(UTC))
engine.dispose()
"""


def main() -> None:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.beside", description="This checkout beside another.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the other checkout, with its .venv")
    other = parser.parse_args().folder.resolve()
    console = Console()
    try:
        wrk()
        rates, costs = [], []
        for start in range(1, STARTS + 1):
            rate, cost = _one_start(other)
            rates.append(rate)
            costs.append(cost)
            console.print(f"start {start} of {STARTS}: {rate:.3f} of its rate, {cost:.3f} of its processor time")
    except Missing as missing:
        sys.exit(str(missing))
    console.print(f"rate: {_mean(rates)} of that of {other.name}; processor time for a response: {_mean(costs)}")


def _one_start(other: Path) -> tuple[float, float]:
    """The rate of this one over that of `other`, and likewise its processor time: medians of rounds."""
    bodies = responses(SIZES["5 KB"])
    rates, costs = [], []
    with (
        receiver(bodies) as (upstream, folder),
        _gateway(_THIS, upstream, folder / "this") as this,
        _gateway(other, upstream, folder / "other") as that,
    ):
        for one in (this, that):
            check(one, bodies)
            load(one.url, 2, CONNECTIONS, folder)
        for number in range(ROUNDS):
            found: dict[int, tuple[float, float]] = {}
            for one in (this, that) if number % 2 else (that, this):
                before = processor_seconds(one.pid)
                burst = load(one.url, SECONDS, CONNECTIONS, folder)
                spent = processor_seconds(one.pid) - before
                found[one.pid] = burst.per_second, spent / max(burst.requests, 1)
            rates.append(found[this.pid][0] / found[that.pid][0])
            costs.append(found[this.pid][1] / found[that.pid][1])
    return statistics.median(rates), statistics.median(costs)


@contextlib.contextmanager
def _gateway(checkout: Path, upstream: str, folder: Path) -> Iterator[Running]:
    """The gateway of `checkout`, with one worker and its defaults."""
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise Missing(f"{python} is not there: run `make .venv/.dev` in {checkout}")
    folder.mkdir()
    address, admin = free_address(), free_address()
    configuration = folder / "gateway.toml"
    configuration.write_text(
        CONFIGURATION.format(
            address=address, admin=admin, folder=folder, upstream=upstream, workers=1, durability="commit"
        )
    )
    # The first folder of the search path: with `-c` and `-m` that is the one it is run in.
    url = f"sqlite:///{folder}/wssgate.db"
    prepared = subprocess.run([python, "-c", _PREPARE, url], cwd=checkout, capture_output=True, text=True, check=False)
    if prepared.returncode:
        raise Missing(f"the database of {checkout} could not be made: {prepared.stderr.strip().splitlines()[-1]}")
    command: list[str | Path] = [python, "-m", "gateway.cli", "serve", "--config", configuration]
    with running(command, address, folder / "log", cwd=checkout) as pid:
        yield Running(f"http://{address}/orders", pid)


def _mean(ratios: list[float]) -> str:
    error = statistics.stdev(ratios) / len(ratios) ** 0.5
    return f"{statistics.mean(ratios):.3f} (standard error {error:.3f})"


if __name__ == "__main__":
    main()
