"""Verification beside its peers on the same bytes."""

from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measuring import Timing, compare
from bench.targets import Target
from bench.verification.floor import bare_steps
from bench.verification.messages import SIZES, signed_message
from bench.verification.verifiers import libxmlsec, signxml, wssgate, zeep
from fixtures.manifest import entry

ONE_KEY = "wssgate, 1 key"
TWO_KEYS = "wssgate, 2 keys"
PEER = "python-xmlsec"
FLOOR = "floor: bare steps"
FLOOR_TWO = "floor, one more signature check"
MOST_OF_PEER = 0.45
"""Of the time of python-xmlsec, at every size."""


def run(console: Console) -> dict[str, Any]:
    """Measure every size, print a table for each, return the figures."""
    results = {name: _measure(size) for name, size in SIZES.items()}
    for name, timings in results.items():
        console.print(_table(name, len(signed_message(SIZES[name])), timings))
    targets = [
        Target(f"{name}: time of {PEER}", timings[ONE_KEY].ratio_to(timings[PEER]), MOST_OF_PEER, unit="x")
        for name, timings in results.items()
    ]
    for target in targets:
        target.show(console)
    small = results["5 KB"]
    added = small[TWO_KEYS].difference_to(small[ONE_KEY])
    check = small[FLOOR_TWO].difference_to(small[FLOOR])
    console.print(f"5 KB: a second trusted key adds {added:.0f} µs; a bare signature check {check:.0f} µs")
    return _figures(results) | {"targets": [target.figures for target in targets]}


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
