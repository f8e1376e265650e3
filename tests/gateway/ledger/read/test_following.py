"""Following records: in whichever order they are committed, none is missed and none comes twice."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import (
    DatabaseUnavailable,
    LedgerWriter,
    RecordFilter,
    RecordFollower,
    StoredRecord,
    open_database,
    parse_filter,
    records,
)
from gateway.ledger.database.connections import writing
from gateway.ledger.read import following
from gateway.vocabulary import RecordedOutcome
from tests.databases import unprotected
from tests.gateway.ledger.load import NOON, OLD, accepted, rejected


def _ids(found: list[StoredRecord]) -> list[str]:
    return [stored.record.id for stored in found]


def test_none_is_missed_and_none_comes_twice(engine: Engine, writer: LedgerWriter) -> None:
    made = [accepted(OLD, time=NOON + timedelta(seconds=n)) for n in range(6)]
    for record in made[:3]:
        writer.submit(record).result(10)

    follower = RecordFollower(engine, RecordFilter(), before=2)
    assert _ids(follower.new()) == [made[1].id, made[2].id]
    assert follower.new() == []
    # Another writer, with a record that is older than all the others: it was committed late.
    other = LedgerWriter(engine, "host:2")
    late = accepted(OLD, time=NOON - timedelta(hours=1))
    other.submit(made[4]).result(10)
    other.submit(late).result(10)
    writer.submit(made[3]).result(10)
    assert _ids(follower.new()) == [late.id, made[3].id, made[4].id]
    assert other.close()
    writer.submit(made[5]).result(10)
    assert _ids(follower.new()) == [made[5].id]
    assert follower.new() == []


def test_only_what_fits_the_filter_comes(engine: Engine, writer: LedgerWriter) -> None:
    follower = RecordFollower(engine, parse_filter(["outcome:rejected reason:unsigned reason:wrapping"], NOON))
    made = [
        accepted(OLD),
        rejected("unsigned"),
        rejected("dtd"),
        rejected("wrapping", time=NOON + timedelta(seconds=1)),
    ]
    for record in made:
        writer.submit(record).result(10)
    assert _ids(follower.new()) == [made[1].id, made[3].id]


@pytest.mark.parametrize("before", [0, -1])
def test_from_now_on(engine: Engine, writer: LedgerWriter, before: int) -> None:
    writer.submit(accepted(OLD)).result(10)
    assert RecordFollower(engine, RecordFilter(), before=before).new() == []


def test_many_at_once_come_in_portions(engine: Engine, writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AT_ONCE", 4)
    follower = RecordFollower(engine, RecordFilter())
    made = [accepted(OLD, time=NOON + timedelta(seconds=n)) for n in range(10)]
    for record in made:
        writer.submit(record).result(10)
    seen = [(len(follower.new()), follower.is_behind) for _ in range(4)]
    assert seen == [(4, True), (4, True), (2, False), (0, False)]


def test_while_the_database_cannot_be_read_nothing_is_lost(
    engine: Engine, writer: LedgerWriter, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = open_database(url)
    follower = RecordFollower(own, RecordFilter())
    record = accepted(OLD)
    writer.submit(record).result(10)
    with monkeypatch.context() as broken:
        broken.setattr(following, "_heads", lambda _: (_ for _ in ()).throw(DatabaseUnavailable("gone")))
        with pytest.raises(DatabaseUnavailable):
            follower.new()
    assert _ids(follower.new()) == [record.id]
    own.dispose()


def test_a_record_that_was_altered_does_not_hide_the_next_one(engine: Engine, writer: LedgerWriter) -> None:
    follower = RecordFollower(engine, RecordFilter())
    writer.submit(accepted(OLD)).result(10)
    with writing(engine) as connection, unprotected(connection):
        connection.execute(text("UPDATE messages SET warnings = 'x'"))
    with pytest.raises(DatabaseUnavailable, match="altered"):
        records(engine)
    with_it = [accepted(OLD, time=NOON + timedelta(seconds=n)) for n in (-1, 1)]
    for record in with_it:
        writer.submit(record).result(10)
    # Those that were committed with it are not lost with it.
    for one in (follower, RecordFollower(engine, RecordFilter(), before=5)):
        with pytest.raises(DatabaseUnavailable, match="altered"):
            one.new()
        assert _ids(one.new()) == [record.id for record in with_it]
    following_one = accepted(OLD, outcome=RecordedOutcome.PASSED)
    writer.submit(following_one).result(10)
    assert _ids(follower.new()) == [following_one.id]
