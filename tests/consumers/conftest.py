"""The clients, started once for each process of the tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.consumers import programs
from tests.consumers.clients import JAVA, NODE, Zeep
from tests.consumers.programs import ConsumerMissingError, Program, Reading

Read = Callable[[str, str, str], Reading]


@pytest.fixture(scope="session")
def java() -> Iterator[Program]:
    """Apache CXF and SAAJ."""
    yield from _running(programs.java)


@pytest.fixture(scope="session")
def node() -> Iterator[Program]:
    """node-soap."""
    yield from _running(programs.node)


@pytest.fixture(scope="session")
def zeep() -> Zeep:
    """A client of Python."""
    return Zeep()


@pytest.fixture
def read(client: str, request: pytest.FixtureRequest) -> Read:
    """What the client of the test's parameter reads."""
    name = "java" if client in JAVA else "node" if client in NODE else "zeep"
    reader: Any = request.getfixturevalue(name)
    found: Read = reader.read
    return found


def _running(start: Callable[[], Program]) -> Iterator[Program]:
    try:
        program = start()
    except ConsumerMissingError as error:
        pytest.skip(str(error))
    with program:
        yield program
