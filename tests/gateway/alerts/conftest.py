"""A way to run the command in this process."""

from tests.gateway.cli.conftest import run

__all__ = ["run"]  # a fixture
