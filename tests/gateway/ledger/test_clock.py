"""The ledger's clock: whatever happens to the clocks of machines, it never runs backwards, and no use is dated back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pytest
from sqlalchemy import Connection, Engine, insert

from gateway.ledger.clock import SYNC_SECONDS, LedgerClock, own_clock, steady_clock
from gateway.ledger.database.connections import writing
from gateway.ledger.database.ledger_tables import chains
from keystore import CHAIN_START, to_microseconds
from tests.databases import on_postgresql, on_sqlite
from tests.gateway.ledger.load import NOON

SECOND: Final = 1_000_000
DAY: Final = 24 * 3600 * SECOND
START: Final = to_microseconds(NOON)


class Clocks:
    """The clock of a machine, which can be set, and a steady one beside it."""

    def __init__(self) -> None:
        self.own = START
        self.steady = 100.0

    def pass_(self, seconds: float) -> None:
        self.own += int(seconds * SECOND)
        self.steady += seconds

    def ledger(self) -> LedgerClock:
        return LedgerClock(lambda: self.own, lambda: self.steady)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as connection:
        yield connection


def _commit(connection: Connection, time: int, writer: str = "another") -> None:
    """The head of a chain was committed at `time`."""
    head = {"writer": writer, "instance": writer, "sequence": 1, "hash": CHAIN_START, "time": time}
    connection.execute(insert(chains), head)


def test_the_clocks_are_those_of_the_machine() -> None:
    assert abs(own_clock() - to_microseconds(datetime.now(UTC))) < SECOND
    assert 0 <= steady_clock() <= steady_clock()


@on_sqlite
def test_it_is_that_of_the_machine_as_long_as_nobody_sets_it(clocks: Clocks, connection: Connection) -> None:
    clock = clocks.ledger()
    for _ in range(5):
        clock.sync(connection)
        assert (clock.now(), clock.offset()) == (clocks.own, 0)
        clocks.pass_(7)
        assert (clock.now(), clock.offset()) == (clocks.own, 0)


@on_sqlite
def test_however_long_the_machine_has_run_no_microsecond_is_missing(clocks: Clocks, connection: Connection) -> None:
    # Where a float gets a digit more before its point, it loses one at its end.
    for before in range(1, 200):
        clocks.steady = 65536 - before / 7.3
        clock = clocks.ledger()
        clock.sync(connection)
        clocks.pass_(30)
        assert (clock.now(), clock.offset()) == (clocks.own, 0), clocks.steady


@on_sqlite
@pytest.mark.parametrize("waited", [0.0, 1.0, SYNC_SECONDS + 1])
def test_a_clock_that_is_set_back_while_running_is_left_behind(
    clocks: Clocks, connection: Connection, waited: float
) -> None:
    clock = clocks.ledger()
    clock.sync(connection)
    clocks.pass_(3)
    clocks.own -= 6 * DAY
    clocks.pass_(waited)
    clock.sync(connection)
    assert clock.now() == START + int((3 + waited) * SECOND)
    assert clock.offset() == 6 * DAY
    clocks.pass_(3600)
    clock.sync(connection)
    assert clock.now() == START + int((3603 + waited) * SECOND)
    # Put right again, it is followed again.
    clocks.own += 6 * DAY
    clock.sync(connection)
    assert (clock.now(), clock.offset()) == (clocks.own, 0)


@on_sqlite
def test_a_clock_that_was_set_back_before_a_start_is_left_behind(clocks: Clocks, connection: Connection) -> None:
    _commit(connection, START)
    clocks.own -= 6 * DAY
    clock = clocks.ledger()
    clock.sync(connection)
    assert (clock.now(), clock.offset()) == (START, 6 * DAY)
    for _ in range(4):
        clocks.pass_(SYNC_SECONDS + 1)
        clock.sync(connection)
    assert clock.now() == START + 4 * int((SYNC_SECONDS + 1) * SECOND)


def test_whoever_is_days_behind_sees_what_another_committed(clocks: Clocks, connection: Connection) -> None:
    # On PostgreSQL as on SQLite: also the clock of a server can be set back.
    ahead = to_microseconds(datetime.now(UTC)) + 5 * DAY
    clocks.own = ahead - 5 * DAY
    clock = clocks.ledger()
    clock.sync(connection)
    assert clock.now() < ahead - 4 * DAY
    _commit(connection, ahead)
    clocks.pass_(SYNC_SECONDS + 1)
    clock.sync(connection)
    assert clock.now() >= ahead
    late = clocks.ledger()
    late.sync(connection)
    assert late.now() >= ahead


@on_postgresql
def test_on_postgresql_it_is_the_servers(clocks: Clocks, connection: Connection) -> None:
    clocks.own = START - 5 * DAY
    clock = clocks.ledger()
    clock.sync(connection)
    assert abs(clock.now() - own_clock()) < 10 * SECOND
    assert abs(clock.offset() - (own_clock() - clocks.own)) < 10 * SECOND


@on_sqlite
def test_a_little_behind_it_stands_still_until_the_clock_has_come_up(clocks: Clocks, connection: Connection) -> None:
    clock = clocks.ledger()
    clock.sync(connection)
    clocks.pass_(SYNC_SECONDS + 1)
    reached = clock.now()
    clocks.own -= 4 * SECOND
    clock.sync(connection)
    assert clock.now() == reached
    clocks.pass_(3)
    assert clock.now() == reached
    clocks.pass_(2)
    assert clock.now() == reached + SECOND == clocks.own


@on_sqlite
def test_no_writer_is_earlier_than_a_head_that_is_a_little_ahead(clocks: Clocks, connection: Connection) -> None:
    _commit(connection, START + 4 * SECOND)
    clock = clocks.ledger()
    clock.sync(connection)
    assert clock.now() == START + 4 * SECOND
    clocks.pass_(5)
    assert clock.now() == START + 5 * SECOND


@on_sqlite
@pytest.mark.parametrize("days", [3, 0.001])
def test_a_clock_that_is_set_ahead_is_followed_at_once(clocks: Clocks, connection: Connection, days: float) -> None:
    clock = clocks.ledger()
    clock.sync(connection)
    clock.now()
    clocks.own += int(days * DAY)
    clock.sync(connection)
    assert (clock.now(), clock.offset()) == (clocks.own, 0)


@on_sqlite
def test_a_machine_that_slept_goes_on_in_the_present(clocks: Clocks, connection: Connection) -> None:
    # Where the steady clock went on.
    clock = clocks.ledger()
    clock.sync(connection)
    clocks.pass_(3 * 86400)
    clock.sync(connection)
    assert clock.now() == START + 3 * DAY
    # Where it did not, because a whole virtual machine stood still, and its clock was then put right.
    clocks.own += 3 * DAY
    clock.sync(connection)
    assert clock.now() == START + 6 * DAY


@on_sqlite
@pytest.mark.parametrize("step", [6 * DAY, -6 * DAY, 4 * SECOND, -4 * SECOND])
def test_what_was_recorded_before_the_clock_was_set_keeps_its_date(
    clocks: Clocks, connection: Connection, step: int
) -> None:
    # A record may wait for minutes until it is written.
    clock = clocks.ledger()
    clock.sync(connection)
    time, lead = clocks.own, clock.lead()
    clocks.pass_(60)
    clocks.own += step
    clock.sync(connection)
    told = time + clock.offsets([lead])[0]
    # By whatever clock it is counted from now on: a minute ago.
    assert told == clock.now() - 60 * SECOND


@on_sqlite
def test_it_never_runs_backwards(clocks: Clocks, connection: Connection) -> None:
    clock, before = clocks.ledger(), 0
    steps = [0, -DAY, 2 * DAY, -4 * SECOND, 4 * SECOND, -6 * SECOND, -40 * DAY, 1, 40 * DAY, -SECOND, -DAY]
    for number, step in enumerate(steps * 3):
        clocks.own += step
        clocks.pass_((0.0, 1.0, 11.0)[number % 3])
        clock.sync(connection)
        assert clock.now() >= before
        before = clock.now()
        if number % 4 == 3:  # another process, which knows what was committed
            _commit(connection, before, f"writer {number}")
            clock = clocks.ledger()
            clock.sync(connection)
            assert clock.now() >= before


@on_sqlite
def test_an_offset_does_not_change_with_every_record(clocks: Clocks, connection: Connection) -> None:
    clock = clocks.ledger()
    clock.sync(connection)
    for drift in (300, 600, -300):
        clocks.own += drift
        assert clock.offset() == 0
    clocks.own -= 2000
    assert clock.offset() == 1400
