"""That "switched" is said too early in less than one of a hundred renewals with a forgotten server."""

from datetime import timedelta
from itertools import product

import pytest

from bench.switching import BOUND, SERVERS, Case, wrong
from gateway.renewal import SwitchCriteria
from gateway.renewal.cutover import switch_rule

HOUR = SwitchCriteria()
CRITICAL = [
    Case(traffic, "random", rate, servers, 0.01)
    for traffic, rate, servers in product(("steady", "bursts", "nightly"), ("1 an hour", "1 in 10 min"), (2, 8))
]
"""The smallest share, chosen at random, at rates at which the hour is short: where chance has most to say."""


@pytest.mark.parametrize("case", CRITICAL, ids=str)
def test_the_critical_cases_stay_below_one_of_a_hundred(case: Case) -> None:
    assert wrong(case, 400, HOUR) < BOUND


@pytest.mark.parametrize("rate", ["1 a day", "1 a minute", "1 a second", "100 a second"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_larger_shares_and_other_rates_stay_below_it(rate: str, share: float) -> None:
    kinds = product(("steady", "bursts", "nightly"), ("random", "round robin"), SERVERS)
    assert not any(wrong(Case(traffic, turns, rate, n, share), 5, HOUR) for traffic, turns, n in kinds)


def test_it_is_the_constants_that_keep_it_below(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("steady", "random", "1 in 10 min", 2, 0.01)
    monkeypatch.setattr(switch_rule, "QUIET_FACTOR", 1)
    assert wrong(case, 100, HOUR) > BOUND
    monkeypatch.setattr(switch_rule, "QUIET_FACTOR", 4)
    monkeypatch.setattr(switch_rule, "MEAN_DISTANCES", 3)
    assert wrong(case, 100, HOUR) > 5 * BOUND


def test_whoever_promises_a_larger_share_waits_for_fewer_messages() -> None:
    assert wrong(Case("steady", "random", "1 in 10 min", 2, 0.25), 400, SwitchCriteria(smallest_share=0.25)) < BOUND


def test_a_job_that_has_a_server_of_its_own_takes_a_quiet_time_of_more_than_a_day() -> None:
    job = Case("even", "one job a night", "1 a minute", 2, 0.01)
    assert wrong(job, 2, HOUR) == 1
    assert wrong(job, 2, SwitchCriteria(quiet_time=timedelta(hours=25))) == 0


def test_the_same_seed_gives_the_same_renewals() -> None:
    case = Case("steady", "random", "1 an hour", 8, 0.01)
    eager = SwitchCriteria(smallest_share=0.03)
    assert [case.run(n, eager, 1) for n in range(60)] == [case.run(n, eager, 1) for n in range(60)]
    assert [case.run(n, eager, 1) for n in range(60)] != [case.run(n, eager, 2) for n in range(60)]
