"""The writer's pace: pauses where records come thick, and nowhere else."""

import asyncio

from sqlalchemy import Engine

from gateway.ledger import LedgerWriter
from gateway.ledger.pace import GATHER_SECONDS, Pace
from tests.gateway.ledger.load import mixture


def play(pace: Pace, gap: float, groups: int, start: float = 0.0) -> tuple[int, int]:
    """Records every `gap` seconds, groups taken at once or after a pause: how many pauses, and records in all."""
    now, pauses, records = start, 0, 0
    for _ in range(groups):
        pause = pace.pause()
        came = max(1, int(pause / gap))
        now += max(came * gap, pause)
        pace.took(came, now)
        pauses += pause > 0
        records += came
    return pauses, records


def test_records_that_come_thick_share_a_commit() -> None:
    pauses, records = play(Pace(0.0), GATHER_SECONDS / 10, 200)
    assert pauses > 150
    assert records > 1500


def test_records_that_come_seldom_are_never_waited_with() -> None:
    assert play(Pace(0.0), GATHER_SECONDS / 2, 200) == (0, 200)


def test_who_sends_one_after_the_other_is_hardly_slowed() -> None:
    pace, now, pauses = Pace(0.0), 0.0, 0
    for _ in range(1000):  # the next record comes only after the receipt of this one
        pause = pace.pause()
        pauses += pause > 0
        now += GATHER_SECONDS / 10 + pause
        pace.took(1, now)
    assert 1 <= pauses <= 1000 / 60


def test_no_pause_follows_a_silence() -> None:
    pace = Pace(0.0)
    play(pace, GATHER_SECONDS / 10, 200)
    assert pace.pause() > 0
    pace.took(1, 3600.0)
    assert pace.pause() == 0


def test_a_pause_ends_when_as_many_have_come_as_are_under_way() -> None:
    pace = Pace(0.0)
    assert pace.wanted == 3
    pace.took(1, 0.001)
    pace.wrote(1, 11)  # one alone in a commit, and the others waited for it
    assert pace.wanted == 12
    assert pace.pause() > 0


def test_how_many_are_under_way_fades() -> None:
    pace, wanted = Pace(0.0), []
    pace.wrote(5, 35)
    for turn in range(20):
        pace.pause()
        pace.took(4, 0.005 * turn)
        pace.wrote(4, 0)
        wanted.append(pace.wanted)
    assert wanted[0] > 30
    assert wanted[-1] in (4, 5)
    assert wanted == sorted(wanted, reverse=True)


def test_one_group_after_many_at_once_that_do_not_come_again_costs_one_pause() -> None:
    pace = Pace(0.0)
    pace.wrote(1, 40)
    pauses = []
    for turn in range(1, 11):
        pauses.append(pace.pause() > 0)
        pace.took(1, turn * GATHER_SECONDS)
        pace.wrote(1, 0)
    assert pauses == [True, *[False] * 9]


def test_under_load_groups_are_large(engine: Engine) -> None:
    async def client(number: int) -> None:
        for turn in range(40):
            await writer.append(mixture(100 * number + turn))

    async def load() -> None:
        await asyncio.gather(*(client(number) for number in range(16)))

    writer = LedgerWriter(engine, "host:1")
    try:
        asyncio.run(load())
        assert writer.state.records == 640
        assert writer.state.groups < 640 / 4
    finally:
        writer.close()
