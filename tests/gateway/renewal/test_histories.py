"""No gate opens while a message that needs the old key was signed, or could be under way, or while nobody watched."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.gateway.renewal.histories import Histories, make_template

HISTORIES = int(os.environ.get("WSSGATE_HISTORIES", "2000"))
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_no_gate_opens_too_early_whatever_happens(tmp_path: Path, part: int) -> None:
    make_template(tmp_path / "template.db")

    class Part(Histories):
        template = tmp_path / "template.db"

    Part.__name__ = f"Histories{part}"
    run_state_machine_as_test(
        Part,
        settings=settings(
            max_examples=HISTORIES // PARTS,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
