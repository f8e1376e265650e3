"""First at once, then an hour's repeats in one sum."""

from gateway.ledger.outbox.folding import FOLD_MICROSECONDS, Folded

NOON = 1_780_000_000_000_000
MINUTE = 60_000_000


def told(times: int, *, is_on: bool = False) -> Folded:
    return Folded().found(times=times, lasts=is_on).told(NOON)


def test_what_was_never_told_is_told_at_once() -> None:
    assert Folded().found(times=1).is_due(NOON)
    assert Folded().found(lasts=True).is_due(NOON)
    assert Folded().found().is_due(NOON)
    assert not Folded().is_due(NOON)


def test_what_is_found_again_changes_nothing() -> None:
    once = Folded().found().told(NOON)
    assert once.found() == once
    assert told(3).found(times=3) == told(3)
    assert told(3).found(times=2) == told(3), "a count that somebody began anew takes nothing back"
    lasting = Folded().found(lasts=True).told(NOON)
    assert lasting.found(lasts=True) == lasting


def test_repeats_wait_for_an_hour_and_are_told_in_one_sum() -> None:
    more = told(1).found(times=5).found(times=9)
    assert not more.is_due(NOON + 59 * MINUTE)
    assert more.is_due(NOON + FOLD_MICROSECONDS)
    assert more.times - more.told_times == 8
    assert not more.told(NOON + FOLD_MICROSECONDS).is_due(NOON + 3 * FOLD_MICROSECONDS)


def test_each_time_that_is_found_once_adds_up() -> None:
    more = Folded().found(adds=1).told(NOON).found(adds=1).found(adds=2)
    assert (more.times, more.told_times) == (4, 1)


def test_the_first_repeat_after_a_quiet_hour_is_told_at_once() -> None:
    assert told(1).found(times=2).is_due(NOON + 2 * FOLD_MICROSECONDS)


def test_that_it_is_over_is_told_at_once_and_a_flapping_one_hourly() -> None:
    over = told(1, is_on=True).over()
    assert over.is_due(NOON + MINUTE)
    state, notices = over.told(NOON + MINUTE), 0
    for minute in range(2, 61):
        state = state.found(lasts=True) if minute % 2 else state.over()
        if state.is_due(NOON + minute * MINUTE):
            state, notices = state.told(NOON + minute * MINUTE), notices + 1
    assert notices == 0
    assert state.is_due(NOON + 61 * MINUTE)
    assert state.times - state.told_times == 29


def test_a_clock_that_is_set_back_silences_nobody_for_as_long() -> None:
    assert told(1).found(times=2).is_due(NOON - 2 * FOLD_MICROSECONDS)


def test_over_of_what_nobody_was_told_is_no_news() -> None:
    assert not Folded().over().is_due(NOON)
