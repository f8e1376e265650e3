"""Starts are measured of programs that do their work."""

import subprocess
import sys

import pytest

from bench.startup import Process


def test_a_start_costs_processor_time() -> None:
    assert Process((sys.executable, "-c", "pass")).run(1) > 0


def test_a_command_that_fails_is_not_timed() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Process((sys.executable, "-m", "gateway.cli", "verfy")).run(1)
