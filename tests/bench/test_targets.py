"""Targets: which side of the bound is the good one."""

import io

import pytest
from rich.console import Console

from bench.targets import Target


@pytest.mark.parametrize(
    ("measured", "at_least", "is_met"),
    [(0.4, False, True), (0.45, False, True), (0.46, False, False), (0.4, True, False), (0.46, True, True)],
)
def test_a_target_is_met_up_to_its_bound(measured: float, at_least: bool, is_met: bool) -> None:
    target = Target("5 KB: time", measured, 0.45, at_least=at_least, unit="x")
    out = io.StringIO()

    target.show(Console(file=out, width=140))

    assert target.is_met is is_met
    assert target.figures["met"] is is_met
    assert ("not met" in out.getvalue()) is not is_met
