"""One row of the hostile table, measured for real: a fresh process verifies the message and tells what it took."""

import pytest

from bench.hostile import table
from bench.hostile.table import Cost, measure
from fixtures.costly import HOSTILE

CASE = next(case for case in HOSTILE if case.id == "a long digest")


def test_a_case_is_measured_in_a_process_of_its_own() -> None:
    cost = measure(CASE)

    assert cost.failure == ""
    assert cost.reason in CASE.reasons
    assert cost.is_expected
    assert 0 < cost.milliseconds < 60_000
    assert cost.peak > 10_000_000


def test_a_process_that_fails_is_a_row_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MODULE", "bench.hostile.nowhere")

    cost = measure(CASE)

    assert "nowhere" in cost.failure
    assert not cost.is_met


@pytest.mark.parametrize(
    ("milliseconds", "peak", "reason", "is_met"),
    [
        (249.0, 199_000_000, "structure", True),
        (251.0, 100_000_000, "structure", False),
        (10.0, 201_000_000, "structure", False),
        (10.0, 100_000_000, "dtd", False),
        (10.0, 100_000_000, None, False),
    ],
)
def test_a_hostile_message_keeps_both_limits_and_is_rejected_for_the_right_reason(
    milliseconds: float, peak: int, reason: str | None, is_met: bool
) -> None:
    assert Cost(CASE, 1_000_000, reason, milliseconds, 0, peak).is_met is is_met
