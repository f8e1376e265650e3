"""What only a database over the network can do to the writer, and what only PostgreSQL can: months."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Engine, text

from gateway.ledger import (
    ChainState,
    DatabaseUnavailable,
    LedgerUnavailable,
    LedgerWriter,
    RecordRefused,
    migrate,
    open_database,
    verify_chain,
)
from gateway.ledger.database import postgresql as postgresql_module
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.partitions import Month, drop_partition, make_partitions, partitions
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signed_heads import Head, store_head
from gateway.ledger.read import stored_records
from tests.databases import on_postgresql
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups
from tests.gateway.ledger.load import NOON, OLD, accepted, mixture
from tests.postgresql import Server
from tests.relay import Loss, Relay, relay_before

pytestmark = on_postgresql


@pytest.fixture
def relay(postgresql: Server) -> Iterator[Relay]:
    with relay_before(postgresql.port) as relay:
        yield relay


@pytest.fixture
def far_engine(engine: Engine, url: str, postgresql: Server, relay: Relay) -> Iterator[Engine]:
    """The migrated database behind the relay."""
    far = open_database(url.replace(f":{postgresql.port}/", f":{relay.port}/"))
    yield far
    far.dispose()


@pytest.mark.parametrize("begun", [True, False], ids=["in a chain", "at its beginning"])
@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.DELAY])
def test_a_commit_in_doubt_forks_no_chain_and_records_nothing_twice(
    engine: Engine, far_engine: Engine, relay: Relay, loss: Loss, begun: bool
) -> None:
    writer = LedgerWriter(far_engine, "host:1")
    if begun:
        writer.submit(mixture(0)).result(10)
    relay.loss = loss
    doubtful, next_one = mixture(1), mixture(2)
    with pytest.raises(LedgerUnavailable):
        writer.submit(doubtful).result(10)
    # At once: with `Loss.DELAY` the transaction before is still open in the server.
    assert writer.submit(next_one).result(10).record.id == next_one.id
    with pytest.raises(RecordRefused, match="in the ledger already"):
        writer.submit(doubtful).result(10)
    assert writer.close(10)
    assert relay.losses == 1
    assert len(stored_records.records(engine)) == 2 + begun
    reports = verify_chain(engine)
    assert {report.state for report in reports} == {ChainState.INTACT}
    assert sum(report.rows for report in reports) == 2 + begun
    assert stored_rollups(engine) == counted_from_rows(engine)


def test_a_head_moves_only_from_where_its_writer_left_it(engine: Engine) -> None:
    first = Head.first()
    second, other = (Head(Link(first.writer, 1, digit * 64), 1, "e" * 64) for digit in "ab")
    with writing(engine) as connection:
        store_head(connection, first, second, "host:1", None)
    gone_on = Head(Link(first.writer, 1, second.records.hash), 2, "e" * 64)
    for before in (other, Head(Link(first.writer, 7, second.records.hash), 1, "e" * 64), gone_on):
        with pytest.raises(LedgerUnavailable, match="does not end where its writer left it"), writing(engine) as one:
            store_head(one, before, Head(Link(first.writer, 8, "c" * 64), 2, "f" * 64), "host:1", None)


def test_a_writer_that_hangs_in_its_transaction_is_put_out_of_the_way(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.connect() as suspended:  # a process that stands still in the middle
        suspended.execute(text("SET LOCAL idle_in_transaction_session_timeout = '300ms'"))
        suspended.execute(text("LOCK TABLE messages IN EXCLUSIVE MODE"))
        writer = LedgerWriter(engine, "host:2")
        writer.submit(mixture(0)).result(10)
        assert writer.close(10)
        suspended.invalidate()


def test_waiting_for_a_lock_has_an_end(engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_module, "_SESSION", "SET lock_timeout = '200ms'")
    engine.dispose()
    with psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
        writer = LedgerWriter(engine, "host:1")
        with pytest.raises(LedgerUnavailable, match="pg_stat_activity"):
            writer.submit(mixture(0)).result(10)
        holder.rollback()
    writer.submit(mixture(0)).result(10)
    assert writer.close(10)


def test_a_silent_server_is_given_up(engine: Engine, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_module, "LONG_SECONDS", 0.2)
    monkeypatch.setattr(postgresql_module, "PATIENCE_SECONDS", 0.2)
    began = time.monotonic()
    with (
        pytest.raises(DatabaseUnavailable, match=r"no answer for 0\.4 s .*connects again"),
        reading(engine) as connection,
        postgresql.suspended(),
    ):
        connection.execute(text("SELECT 1"))
    assert time.monotonic() - began < 10
    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_months_are_made_ahead_and_once(engine: Engine) -> None:
    now = datetime(2031, 12, 31, 23, 59, tzinfo=UTC)
    with writing(engine) as connection:
        assert list(make_partitions(connection, now)) == [Month(2031, 12), Month(2032, 1), Month(2032, 2)]
    with writing(engine) as connection:
        assert list(make_partitions(connection, now)) == []
        assert list(make_partitions(connection, now + timedelta(minutes=2))) == [Month(2032, 3)]
        assert partitions(connection)[-4:] == tuple(Month(*m) for m in ((2031, 12), (2032, 1), (2032, 2), (2032, 3)))


def test_a_fresh_database_has_the_months_around_now(url: str) -> None:
    engine = open_database(url)
    migrate(engine)
    this = Month.of(datetime.now(UTC))
    with reading(engine) as connection:
        assert partitions(connection) == (this, this.next, this.next.next)
    engine.dispose()


def test_two_gateways_at_once_make_each_month_once(engine: Engine) -> None:
    now = datetime(2031, 5, 5, tzinfo=UTC)
    with writing(engine) as first, writing(engine) as second:
        assert len(make_partitions(first, now)) == 3
        assert make_partitions(second, now) == (), "it does not wait"


def test_records_whose_month_came_late_are_sorted_in(engine: Engine, writer: LedgerWriter) -> None:
    times = [NOON, NOON + timedelta(days=31), NOON + timedelta(days=3660)]
    for time_ in times:
        writer.submit(accepted(OLD, time=time_)).result(10)
    before = stored_records.records(engine)
    assert _places(engine) == {"messages_remainder": 3}
    with writing(engine) as connection:
        make_partitions(connection, NOON)
    assert _places(engine) == {"messages_2026_06": 1, "messages_2026_07": 1, "messages_remainder": 1}
    assert stored_records.records(engine) == before
    other = LedgerWriter(engine, "host:2")  # in one chain no record is older than the one before it
    other.submit(accepted(OLD, time=NOON)).result(10)
    assert other.close()
    assert _places(engine)["messages_2026_06"] == 2
    assert sorted((r.state, r.rows) for r in verify_chain(engine)) == [(ChainState.INTACT, 1), (ChainState.INTACT, 3)]
    with pytest.raises(Exception, match="messages are append-only"), writing(engine) as connection:
        connection.execute(text("UPDATE messages_2026_06 SET outcome = 'accepted'"))


def test_a_month_is_dropped_at_once(engine: Engine, writer: LedgerWriter) -> None:
    with writing(engine) as connection:
        make_partitions(connection, NOON)
    writer.submit(accepted(OLD)).result(10)
    with writing(engine) as connection:
        drop_partition(connection, Month.of(NOON))
    assert stored_records.records(engine) == []
    with writing(engine) as connection:
        assert Month.of(NOON) not in partitions(connection)


def _places(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        query = text("SELECT tableoid::regclass::text AS place, count(*) AS records FROM messages GROUP BY place")
        return {row.place: row.records for row in connection.execute(query)}
