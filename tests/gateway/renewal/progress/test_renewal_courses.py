"""No gate opens without its evidence, silence completes no step, and what is told as next possible is exact."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.gateway.renewal.database_place import database_place
from tests.gateway.renewal.progress.renewal_courses import RenewalCourses

COURSES = int(os.environ.get("TESTING_COURSES", "32"))
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_told_of_a_renewal_is_true_whatever_happens(part: int) -> None:
    with database_place() as here:

        class Part(RenewalCourses):
            place = here

        Part.__name__ = f"RenewalCourses{part}"
        run_state_machine_as_test(
            Part,
            settings=settings(
                max_examples=COURSES // PARTS,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
