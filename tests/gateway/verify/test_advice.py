"""Every reason tells an operator what to do next, in words that can be typed as they stand."""

import re

import pytest

from fixtures.manifest import Case, own_cases
from gateway.cli.reference import reference
from gateway.config import EndpointSettings
from gateway.verify import ADVICE, Policy, Reason, advice_on

SETTINGS = set(Policy.model_fields) | set(EndpointSettings.model_fields)
ACTIONS = {"Ask", "Check", "Compare", "Find", "Keep", "Look", "Show", "Take"}
"""An advice begins with what to do."""


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_next_action(reason: Reason) -> None:
    advice = ADVICE[reason]

    assert advice_on(str(reason)) == advice
    assert advice.split()[0] in ACTIONS
    assert advice.endswith(".")
    assert advice.isprintable()
    assert sum(advice == other for other in ADVICE.values()) == 1


@pytest.mark.parametrize("reason", Reason)
def test_the_commands_and_settings_that_an_advice_names_exist(reason: Reason) -> None:
    advice = ADVICE[reason]
    documented = reference()

    for key in re.findall(r"([a-z][a-z0-9_]*) = ", advice):
        assert key in SETTINGS, key
    for command in re.findall(r"wssgate ([a-z]+ [a-z-]+)", advice):
        assert f"## `wssgate {command}`" in documented, command
    for option in re.findall(r"--[a-z][a-z-]*", advice):
        assert option in documented, option


@pytest.mark.parametrize("case", [case for case in own_cases() if not case.accepted], ids=lambda case: case.id)
def test_every_rejection_of_the_fixtures_says_what_is_wrong_and_what_to_do(case: Case) -> None:
    verdict = case.verdict()

    assert verdict.reason is not None
    assert verdict.detail.isprintable()
    assert len(verdict.detail.split()) >= 3
    assert ADVICE[verdict.reason] != verdict.detail


@pytest.mark.parametrize("reason", [None, "", "a-reason-of-a-newer-version"])
def test_where_no_reason_is_known_there_is_no_advice(reason: str | None) -> None:
    assert advice_on(reason) is None
