"""When a worker that has ended is started again."""

from gateway.service.workers.restarting import PAUSES, SETTLED_SECONDS, Restarts


def test_one_that_was_killed_is_back_at_once() -> None:
    restarts = Restarts()
    assert [restarts.pause_after(SETTLED_SECONDS) for _ in range(30)] == [0.0] * 30
    assert not restarts.are_hopeless


def test_one_that_keeps_dying_waits_longer_each_time_until_it_is_hopeless() -> None:
    restarts = Restarts()
    pauses = []
    while not restarts.are_hopeless:
        pauses.append(restarts.pause_after(0.5))
        assert len(pauses) < 20
    assert tuple(pauses) == (*PAUSES, PAUSES[-1])
    assert pauses == sorted(pauses)
    assert restarts.pause_after(SETTLED_SECONDS + 1) == 0.0
    assert not restarts.are_hopeless
