"""`make bench`: verification beside its peers on the same bytes, as ratios in one run."""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.floor import bare_steps
from bench.measuring import Timing, compare
from bench.messages import SIZES, signed_message
from bench.verifiers import libxmlsec, signxml, wssgate, zeep
from fixtures.manifest import entry

ONE_KEY = "wssgate, 1 key"
TWO_KEYS = "wssgate, 2 keys"
PEER = "python-xmlsec"
FLOOR = "floor: bare steps"
FLOOR_TWO = "floor, one more signature check"
TARGET = 0.5
"""At 5 KB, of the time of python-xmlsec."""


def main() -> None:
    """Measure, print a table, and write the figures where `--json` says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    arguments = parser.parse_args()
    console = Console()
    results = {name: _measure(size) for name, size in SIZES.items()}
    for name, timings in results.items():
        console.print(_table(name, len(signed_message(SIZES[name])), timings))
    small = results["5 KB"]
    ratio = small[ONE_KEY].ratio_to(small[PEER])
    added = small[TWO_KEYS].difference_to(small[ONE_KEY])
    check = small[FLOOR_TWO].difference_to(small[FLOOR])
    console.print(f"5 KB: {ratio:.2f} x python-xmlsec (target: at most {TARGET})")
    console.print(f"5 KB: a second trusted key adds {added:.0f} µs; a bare signature check {check:.0f} µs")
    if arguments.json:
        arguments.json.write_text(json.dumps(_figures(results), indent=1) + "\n")


def _measure(size: int) -> dict[str, Timing]:
    message, signer = signed_message(size), entry("old")
    return compare(
        {
            ONE_KEY: wssgate(message, "old"),
            TWO_KEYS: wssgate(message, "old", "new"),
            PEER: libxmlsec(message, signer),
            "zeep": zeep(message, signer),
            "signxml": signxml(message, signer),
            FLOOR: bare_steps(message, signer),
            FLOOR_TWO: bare_steps(message, signer, entry("new")),
        }
    )


def _table(name: str, size: int, timings: dict[str, Timing]) -> Table:
    table = Table(title=f"Verification of {name} ({size:,} bytes), processor time", title_justify="left")
    table.add_column("verifier")
    table.add_column("µs per message", justify="right")
    table.add_column(f"x {PEER}", justify="right")
    for verifier, timing in timings.items():
        table.add_row(verifier, f"{timing.microseconds:,.0f}", f"{timing.ratio_to(timings[PEER]):.2f}")
    return table


def _figures(results: dict[str, dict[str, Timing]]) -> dict[str, Any]:
    return {
        "schema": "wssgate.bench.verification/1",
        "sizes": {
            size: {
                name: {"microseconds": timing.microseconds, "ratio_to_xmlsec": timing.ratio_to(timings[PEER])}
                for name, timing in timings.items()
            }
            for size, timings in results.items()
        },
    }


if __name__ == "__main__":
    main()
