"""Timing: ratios are taken round by round, and what costs more comes out as more."""

import hashlib

import pytest

from bench.measuring import Timing, compare


def test_a_ratio_is_the_median_of_the_rounds_and_no_ratio_of_medians() -> None:
    """A machine that was slow in one round was slow for both."""
    one, other = Timing((10.0, 100.0, 10.0)), Timing((20.0, 200.0, 25.0))

    assert one.ratio_to(other) == 0.5
    assert one.difference_to(other) == -15.0
    assert one.microseconds == 10.0


def test_what_does_ten_times_the_work_costs_more() -> None:
    small, large = bytes(20_000), bytes(200_000)

    timings = compare({"small": lambda: hashlib.sha256(small), "large": lambda: hashlib.sha256(large)})

    assert timings["large"].ratio_to(timings["small"]) > 3
    assert all(cost > 0 for cost in timings["small"].rounds)


def test_a_call_that_fails_is_not_timed() -> None:
    def fail() -> None:
        raise AssertionError("the message does not verify")

    with pytest.raises(AssertionError, match="does not verify"):
        compare({"failing": fail})
