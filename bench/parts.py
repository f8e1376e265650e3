"""The parts of the benchmark, by the name that the command line knows them by."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from bench import reports, startup
from bench.hostile import table as hostile
from bench.load import comparison as load
from bench.verification import comparison, keys, multipart

Part = Callable[[Console], Mapping[str, Any]]
"""Measures, prints on the console, and returns its figures for JSON."""
PARTS: Mapping[str, Part] = {
    "verification": comparison.run,
    "multipart": multipart.run,
    "keys": keys.run,
    "hostile": hostile.run,
    "load": load.run,
    "reports": reports.run,
    "startup": startup.run,
}
