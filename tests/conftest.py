"""What all tests share: the databases that they run on, and counts that are printed at the end of the run."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import structlog

from tests.databases import lay_out, make_tables
from tests.postgresql import Server, installed, running_server

_PREFIX: Final = "count:"

Count = Callable[[str, str, int], None]


QUICK_TESTS: Final = 9
"""Of each file with `--quick`, evenly spread over its tables of cases."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--quick`: what a change to the code is likely to break, in under a minute (`make quick`)."""
    parser.addoption("--quick", action="store_true", help="a sample of each file, and no PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--quick`, keep a sample of each file."""
    if not config.getoption("--quick"):
        return
    by_file: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if "postgresql" not in item.nodeid:
            by_file.setdefault(item.path, []).append(item)
    kept = {item for found in by_file.values() for item in _spread(found)}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """At most `QUICK_TESTS` of `items`."""
    return items[:: -(-len(items) // QUICK_TESTS)]


def pytest_configure() -> None:
    """Logs go through the standard library, as a gateway's do.

    Its threads log while pytest puts one captured stream into the place of another: printing to one that is just being
    closed fails, or takes the interpreter down.
    """
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())
    logging.getLogger("gateway").setLevel(logging.INFO)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A test that serves in this process has logs written to a stream that is captured for it alone."""
    root = logging.getLogger()
    handlers, level, configuration = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running server, one for each process of the tests."""
    if installed() is None:
        pytest.skip("PostgreSQL is not installed here; on Debian: apt-get install postgresql")
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own: whoever asks for it runs on each kind; see `on_sqlite` and `on_postgresql`.

    Where the test asks for `migrated_url` as well, it has its tables already.
    """
    has_tables = "migrated_url" in request.fixturenames
    if request.param == "sqlite":
        if has_tables:
            lay_out(tmp_path / "wssgate.db")
        yield f"sqlite:///{tmp_path}/wssgate.db"
    else:
        server: Server = request.getfixturevalue("postgresql")
        template = request.getfixturevalue("postgresql_template") if has_tables else ""
        with server.database(template) as url:
            yield url


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """The same with all tables: copied, which takes a tenth of the time that the migrations do."""
    return database_url


@pytest.fixture
def migrated_file(tmp_path: Path) -> str:
    """The URL of an SQLite database `wssgate.db` in the test's folder, with all tables."""
    lay_out(tmp_path / "wssgate.db")
    return f"sqlite:///{tmp_path}/wssgate.db"


@pytest.fixture(scope="session")
def postgresql_template(postgresql: Server) -> str:
    """The name of a migrated database to be copied."""
    name = "template_with_tables"
    postgresql.administer(f"CREATE DATABASE {name}")
    make_tables(postgresql.url(name))
    return name


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
