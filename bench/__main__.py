"""`make bench`: every part in turn, or those that are named. Ratios in one run on one machine.

Targets are printed beside what was measured, met or not met. They never decide about the exit code: a machine that is
busy with something else would make a benchmark fail that says nothing about the software.
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from bench.parts import PARTS


def main() -> None:
    """Measure, print tables, and write the figures where `--json` says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and print ratios and targets.")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; without any, all of them"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    arguments = parser.parse_args()
    if unknown := [part for part in arguments.parts if part not in PARTS]:
        parser.error(f"there is no part called {unknown[0]}; there are {', '.join(PARTS)}")
    console = Console() if sys.stdout.isatty() else Console(width=140)
    figures = {}
    for name in arguments.parts or PARTS:
        figures[name] = PARTS[name](console)
        if arguments.json:
            # After each part: whoever interrupts the rest keeps what has been measured.
            arguments.json.write_text(json.dumps({"schema": "wssgate.bench/1", **figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
