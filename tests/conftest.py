"""Counts that the tests make, added up and printed at the end of the run."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

_PREFIX: Final = "count:"

Count = Callable[[str, str, int], None]


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Adds a number to a line of a table that the run prints: `count("mutants", "A1 moved Body", 60)`."""
    return lambda table, line, number: record_property(f"{_PREFIX}{table}:{line}", number)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables; the properties of a test come back from whatever process it ran in."""
    tables: dict[str, Counter[str]] = {}
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, number in report.user_properties:
            if str(name).startswith(_PREFIX):
                table, _, line = str(name).removeprefix(_PREFIX).partition(":")
                tables.setdefault(table, Counter())[line] += int(str(number))
    for table, lines in sorted(tables.items()):
        terminalreporter.write_sep("-", f"{table}: {lines.total():,}")
        width = max(len(line) for line in lines)
        for line, number in sorted(lines.items()):
            terminalreporter.write_line(f"{line:<{width}} {number:>9,}")
