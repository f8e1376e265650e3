"""How much it takes to say "switched". That it is enough is shown by `tests/bench/test_switching.py`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import load_settings
from gateway.renewal import SwitchCriteria, switch_criteria
from gateway.renewal.cutover.switch_rule import NOT_WEIGHED, switch_evidence

HOUR = timedelta(hours=1)
ONE_PERCENT = SwitchCriteria()


def enough(messages: int = 10**6, quiet: timedelta = 1000 * HOUR, **given: Any) -> bool:
    criteria = given.pop("criteria", ONE_PERCENT)
    return switch_evidence(criteria, messages=messages, quiet=quiet, **given).sufficient


@pytest.mark.parametrize(
    ("share", "messages"), [(0.01, 800), (0.5, 16), (0.25, 32), (0.001, 8000), (0.3, 27), (0.07, 115)]
)
def test_the_fewest_messages_are_eight_times_the_distance_of_the_smallest_share(share: float, messages: int) -> None:
    criteria = SwitchCriteria(smallest_share=share)
    assert criteria.fewest_messages == messages
    assert not enough(messages - 1, criteria=criteria)
    assert enough(messages, criteria=criteria)


def test_the_fewest_messages_are_asked_for_also_where_no_two_keys_were_seen_together() -> None:
    assert not enough(1)
    assert not enough(799, old_together=0)
    assert not enough(799, old_together=5, new_together=5)


def test_where_they_were_it_takes_what_the_rule_of_three_asks_for_if_that_is_more() -> None:
    together: dict[str, Any] = {"new_together": 9_999, "old_together": 1}
    assert not enough(29_999, **together)
    assert enough(30_000, **together)
    # Rounded up: 3 * (700 + 2) / 2 = 1,053; 3 * (701 + 2) / 2 = 1,054.5.
    assert (
        switch_evidence(ONE_PERCENT, messages=0, quiet=HOUR, new_together=700, old_together=2).messages_needed == 1053
    )
    assert (
        switch_evidence(ONE_PERCENT, messages=0, quiet=HOUR, new_together=701, old_together=2).messages_needed == 1055
    )


def test_the_old_key_must_be_quiet_for_the_quiet_time() -> None:
    assert not enough(quiet=HOUR - timedelta(microseconds=1))
    assert enough(quiet=HOUR)
    day = SwitchCriteria(quiet_time=25 * HOUR)
    assert not enough(quiet=24 * HOUR, criteria=day)
    assert enough(quiet=25 * HOUR, criteria=day)
    assert enough(quiet=timedelta(0), criteria=SwitchCriteria(quiet_time=timedelta(0)))


def test_and_for_longer_than_it_ever_was() -> None:
    assert not enough(quiet=5 * HOUR, longest_ever=5 * HOUR)
    assert enough(quiet=5 * HOUR + timedelta(microseconds=1), longest_ever=5 * HOUR)


def test_and_for_longer_than_four_times_what_it_was_since_the_new_key_was_first_seen() -> None:
    pauses: dict[str, Any] = {"longest_ever": 5 * HOUR, "longest_together": 2 * HOUR}
    assert not enough(quiet=8 * HOUR, **pauses)
    assert enough(quiet=8 * HOUR + timedelta(microseconds=1), **pauses)
    found = switch_evidence(ONE_PERCENT, messages=1, quiet=HOUR, longest_ever=5 * HOUR, longest_together=2 * HOUR)
    assert (found.quiet_needed, found.longest_quiet) == (8 * HOUR, 5 * HOUR)


@given(
    messages=st.integers(0, 10**7),
    quiet=st.timedeltas(timedelta(0), 1000 * HOUR),
    new=st.integers(0, 10**6),
    old=st.integers(0, 10**6),
    ever=st.timedeltas(timedelta(0), 1000 * HOUR),
    together=st.timedeltas(timedelta(0), 1000 * HOUR),
    share=st.floats(0.001, 0.5),
)
def test_all_three_are_always_asked_for(
    messages: int, quiet: timedelta, new: int, old: int, ever: timedelta, together: timedelta, share: float
) -> None:
    criteria = SwitchCriteria(HOUR, share)
    found = switch_evidence(
        criteria,
        messages=messages,
        quiet=quiet,
        new_together=new,
        old_together=old,
        longest_ever=ever,
        longest_together=together,
    )
    assert found.sufficient == (
        messages >= 7.99 / share
        and messages >= found.messages_needed
        and messages * old >= 3 * (new + old) * bool(old)
        and quiet >= HOUR
        and (quiet > ever or not ever)
        and (quiet > 4 * together or not together)
    )


def test_what_share_could_be_missed_is_what_one_in_a_hundred_times_no_message_shows() -> None:
    assert NOT_WEIGHED.share_missed == 1
    for messages in (1, 800, 10**6):
        share = switch_evidence(ONE_PERCENT, messages=messages, quiet=HOUR).share_missed
        assert (1 - share) ** messages == pytest.approx(0.01)


def test_the_criteria_of_each_endpoint_are_in_its_settings(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/orders"\n'
        '[endpoint.jobs]\npath = "/jobs"\nupstream = "http://127.0.0.1:9/jobs"\n'
        'switch_quiet_time = "25h"\nswitch_smallest_share = 0.25\n'
    )
    criteria = switch_criteria(load_settings(tmp_path / "gateway.toml"))
    assert criteria == {"orders": SwitchCriteria(), "jobs": SwitchCriteria(25 * HOUR, 0.25)}
