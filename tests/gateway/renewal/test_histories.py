"""No gate opens while a message that needs the old key was signed, or could be under way, or while nobody watched."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.gateway.renewal.database_place import database_place
from tests.gateway.renewal.histories import Histories

HISTORIES = int(os.environ.get("TESTING_HISTORIES", "2000"))
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_no_gate_opens_too_early_whatever_happens(part: int) -> None:
    with database_place() as here:

        class Part(Histories):
            place = here

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
